"""A run: what its stages share. One per execution of an experiment.

`Run` holds the cluster, the ledger and the monitor, the load while it runs, and the two things
that come from outside: a decision, and an abort. The stages stand in checking.py, loading.py,
detecting.py and restoring.py; conductor.py puts them in order.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from bot.domain.approval import Decision
from bot.domain.cluster import Node, NodeEvent, View
from bot.domain.errors import Undecidable
from bot.domain.events import AbortAsked, Decided, Noted, SignalSeen
from bot.domain.experiment import Experiment, Signal, Stage, Timings
from bot.domain.report import Report
from bot.domain.signals import own
from bot.domain.target import Target
from bot.engine.ledger import Ledger
from bot.engine.monitor import Monitor
from bot.engine.ports import Clock, Cluster

_SHOWS = {
    "die": Signal.NODE_EXIT,
    "pause": Signal.NODE_PAUSED,
    "disconnect": Signal.NODE_CUT_OFF,
}
_BACK = {
    Signal.NODE_EXIT: ("start", "is running"),
    Signal.NODE_PAUSED: ("unpause", "is running"),
    Signal.NODE_CUT_OFF: ("connect", "is on its network"),
}


class Run:
    """One execution of an experiment, while it lasts."""

    def __init__(
        self, experiment: Experiment, ledger: Ledger, monitor: Monitor, clock: Clock
    ) -> None:
        self.experiment = experiment
        self.ledger = ledger
        self.monitor = monitor
        self.clock = clock
        self.changed = asyncio.Event()  # something happened that is worth a look at once
        self.decided = asyncio.Event()
        self.aborted: AbortAsked | None = None
        self.failure: BaseException | None = None
        self.stages: asyncio.Task[Any] | None = None
        self.before: View | None = None  # the cluster in steady state
        self.during: View | None = None  # the newest look at it with the fault in
        self.restore_began = 0.0  # on the monotonic clock
        self.told: NodeEvent | None = None  # by the backend, of the node: that the fault is in
        self._node: Node | None = None
        self._deciding = asyncio.Lock()

    @property
    def cluster(self) -> Cluster:
        """The cluster that the run is on."""
        return self.monitor.cluster

    @property
    def report(self) -> Report:
        """The run so far."""
        return self.ledger.report

    @property
    def timings(self) -> Timings:
        """The deadlines that the run keeps."""
        return self.report.timings

    @property
    def node(self) -> Node:
        """The node that was chosen."""
        if self._node is None:
            raise RuntimeError("no node is chosen before checking ends")
        return self._node

    @property
    def on_node(self) -> Experiment:
        """The experiment, with the node that was chosen for its target.

        PD's leader stays PD's leader: it may be another one by now.
        """
        if self.experiment.target.leader:
            return self.experiment
        return self.experiment.model_copy(update={"target": Target(name=self.node.name.lower())})

    def choose(self, node: Node, before: View) -> None:
        """Settle on a node, and on the view that all later ones are compared with."""
        self._node, self.before = node, before

    def since_injection(self, moment: datetime) -> float:
        """Seconds from the injection to a moment, never negative."""
        injected = self.report.fault.injected_at
        if injected is None:
            raise RuntimeError("nothing is injected yet")
        return max(0.0, (moment - injected).total_seconds())

    def in_seconds(self, seconds: float) -> datetime:
        """The moment that is so far ahead."""
        return self.clock.now() + timedelta(seconds=seconds)

    async def see(self, signal: Signal, moment: datetime, detail: str) -> None:
        """Note a signal, the first time that it is seen."""
        if self.report.signal(signal) is None:
            seconds = self.since_injection(moment)
            await self.ledger.write(SignalSeen(signal=signal, seconds=seconds, detail=detail))
            self.changed.set()

    async def decide(self, decision: Decision, by: str) -> None:
        """Decide about the node, once.

        Raises:
            Undecidable: it is decided already, or there is nothing to decide.
        """
        async with self._deciding:
            taken = self.report.approval
            if taken is not None:
                raise Undecidable(
                    f"Run {self.ledger.run} is already decided: "
                    f"{taken.decision.value} by {taken.by}."
                )
            if self.report.stage is not Stage.AWAITING_APPROVAL or self.aborted:
                raise Undecidable(f"Run {self.ledger.run} is not waiting for an approval.")
            asked_at = self.report.stages[-1].started_at
            waited = (self.clock.now() - asked_at).total_seconds()
            await self.ledger.write(Decided(decision=decision, by=by, seconds=max(0.0, waited)))
            self.decided.set()

    def abort(self, by: str, why: str) -> None:
        """Stop the stages; the conductor then restores the node.

        Raises:
            Undecidable: the run is over, or aborted already.
        """
        if self.report.finished:
            raise Undecidable(f"Run {self.ledger.run} is over: {self.report.outcome}.")
        if self.aborted:
            raise Undecidable(f"Run {self.ledger.run} is being aborted by {self.aborted.by}.")
        self.aborted = AbortAsked(by=by, why=why)
        self._stop()

    def fail(self, error: BaseException) -> None:
        """Stop the stages because something that runs beside them has failed."""
        self.failure = self.failure or error
        self._stop()

    def _stop(self) -> None:
        if self.stages:
            self.stages.cancel()

    async def follow_nodes(self) -> None:
        """Turn what the backend tells of nodes into signals and notes. Runs until cancelled."""
        async with aclosing(self.cluster.backend.events()) as events:
            async for event in events:
                await self._happened(event)

    async def _happened(self, event: NodeEvent) -> None:
        report = self.report
        if report.injection is None or event.at < report.started_at:
            return
        mine, signal = event.node == self.node.name, own(self.experiment.fault)
        back, how = _BACK[signal]
        if mine and _SHOWS.get(event.event) is signal:
            await self._broke(event)
        elif mine and event.event == back and report.broken:
            if report.stage is not Stage.RESTORING and self.experiment.fault.lasts:
                await self.ledger.write(Noted(note=f"{event.node} {how} again, and not by us."))
        elif event.event == "die":
            await self.ledger.write(
                Noted(note=f"{event.node} died too, with exit {event.exit_code}.")
            )
        elif event.event == "destroy":
            await self.ledger.write(Noted(note=f"The container of {event.node} was removed."))
        self.changed.set()

    async def _broke(self, event: NodeEvent) -> None:
        if self.report.fault.rolled_back_at:
            if event.event == "die":
                await self.ledger.write(
                    Noted(note=f"{event.node} died again, with exit {event.exit_code}.")
                )
            return
        self.told = self.told or event  # it may come before the injecting call has returned
        if self.report.fault.injected_at:
            await self.see_told()

    async def see_told(self) -> None:
        """Note the signal that the backend gave of the fault, if it has."""
        if self.told:
            signal = own(self.experiment.fault)
            dead = signal is Signal.NODE_EXIT
            detail = f"exit {self.told.exit_code}" if dead else "told by what runs it"
            await self.see(signal, self.told.at, detail)

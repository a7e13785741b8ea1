"""A run: what its stages share. One per execution of an experiment.

`Run` holds the cluster, the ledger and the monitor, the load while it runs, and what comes from
outside: votes, an abort, a hand-over to the next process. The stages stand in checking.py, loading.py,
detecting.py, diagnosing.py and restoring.py; conductor.py puts them in order.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from bot.domain.cluster import Node, NodeEvent, NodeState, View
from bot.domain.errors import ClusterError, Undecidable
from bot.domain.events import (
    AbortAsked,
    History,
    Noted,
    SignalSeen,
    SteadyStateSeen,
    TargetChosen,
)
from bot.domain.experiment import Experiment, Signal, Stage, Timings
from bot.domain.report import Report
from bot.domain.signals import own
from bot.domain.target import Target
from bot.engine.ballot import Ballot
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
        self.ballot = Ballot(ledger, clock)
        self.aborted: AbortAsked | None = None
        self.failure: BaseException | None = None
        self.handed_over = False
        self.left_at: Stage | None = None  # where an earlier process has left it
        self.stages: asyncio.Task[Any] | None = None
        self.before: View | None = None  # the cluster in steady state
        self.during: View | None = None  # the newest look at it with the fault in
        self.restore_began = 0.0  # on the monotonic clock
        self.told: NodeEvent | None = None  # by the backend, of the node: that the fault is in
        self._node: Node | None = None

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

    def take_up(self, history: History) -> None:
        """Know again what an earlier process knew: where it stood, the node, the steady state."""
        self.left_at = self.report.stage
        for record in history:
            match record.event:
                case TargetChosen(node=node):
                    self._node = node
                case SteadyStateSeen(view=view):
                    self.before = view

    def choose(self, node: Node, before: View) -> None:
        """Settle on a node, and on the view that all later ones are compared with."""
        self._node, self.before = node, before

    def since_injection(self, moment: datetime) -> float:
        """Seconds from the injection to a moment, never negative."""
        injected = self.report.fault.injected_at
        if injected is None:
            raise RuntimeError("nothing is injected yet")
        return max(0.0, (moment - injected).total_seconds())

    def past(self, stage: Stage) -> bool:
        """Whether an earlier process has left the run beyond a stage."""
        order = list(Stage)
        return self.left_at is not None and order.index(self.left_at) > order.index(stage)

    async def stay(self, stage: Stage, seconds: float) -> float:
        """Enter a stage that ends by itself after so long; the seconds that are left of it.

        A stage that an earlier process had entered keeps its deadline; however the machine's time
        may have jumped since, it takes no longer than it would have anew.
        """
        deadline = self.report.deadline
        if self.report.stage is stage and deadline is not None:
            return min(max(0.0, (deadline - self.clock.now()).total_seconds()), seconds)
        await self.ledger.enter(stage, self.in_seconds(seconds))
        return seconds

    @property
    def since_restore(self) -> float:
        """Seconds since the node's restore began, as far as the history tells; 0.0 if it has not."""
        began = [s.started_at for s in self.report.stages if s.stage is Stage.RESTORING]
        if not began:
            return 0.0
        return max(0.0, (self.clock.now() - began[-1]).total_seconds())

    def in_seconds(self, seconds: float) -> datetime:
        """The moment that is so far ahead."""
        return self.clock.now() + timedelta(seconds=seconds)

    async def see(self, signal: Signal, moment: datetime, detail: str) -> None:
        """Note a signal, the first time that it is seen."""
        if self.report.signal(signal) is None:
            seconds = self.since_injection(moment)
            await self.ledger.write(SignalSeen(signal=signal, seconds=seconds, detail=detail))
            self.changed.set()

    async def abort(self, by: str, why: str) -> None:
        """Stop the stages; the conductor then restores the node.

        Raises:
            Undecidable: the run is over, or aborted already.
        """
        if self.report.finished:
            raise Undecidable(f"Run {self.ledger.run} is over: {self.report.outcome}.")
        if self.aborted:
            raise Undecidable(f"Run {self.ledger.run} is being aborted by {self.aborted.by}.")
        self.aborted = AbortAsked(by=by, why=why)
        await self.ledger.try_write(self.aborted)
        self._stop()

    def hand_over(self) -> None:
        """Stop the stages and leave everything as it is: the next process takes it up."""
        self.handed_over = True
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

    async def look_back(self) -> None:
        """Note what the backend would have told of the node while nobody listened."""
        if self.report.signal(own(self.experiment.fault)) or not self.report.broken:
            return
        try:
            now = next(n for n in await self.cluster.backend.nodes() if n.name == self.node.name)
        except (ClusterError, StopIteration):
            return  # who cannot be asked now tells nothing of then
        at = self.report.fault.injected_at or self.clock.now()
        event = None
        if now.state is NodeState.EXITED:
            event, at = "die", now.finished_at or self.clock.now()
        elif now.state is NodeState.PAUSED:
            event = "pause"
        elif now.started_at and now.started_at > at:
            event, at = "die", now.started_at
        if _SHOWS.get(event or "") is own(self.experiment.fault):
            await self._broke(
                NodeEvent(at=at, node=now.name, event=str(event), exit_code=now.exit_code)
            )

    async def see_told(self) -> None:
        """Note the signal that the backend gave of the fault, if it has."""
        if self.told:
            signal = own(self.experiment.fault)
            dead = signal is Signal.NODE_EXIT
            detail = f"exit {self.told.exit_code}" if dead else "told by what runs it"
            await self.see(signal, self.told.at, detail)

"""Chaos: the engine's face. Views propose, vote, abort, restore and halt here, and ask how all stands.

A run goes on in a task of its own; who proposed it watches the stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from types import MappingProxyType
from typing import NoReturn

from bot.domain.approval import Decision, Policy, Voter
from bot.domain.control import Halt
from bot.domain.errors import ChaosError, CommandError, Undecidable
from bot.domain.events import Noted, RestoreAsked, RunStarted
from bot.domain.experiment import Experiment, Timings
from bot.domain.fold import fold
from bot.domain.limits import Limits
from bot.domain.report import Report
from bot.engine.admission import Admission
from bot.engine.ballot import in_its_channel, restorable
from bot.engine.checking import bounds, examine, find_target
from bot.engine.conductor import Conductor
from bot.engine.contact import Contact
from bot.engine.halting import Halting
from bot.engine.ledger import Ledger
from bot.engine.monitor import Monitor
from bot.engine.overview import Overview, Preview, status_of
from bot.engine.ports import Clock, Cluster, FaultBackend, Journal
from bot.engine.recovery import (
    Recovery,
    TakenUp,
    asked_for,
    ending_of,
    experiment_of,
    words,
)
from bot.engine.refusals import Refusals
from bot.engine.reports import Reports
from bot.engine.run import Run
from bot.engine.runs import Runs
from bot.engine.stream import Stream

log = logging.getLogger(__name__)


class Chaos:
    """Runs experiments on named clusters, one at a time on each."""

    def __init__(  # noqa: PLR0913 - the parts of the whole
        self,
        clusters: Sequence[Cluster],
        journal: Journal,
        clock: Clock,
        *,
        timings: Timings,
        policy: Policy,
        random: Random,
        limits: Limits = Limits(),  # noqa: B008 - a value
        undoing: Mapping[str, FaultBackend] = MappingProxyType({}),
    ) -> None:
        self.stream = Stream()
        self.journal = journal
        self.clock = clock
        self.policy = policy
        self.limits = limits
        self.contact = Contact(clock)
        self.monitors: Mapping[str, Monitor] = {
            c.name: Monitor(c, journal, clock, self.contact) for c in clusters
        }
        backends = {name: monitor.cluster.backend for name, monitor in self.monitors.items()}
        self.recovery = Recovery(journal, self.stream, clock, backends, undoing)
        self._reports = Reports(journal)
        self._timings = timings
        self._random = random
        self._runs = Runs()
        self._halting = Halting(journal, clock, self._runs, self._restore_the_rest)
        self._admission = Admission(self.monitors, self._runs, self._halting)
        self._refusals = Refusals(journal, self.stream, clock, self._runs)
        self._proposing = asyncio.Lock()

    @property
    def living(self) -> tuple[Run, ...]:
        """The runs that go on, oldest first."""
        return self._runs.living

    @property
    def halted(self) -> Halt | None:
        """The halt that holds, if there is one."""
        return self._halting.now

    # Runs

    async def propose(self, experiment: Experiment, *, by: str, channel: str | None = None) -> int:
        """Start a run and return its number; it goes on by itself.

        Raises:
            CommandError: no such cluster, or no such node.
            Refused: there is a halt, another run is on the cluster, or the engine is closing.
            JournalError: nothing can be written down, so nothing is started.
        """
        monitor = self._admission.monitor_for(experiment)
        async with self._proposing:
            self._admission.let_in(monitor)
            await find_target(experiment, monitor)
            event = RunStarted(
                experiment=experiment,
                cluster=monitor.cluster.name,
                started_by=by,
                channel=channel,
                timings=self._timings,
                policy=self.policy,
            )
            self._admission.let_in(monitor)  # a halt may have come meanwhile
            ledger = await Ledger.begin(self.journal, self.stream, self.clock, event)
            conductor = self._conductor(experiment, ledger, monitor)
            self._runs.start(conductor.run, conductor.conduct())
        if self.halted:
            await self._halting.stop(conductor.run, self.halted)
        return ledger.run

    async def preview(self, experiment: Experiment) -> Preview:
        """What a run would do. Harms nothing and leaves no history.

        Raises:
            CommandError: no such cluster, or no such node.
        """
        monitor = self._admission.monitor_for(experiment)
        seen = Preview(command=experiment.command, cluster=monitor.cluster.name)
        permitted = await bounds(self.limits, self.journal, self.clock.now())
        try:
            self._admission.let_in(monitor)
            found = await examine(experiment, monitor, self._random, permitted)
            seen = seen.model_copy(
                update={"node": found.node, "probes": found.probes, "guards": found.guards}
            )
            found.refuse()
            injection = await monitor.cluster.backend.plan(experiment.fault, found.node)
        except CommandError:
            raise
        except ChaosError as error:
            return seen.model_copy(update={"refused": error.whole})
        return seen.model_copy(update={"injection": injection})

    async def abort(self, run: int | None, *, by: str, why: str = "") -> int:
        """Stop a run (None: the only one) and restore its node; the run's number.

        Raises:
            Undecidable: there is none, there are several, or it is over.
        """
        if run is None:
            run = self._runs.the_only_one()
        await (await self._living(run)).abort(by, why)
        return run

    # Decisions

    async def decide(self, run: int, decision: Decision, voter: Voter) -> Decision | None:
        """Vote about a run's broken node; what is decided by it, None while more are needed.

        Raises:
            Undecidable: the vote does not count; the refusal is recorded.
            CommandError: there is no such run; this too.
        """
        try:
            return await (await self._living(run)).ballot.cast(decision, voter)
        except (Undecidable, CommandError) as error:
            await self._refusals.record(run, voter.user, decision.value, error.whole)
            raise

    async def restore(self, run: int, voter: Voter) -> None:
        """Bring back the node of a run in which it was kept down; goes on by itself.

        Raises:
            Undecidable: `voter` may not, or the node is not down; the refusal is recorded.
            CommandError: there is no such run; this too.
            Refused: another run is on the cluster.
        """
        try:
            report = await self.report(run)
            in_its_channel(report, voter)
            report.policy.allow(voter, started_by=report.started_by)
            restorable(report)
            await self.bring_back(report, by=voter.user)
        except (Undecidable, CommandError) as error:
            await self._refusals.record(run, voter.user, "restore", error.whole)
            raise

    async def refuse(self, run: int | None, by: str, wanted: str, why: str) -> NoReturn:
        """Record that somebody was refused something, and tell.

        Raises:
            Undecidable: always, with the reason.
        """
        await self._refusals.record(run, by, wanted, why)
        raise Undecidable(why)

    async def bring_back(self, report: Report, *, by: str) -> None:
        """Restore the node of a finished run, and verify; goes on by itself.

        Raises:
            Undecidable: its cluster is not set up here.
            Refused: another run is on the cluster, or the engine is closing.
        """
        async with self._proposing:
            monitor = self.monitors.get(report.cluster)
            if monitor is None:
                raise Undecidable(
                    f"Run {report.run} was on {report.cluster}, which is not set up here."
                )
            self._admission.let_in(monitor, despite_halt=True)
            ledger = await Ledger.reopen(self.journal, self.stream, self.clock, report.run)
            await ledger.write(RestoreAsked(by=by))
            conductor = self._conductor(experiment_of(report), ledger, monitor)
            self._runs.start(conductor.run, conductor.restore_kept_down())

    # Halt

    async def halt(self, by: str, why: str = "") -> tuple[int, ...]:
        """Abort every run, restore every node, and start nothing until `resume`; the runs.

        The nodes come first: it holds also where the journal cannot be written.
        """
        return await self._halting.halt(by, why)

    async def resume(self, voter: Voter) -> None:
        """Let runs be started again.

        Raises:
            Undecidable: `voter` may not, or there is no halt; the refusal is recorded.
            JournalError: it could not be written down, and the halt holds.
        """
        try:
            self.policy.allow(voter)
            await self._halting.resume(voter.user)
        except Undecidable as error:
            await self._refusals.record(None, voter.user, "resume", error.whole)
            raise

    async def listen(self) -> None:
        """Obey a halt or a resume that another process has journalled. Raises JournalError."""
        await self._halting.listen()

    async def _restore_the_rest(self, halt: Halt) -> None:
        """Nodes that are down though no run goes on: kept down, or never put right."""
        for number, _ in await self.journal.open_injections():
            await self._runs.over(number)
            report = await self.report(number)
            if report.broken and report.cluster in self.monitors:
                await self.bring_back(report, by=halt.by)
                await self.wait(number)

    # What there is to know

    async def report(self, run: int) -> Report:
        """A run as it stands.

        Raises:
            CommandError: there is no such run.
        """
        if run in self._runs:
            return self._runs[run].report
        return await self._reports.of(run)

    async def history(self, limit: int = 10) -> list[Report]:
        """The newest runs, newest first."""
        return [await self.report(number) for number in await self.journal.latest(limit)]

    async def status(self, latest: int = 5) -> Overview:
        """How all clusters stand, and the newest runs."""
        on = {run.monitor: run.report for run in self.living}
        clusters = await asyncio.gather(
            *(status_of(m, self.journal, on.get(m)) for m in self.monitors.values())
        )
        newest = await self.history(latest)
        return Overview(clusters=tuple(clusters), latest=tuple(newest), halted=self.halted)

    async def wait(self, run: int) -> Report:
        """The report of a run, once it is over."""
        await self._runs.over(run)
        return await self.report(run)

    async def check(self) -> None:
        """Look at every cluster and keep its tickets. Raises JournalError."""
        await asyncio.gather(*(m.check() for m in self.monitors.values()))

    async def follow(self, failed: Callable[[Exception], None]) -> None:
        """Check each cluster on every change of its nodes; `failed` as in Monitor.follow."""
        await asyncio.gather(*(m.follow(failed) for m in self.monitors.values()))

    # From one process to the next

    async def take_up(self) -> list[TakenUp]:
        """Go on with every run that an earlier process has left. Raises JournalError.

        Each is taken up at its stage, or is restored and ended, as its history demands.
        """
        taken = [await self._take_up(number) for number in await self.journal.unfinished()]
        await self.listen()
        return taken

    async def _take_up(self, number: int) -> TakenUp:
        history = await self.journal.history(number)
        report = fold(history)
        monitor = self.monitors.get(report.cluster)
        if monitor is None:
            left = await self.recovery.put_right(number)
            return TakenUp(run=number, what=left.became)
        away = max(timedelta(), self.clock.now() - history[-1].at).total_seconds()
        ledger = await Ledger.reopen(self.journal, self.stream, self.clock, number)
        conductor = self._conductor(asked_for(history), ledger, monitor)
        conductor.run.take_up(history)
        what = words(report, conductor.run.before)
        await ledger.write(Noted(note=f"Chaosbot was away for {away:.0f} s: {what}."))
        if report.finished:
            going = conductor.restore_kept_down()
        elif ending := ending_of(report, conductor.run.before):
            going = conductor.end(ending)
        else:
            going = conductor.conduct()
        self._runs.start(conductor.run, going)
        return TakenUp(run=number, what=what)

    async def hand_over(self) -> None:
        """Leave every run where it stands, for the next process, and end the stream.

        A node that is being put right is put right first.
        """
        self._admission.close()
        for run in self.living:
            run.hand_over()
        await self._end()

    async def close(self, why: str = "Chaosbot is ending") -> None:
        """Abort every run, wait until every node is back, and end the stream."""
        self._admission.close()
        for run in self.living:
            try:
                if not run.handed_over:
                    await run.abort("chaosbot", why)
            except Undecidable:
                log.info("Run %d ends already.", run.ledger.run)
        await self._end()

    async def _end(self) -> None:
        await self._runs.all_over()
        await self._halting.carried_out()
        self.stream.close()

    # How it is done

    def _conductor(self, experiment: Experiment, ledger: Ledger, monitor: Monitor) -> Conductor:
        run = Run(experiment, ledger, monitor, self.clock)
        return Conductor(run, self.journal, self._random, self.limits)

    async def _living(self, run: int) -> Run:
        if run in self._runs:
            return self._runs[run]
        report = await self.report(run)
        taken = report.approval
        said = f" It was {taken.decision.value} by {taken.by}." if taken else ""
        raise Undecidable(f"Run {run} is over: {report.outcome}.{said}")

"""Chaos: the engine's face. Views propose, approve, abort and restore here, and ask how all stands.

A run goes on in a task of its own; who proposed it watches the stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from types import MappingProxyType

from bot.domain.approval import Decision, Policy
from bot.domain.errors import ChaosError, ClusterError, CommandError, Refused, Undecidable
from bot.domain.events import RestoreAsked, RunStarted
from bot.domain.experiment import Experiment, Timings
from bot.domain.fault import Fault
from bot.domain.fold import fold
from bot.domain.hypothesis import overall
from bot.domain.report import Report
from bot.domain.target import Target
from bot.engine.checking import examine
from bot.engine.conductor import Conductor
from bot.engine.ledger import Ledger
from bot.engine.monitor import Monitor
from bot.engine.overview import ClusterStatus, Overview, Preview
from bot.engine.ports import Clock, Cluster, FaultBackend, Journal
from bot.engine.run import Run
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
        undoing: Mapping[str, FaultBackend] = MappingProxyType({}),
    ) -> None:
        self.stream = Stream()
        self.journal = journal
        self.clock = clock
        self.policy = policy
        self.undoing = undoing  # kind of receipt -> who undoes it, whatever clusters are set up
        self.monitors: Mapping[str, Monitor] = {
            c.name: Monitor(c, journal, clock) for c in clusters
        }
        self._timings = timings
        self._random = random
        self._live: dict[int, Run] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._proposing = asyncio.Lock()
        self._closed = False

    async def propose(self, experiment: Experiment, *, by: str, channel: str | None = None) -> int:
        """Start a run and return its number; it goes on by itself.

        Raises:
            CommandError: no such cluster, or no such node.
            Refused: another run is on the cluster, or the engine is closing.
            JournalError: nothing can be written down, so nothing is started.
        """
        monitor = self._monitor(experiment)
        async with self._proposing:
            self._let_in(monitor)
            await _find_target(experiment, monitor)
            event = RunStarted(
                experiment=experiment,
                cluster=monitor.cluster.name,
                started_by=by,
                channel=channel,
                timings=self._timings,
            )
            ledger = await Ledger.begin(self.journal, self.stream, self.clock, event)
            run = Run(experiment, ledger, monitor, self.clock)
            self._start(run, Conductor(run, self.journal, self._random).conduct())
        return ledger.run

    async def preview(self, experiment: Experiment) -> Preview:
        """What a run would do. Harms nothing and leaves no history.

        Raises:
            CommandError: no such cluster, or no such node.
        """
        monitor = self._monitor(experiment)
        seen = Preview(command=experiment.command, cluster=monitor.cluster.name)
        try:
            self._let_in(monitor)
            found = await examine(experiment, monitor, self._random)
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

    async def decide(self, run: int, decision: Decision, *, by: str) -> None:
        """Approve the restore, or keep the node down; once, by somebody who may.

        Raises:
            Undecidable: `by` may not, it is decided, or the run does not wait for it.
        """
        self.policy.allow(by)
        await (await self._living(run)).decide(decision, by)

    async def abort(self, run: int | None, *, by: str, why: str = "") -> int:
        """Stop a run (None: the only one) and restore its node; the run's number.

        Raises:
            Undecidable: there is none, there are several, or it is over.
        """
        if run is None:
            if len(self._live) != 1:
                numbers = ", ".join(str(n) for n in sorted(self._live))
                raise Undecidable(
                    f"Several runs are going on: {numbers}." if numbers else "No run is going on.",
                    mend='Name one, for example "abort 17".' if numbers else "",
                )
            run = next(iter(self._live))
        (await self._living(run)).abort(by, why)
        return run

    async def restore(self, run: int, *, by: str) -> None:
        """Bring back the node of a run in which it was kept down; goes on by itself.

        Raises:
            Undecidable: `by` may not, or the node is not down.
            Refused: another run is on the cluster.
        """
        self.policy.allow(by)
        report = await self.report(run)
        if run in self._live or not report.finished:
            raise Undecidable(f"Run {run} is going on.", mend=f'Approve it, or "abort {run}".')
        if not report.broken:
            raise Undecidable(f"Run {run} has nothing to restore: {report.outcome}.")
        async with self._proposing:
            monitor = self.monitors.get(report.cluster)
            if monitor is None:
                raise Undecidable(f"Run {run} was on {report.cluster}, which is not set up here.")
            self._let_in(monitor)
            ledger = await Ledger.reopen(self.journal, self.stream, self.clock, run)
            await ledger.write(RestoreAsked(by=by))
            living = Run(_experiment_of(report), ledger, monitor, self.clock)
            conductor = Conductor(living, self.journal, self._random)
            self._start(living, conductor.restore_kept_down())

    async def report(self, run: int) -> Report:
        """A run as it stands.

        Raises:
            CommandError: there is no such run.
        """
        if run in self._live:
            return self._live[run].report
        history = await self.journal.history(run)
        if not history:
            newest = await self.journal.latest(1)
            mend = f"The newest is run {newest[0]}." if newest else "There is none yet."
            raise CommandError(f"There is no run {run}.", word=str(run), mend=mend)
        return fold(history)

    async def status(self, latest: int = 5) -> Overview:
        """How all clusters stand, and the newest runs."""
        clusters = await asyncio.gather(*(self._status(m) for m in self.monitors.values()))
        newest = [await self.report(n) for n in await self.journal.latest(latest)]
        return Overview(clusters=tuple(clusters), latest=tuple(newest))

    async def wait(self, run: int) -> Report:
        """The report of a run, once it is over."""
        if task := self._tasks.get(run):
            await asyncio.wait({task})
        return await self.report(run)

    async def check(self) -> None:
        """Look at every cluster and keep its tickets. Raises JournalError."""
        await asyncio.gather(*(m.check() for m in self.monitors.values()))

    async def follow(self, failed: Callable[[Exception], None]) -> None:
        """Check each cluster on every change of its nodes; `failed` as in Monitor.follow."""
        await asyncio.gather(*(m.follow(failed) for m in self.monitors.values()))

    async def close(self, why: str = "Chaosbot is ending") -> None:
        """Abort every run, wait until every node is back, and end the stream."""
        self._closed = True
        for run in list(self._live.values()):
            if not run.aborted and not run.report.finished:
                run.abort("chaosbot", why)
        if self._tasks:
            await asyncio.wait(set(self._tasks.values()))
        self.stream.close()

    def _monitor(self, experiment: Experiment) -> Monitor:
        if experiment.cluster is None and len(self.monitors) == 1:
            return next(iter(self.monitors.values()))
        known = ", ".join(self.monitors) or "none"
        if experiment.cluster is None:
            raise CommandError(
                f"There are several clusters: {known}.",
                mend=f'Name one: "{experiment.command} in {next(iter(self.monitors), "")}".',
            )
        if experiment.cluster not in self.monitors:
            raise CommandError(
                f'I know no cluster called "{experiment.cluster}".',
                word=experiment.cluster,
                mend=f"There is: {known}.",
            )
        return self.monitors[experiment.cluster]

    def _let_in(self, monitor: Monitor) -> None:
        if self._closed:
            raise Refused("Chaosbot is ending and starts nothing new.")
        for run in self._live.values():
            if run.monitor is monitor:
                report = run.report
                raise Refused(
                    f"Run {report.run} ({report.command}) is on {report.cluster} since "
                    f"{report.started_at:%H:%M:%S} UTC, started by {report.started_by}.",
                    mend=f'Wait until it is over, or "abort {report.run}".',
                )

    def _start(self, run: Run, conducting: Coroutine[None, None, None]) -> None:
        number = run.ledger.run
        self._live[number] = run
        task = asyncio.create_task(conducting)
        self._tasks[number] = task
        task.add_done_callback(lambda done: self._over(number, done))

    def _over(self, number: int, task: asyncio.Task[None]) -> None:
        self._live.pop(number, None)
        self._tasks.pop(number, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("Run %d ended by a defect.", number, exc_info=error)

    async def _living(self, run: int) -> Run:
        if run in self._live:
            return self._live[run]
        report = await self.report(run)
        taken = report.approval
        said = f" It was {taken.decision.value} by {taken.by}." if taken else ""
        raise Undecidable(f"Run {run} is over: {report.outcome}.{said}")

    async def _status(self, monitor: Monitor) -> ClusterStatus:
        view = await monitor.look()
        probes = monitor.probes(view)
        run = next((r.report for r in self._live.values() if r.monitor is monitor), None)
        return ClusterStatus(
            name=monitor.cluster.name,
            view=view,
            verdict=overall(p.verdict for p in probes),
            probes=probes,
            tickets=tuple(await self.journal.open_tickets(monitor.cluster.name)),
            run=run,
        )


async def _find_target(experiment: Experiment, monitor: Monitor) -> None:
    """Refuse an unknown node before there is a run; a backend that is away, checking refuses."""
    try:
        nodes = await monitor.cluster.backend.nodes()
    except ClusterError as error:
        log.info("%s could not be asked for its nodes: %s", monitor.cluster.name, error)
        return
    experiment.target.candidates(nodes)


def _experiment_of(report: Report) -> Experiment:
    target = Target.parse(report.fault.node or report.fault.target)
    return Experiment(fault=Fault(report.fault.kind), target=target, cluster=report.cluster)

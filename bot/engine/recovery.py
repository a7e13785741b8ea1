"""Recovery: what becomes of a run that an earlier process has left, from the journal alone.

    unfinished run ── a bot starts ──> goes on at its stage, or is restored and ended: `ending_of`
                   └─ no bot starts ─> `Recovery.put_right`: restored and ended, by the command
                                       "recover" or by the guardian

A node that somebody decided to keep down stays so, unless `kept_down` asks for it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.approval import Decision
from bot.domain.cluster import View
from bot.domain.errors import RollbackFailed
from bot.domain.events import History, RunFinished, RunStarted, SteadyStateSeen
from bot.domain.experiment import PERMITTED, Experiment, Outcome, Stage
from bot.domain.fault import Fault, Injection
from bot.domain.fold import fold
from bot.domain.report import EndingReport, Report
from bot.domain.target import Target
from bot.engine.ledger import Ledger
from bot.engine.ports import Clock, FaultBackend, Journal
from bot.engine.restoring import roll_back
from bot.engine.stream import Stream

_GOES_ON: Final = {
    None: "it is checked anew",
    Stage.CHECKING: "it is checked anew",
    Stage.LOADING: "its load starts anew",
    Stage.INJECTING: "it goes on watching who notices the fault",
    Stage.DETECTING: "it goes on watching who notices the fault",
    Stage.DIAGNOSING: "it goes on with the diagnosis",
    Stage.AWAITING_APPROVAL: "it goes on waiting for an approval",
    Stage.RESTORING: "it goes on restoring",
    Stage.VERIFYING: "it goes on verifying",
    Stage.FINISHED: "its node is wanted back, and is restored",
}


@dataclass(frozen=True, kw_only=True)
class TakenUp:
    """A run that an earlier process has left, and what becomes of it."""

    run: int
    what: str


@dataclass(frozen=True, kw_only=True)
class Left:
    """What one run has left behind.

    `at_start` is what a bot would do with it; `became` what became of it ("" while nothing was
    tried).
    """

    run: int
    injection: Injection | None
    at_start: str = ""
    became: str = ""
    still_broken: bool = False


def ending_of(report: Report, before: View | None) -> EndingReport | None:
    """How a run that was left so has to end, once its node is restored; None where it goes on.

    `before` is the cluster's steady state; without it nothing can be compared any more.
    """
    if report.finished:
        return None
    if report.ending is not None:
        return report.ending
    if report.stage is Stage.INJECTING and report.fault.injected_at is None:
        why = "Chaosbot ended while the fault was going in"
        if report.injection is None:
            why = "Chaosbot ended before the fault was in; nothing was harmed"
        return EndingReport(outcome=Outcome.FAILED, why=f"{why}.")
    if report.fault.injected_at and before is None:
        why = "Chaosbot ended in the middle of it, and the steady state is not known any more."
        return EndingReport(outcome=Outcome.FAILED, why=why)
    return None


def words(report: Report, before: View | None) -> str:
    """What becomes of a run that was left so, when a bot starts."""
    ending = ending_of(report, before)
    if ending is None:
        return _GOES_ON[report.stage]
    restored = f"{report.node_label} is restored, and " if report.broken else ""
    return f"{restored}it ends: {ending.outcome.value}"


def steady_state(history: History) -> View | None:
    """The cluster before the fault, as the history has it."""
    seen = (r.event.view for r in reversed(history) if isinstance(r.event, SteadyStateSeen))
    return next(seen, None)


def asked_for(history: History) -> Experiment:
    """The experiment as it was asked for: PD's leader may be another node by now.

    Raises:
        ValueError: the history does not begin with its start.
    """
    match history[0].event:
        case RunStarted(experiment=experiment):
            return experiment
        case event:
            raise ValueError(f"run {history[0].run} begins with {event.event}, not its start")


def experiment_of(report: Report) -> Experiment:
    """The experiment of a run, with the node for its target where one is chosen."""
    target = Target.parse(report.fault.node or report.fault.target)
    return Experiment(
        fault=Fault(report.fault.kind),
        target=target,
        cluster=report.cluster,
        reason=report.reason,
    )


class Recovery:
    """Puts right what was left behind. Needs no cluster, the receipts alone suffice."""

    def __init__(
        self,
        journal: Journal,
        stream: Stream,
        clock: Clock,
        clusters: Mapping[str, FaultBackend],
        undoing: Mapping[str, FaultBackend],
    ) -> None:
        """Prepare.

        Args:
            journal: Says what was left.
            stream: Is told what becomes of it.
            clock: Limits each attempt.
            clusters: Cluster -> its backend, of those that are set up.
            undoing: Kind of receipt -> who undoes it, whatever clusters are set up.
        """
        self._journal = journal
        self._stream = stream
        self._clock = clock
        self._clusters = clusters
        self._undoing = undoing

    async def left_behind(self, *, kept_down: bool) -> list[Left]:
        """The runs that have not ended and the faults that are still in, oldest first."""
        unfinished = set(await self._journal.unfinished())
        broken = {run for run, _ in await self._journal.open_injections()}
        found = []
        for run in sorted(unfinished | broken):
            history = await self._journal.history(run)
            report = fold(history)
            if run in unfinished or kept_down or not _kept_down(report):
                at_start = "" if run not in unfinished else words(report, steady_state(history))
                injection = report.injection if report.broken else None
                found.append(Left(run=run, injection=injection, at_start=at_start))
        return found

    async def recover(self, *, kept_down: bool) -> list[Left]:
        """Put everything right that was left behind, and say what became of each."""
        return [
            await self.put_right(left.run) for left in await self.left_behind(kept_down=kept_down)
        ]

    async def put_right(self, run: int) -> Left:
        """Restore a run's node, if it is broken, and end the run. Raises JournalError."""
        ledger = await Ledger.reopen(self._journal, self._stream, self._clock, run)
        report = ledger.report
        ending = report.ending or EndingReport(
            outcome=report.outcome or Outcome.FAILED, why="Chaosbot ended in the middle of it"
        )
        outcome, why, broken = ending.outcome, ending.why.removesuffix("."), False
        injection = report.injection
        if injection is None or not report.broken:
            why += "; nothing was harmed." if injection is None else "; its node was restored."
        else:
            try:
                await self._restore(ledger, injection)
                why += f"; {report.node_label} was restored later."
            except RollbackFailed as error:
                outcome, why, broken = Outcome.NOT_RECOVERED, error.whole, True
        await ledger.write(RunFinished(outcome=outcome, why=why))
        return Left(run=run, injection=injection, became=why, still_broken=broken)

    async def _restore(self, ledger: Ledger, injection: Injection) -> None:
        report = ledger.report
        backend = self._undoing.get(injection.backend) or self._clusters.get(report.cluster)
        if backend is None:
            raise RollbackFailed(
                f"Run {report.run} was on {report.cluster}, which is not set up here.",
                mend=injection.mend,
            )
        if Stage.RESTORING in PERMITTED[report.stage]:
            await ledger.enter(Stage.RESTORING)
        await roll_back(injection, backend, ledger, self._clock, report.timings.rollback)


def _kept_down(report: Report) -> bool:
    decided = report.approval is not None and report.approval.decision is Decision.KEPT_DOWN
    return decided and report.restore_asked_by is None

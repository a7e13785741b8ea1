"""Recovery: puts right what an earlier process has left behind, from the journal alone.

A run that has not ended is ended; a fault without a rollback is rolled back. A node that
somebody decided to keep down stays so, unless `kept_down` asks for it too.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.errors import RollbackFailed
from bot.domain.events import RunFinished
from bot.domain.experiment import PERMITTED, Outcome, Stage
from bot.domain.fault import Injection
from bot.engine.chaos import Chaos
from bot.engine.ledger import Ledger
from bot.engine.restoring import roll_back


@dataclass(frozen=True, kw_only=True)
class Left:
    """What one run has left behind, and what became of it ("" while nothing was tried)."""

    run: int
    injection: Injection | None
    became: str = ""
    still_broken: bool = False


async def left_behind(chaos: Chaos, *, kept_down: bool) -> list[Left]:
    """The runs that have not ended and the faults that are still in, oldest first."""
    left = {run: Left(run=run, injection=None) for run in await chaos.journal.unfinished()}
    for run, injection in await chaos.journal.open_injections():
        if run in left or kept_down:
            left[run] = Left(run=run, injection=injection)
    return [left[run] for run in sorted(left)]


async def recover(chaos: Chaos, *, kept_down: bool) -> list[Left]:
    """Put everything right that was left behind, and say what became of each."""
    return [await _put_right(chaos, left) for left in await left_behind(chaos, kept_down=kept_down)]


async def _put_right(chaos: Chaos, left: Left) -> Left:
    ledger = await Ledger.reopen(chaos.journal, chaos.stream, chaos.clock, left.run)
    report = ledger.report
    outcome, why = Outcome.FAILED, "Chaosbot ended in the middle of it"
    broken = False
    if left.injection is not None and report.broken:
        try:
            await _restore(chaos, ledger, left.injection)
            why += f"; {report.node_label} was restored later."
        except RollbackFailed as error:
            outcome, why, broken = Outcome.NOT_RECOVERED, error.whole, True
    else:
        why += "; nothing was harmed."
    await ledger.write(RunFinished(outcome=outcome, why=why))
    return Left(run=left.run, injection=left.injection, became=why, still_broken=broken)


async def _restore(chaos: Chaos, ledger: Ledger, injection: Injection) -> None:
    report = ledger.report
    monitor = chaos.monitors.get(report.cluster)
    backend = chaos.undoing.get(injection.backend)
    if backend is None and monitor is not None:
        backend = monitor.cluster.backend
    if backend is None:
        raise RollbackFailed(
            f"Run {report.run} was on {report.cluster}, which is not set up here.",
            mend=injection.mend,
        )
    if Stage.RESTORING in PERMITTED[report.stage]:
        await ledger.enter(Stage.RESTORING)
    await roll_back(injection, backend, ledger, chaos.clock, report.timings.rollback)

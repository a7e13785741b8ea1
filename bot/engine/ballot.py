"""The ballot of a run: votes about its broken node are counted here, one at a time, and decide once."""

from __future__ import annotations

import asyncio

from bot.domain.approval import DEADLINE, Decision, Voter
from bot.domain.errors import Undecidable
from bot.domain.events import Decided, VoteCast
from bot.domain.experiment import Stage
from bot.domain.report import Report
from bot.engine.ledger import Ledger
from bot.engine.ports import Clock


class Ballot:
    """Counts votes. `decided` is set once there is a decision in the journal."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self.decided = asyncio.Event()
        self._ledger = ledger
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def cast(self, decision: Decision, voter: Voter) -> Decision | None:
        """Count a vote; what is decided by it, None while more are needed.

        Raises:
            Undecidable: the voter may not vote, or there is nothing to decide (any more).
        """
        async with self._one_at_a_time:
            report = self._ledger.report
            open_to_votes(report)
            in_its_channel(report, voter)
            report.policy.allow(voter, started_by=report.started_by)
            if report.deadline and self._clock.now() >= report.deadline:
                raise Undecidable(f"The time to decide about run {report.run} is over.")
            if any(vote.by == voter.user for vote in report.votes):
                raise Undecidable(f"{voter.user} has voted about run {report.run} already.")
            await self._ledger.write(VoteCast(decision=decision, by=voter.user))
            return await self._count(voter.user)

    async def recount(self) -> None:
        """See whether the votes that an earlier process has taken decide."""
        async with self._one_at_a_time:
            report = self._ledger.report
            if report.votes and report.approval is None:
                await self._count(report.votes[-1].by)

    async def expire(self) -> None:
        """Let the deadline decide, if nobody has."""
        async with self._one_at_a_time:
            if self._ledger.report.approval is None:
                await self._decide(self._ledger.report.policy.expiry, DEADLINE)

    async def _count(self, by: str) -> Decision | None:
        decision = self._ledger.report.policy.decided(self._ledger.report.votes)
        if decision is not None:
            await self._decide(decision, by)
        return decision

    async def _decide(self, decision: Decision, by: str) -> None:
        asked_at = self._ledger.report.stages[-1].started_at
        waited = max(0.0, (self._clock.now() - asked_at).total_seconds())
        await self._ledger.write(Decided(decision=decision, by=by, seconds=waited))
        self.decided.set()


def open_to_votes(report: Report) -> None:
    """See that a run waits for a decision.

    Raises:
        Undecidable: it does not.
    """
    number, taken = report.run, report.approval
    if report.finished:
        decided = f" It was {taken.decision.value} by {taken.by}." if taken else ""
        raise Undecidable(f"Run {number} is over: {report.outcome}.{decided}")
    if taken is not None:
        raise Undecidable(f"Run {number} is already decided: {taken.decision.value} by {taken.by}.")
    if report.aborted_by:
        raise Undecidable(f"Run {number} is being aborted by {report.aborted_by}.")
    if report.stage is not Stage.AWAITING_APPROVAL:
        raise Undecidable(f"Run {number} is not waiting for an approval.")


def in_its_channel(report: Report, voter: Voter) -> None:
    """See that somebody decides where the run's thread is.

    Raises:
        Undecidable: it is another channel.
    """
    if voter.channel and report.channel and voter.channel != report.channel:
        raise Undecidable(f"Run {report.run} is decided in the channel of its thread.")


def restorable(report: Report) -> None:
    """See that a run is over and its node still is as the fault left it.

    Raises:
        Undecidable: it goes on, or there is nothing to restore.
    """
    if not report.finished:
        raise Undecidable(
            f"Run {report.run} is going on.", mend=f'Approve it, or "abort {report.run}".'
        )
    if not report.broken:
        raise Undecidable(f"Run {report.run} has nothing to restore: {report.outcome}.")

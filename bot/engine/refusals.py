"""Refusals: who was refused what, and why, is kept as decisions are."""

from __future__ import annotations

import logging

from bot.domain.control import Rejected
from bot.domain.errors import JournalError
from bot.domain.events import VoteRefused
from bot.engine.ledger import Ledger
from bot.engine.ports import Clock, Journal
from bot.engine.runs import Runs
from bot.engine.stream import Stream

log = logging.getLogger(__name__)


class Refusals:
    """Writes refusals down: in the run's history, or beside all runs where there is no such run."""

    def __init__(self, journal: Journal, stream: Stream, clock: Clock, runs: Runs) -> None:
        self._journal = journal
        self._stream = stream
        self._clock = clock
        self._runs = runs

    async def record(self, run: int | None, by: str, wanted: str, why: str) -> None:
        """Keep a refusal. One that cannot be journalled is logged: it is told all the same."""
        refused = VoteRefused(by=by, wanted=wanted, why=why)
        try:
            if run is not None and run in self._runs:
                await self._runs[run].ledger.write(refused)
            elif run is not None and await self._journal.history(run):
                ledger = await Ledger.reopen(self._journal, self._stream, self._clock, run)
                await ledger.write(refused)
            else:
                rejected = Rejected(by=by, wanted=f"{wanted} {run or ''}".strip(), why=why)
                await self._journal.note(rejected, self._clock.now())
        except JournalError as error:
            log.error("A refusal is not journalled: %s", error)  # noqa: TRY400 - a sentence, no traceback

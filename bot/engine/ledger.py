"""The ledger: the one place where a run's history is written.

Each event goes into the journal, then into the folded report, then onto the stream; in that
order, one at a time for each run. A stage that the table does not permit cannot be written.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from bot.domain.errors import JournalError
from bot.domain.events import Event, Record, RunStarted, StageEntered
from bot.domain.experiment import PERMITTED, Stage
from bot.domain.fold import advance, fold
from bot.domain.report import Report
from bot.engine.ports import Clock, Journal
from bot.engine.stream import Stream

log = logging.getLogger(__name__)


class Ledger:
    """One run's history, as far as it is written. `report` is always its fold."""

    def __init__(self, journal: Journal, stream: Stream, clock: Clock, report: Report) -> None:
        self._journal = journal
        self._stream = stream
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self.report = report

    @classmethod
    async def begin(
        cls, journal: Journal, stream: Stream, clock: Clock, event: RunStarted
    ) -> Ledger:
        """Open a new history. Raises JournalError."""
        record = await journal.begin(event, clock.now())
        stream.publish(record)
        return cls(journal, stream, clock, advance(None, record))

    @classmethod
    async def reopen(cls, journal: Journal, stream: Stream, clock: Clock, run: int) -> Ledger:
        """Go on with the history of a run that is in the journal. Raises JournalError."""
        history = await journal.history(run)
        if not history:
            raise JournalError(f"There is no run {run} in the journal.")
        return cls(journal, stream, clock, fold(history))

    @property
    def run(self) -> int:
        """The run's number."""
        return self.report.run

    async def write(self, event: Event, at: datetime | None = None) -> Record:
        """Add an event, now or `at`. Raises JournalError; then nothing has changed.

        Who is cancelled while it is written still leaves journal and report in agreement.
        """
        return await asyncio.shield(self._write(event, at or self._clock.now()))

    async def _write(self, event: Event, at: datetime) -> Record:
        async with self._one_at_a_time:
            record = await self._journal.append(self.run, event, at)
            self.report = advance(self.report, record)
            self._stream.publish(record)
            return record

    async def flush(self) -> None:
        """Wait until everything that was to be written is: who was cancelled may have left some."""
        async with self._one_at_a_time:
            pass

    async def enter(self, stage: Stage, deadline: datetime | None = None) -> Record:
        """Enter a stage. Raises JournalError, or ValueError where the table forbids it."""
        if stage not in PERMITTED[self.report.stage]:
            raise ValueError(f"run {self.run} cannot go from {self.report.stage} to {stage}")
        return await self.write(StageEntered(stage=stage, deadline=deadline))

    async def try_write(self, event: Event) -> None:
        """Add an event where what is to be done must be done in any case.

        A journal that cannot be written must not keep a node from being restored; the loss is
        logged, and views are told all the same.
        """
        try:
            await self.write(event)
        except JournalError as error:
            log.error("Run %d: %s was not journalled: %s", self.run, event.event, error)  # noqa: TRY400 - a sentence, no traceback
            record = Record(run=self.run, seq=2**31 - 1, at=self._clock.now(), event=event)
            self.report = advance(self.report, record)
            self._stream.publish(record)

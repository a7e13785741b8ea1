"""Halting: every run is aborted, every node restored, and nothing new is started until a resume.

A halt is an entry in the journal, so that it survives a restart, and so that another process can
order it; `listen` obeys what was ordered there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.domain.control import Entry, Halt, Halted, Resumed, standing
from bot.domain.errors import JournalError, Undecidable
from bot.engine.ports import Clock, Journal
from bot.engine.run import Run
from bot.engine.runs import Runs

log = logging.getLogger(__name__)


class Halting:
    """Knows whether there is a halt, and carries it out."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        runs: Runs,
        restore_the_rest: Callable[[Halt], Awaitable[None]],
    ) -> None:
        """`restore_the_rest` puts right the nodes that are down though no run goes on."""
        self.now: Halt | None = None
        self._journal = journal
        self._clock = clock
        self._runs = runs
        self._restore_the_rest = restore_the_rest
        self._obeyed = 0  # the position of the newest order that was
        self._chores: set[asyncio.Task[None]] = set()

    async def halt(self, by: str, why: str) -> tuple[int, ...]:
        """Order a halt; the runs that it aborts. It holds also where it cannot be journalled."""
        event = Halted(by=by, why=why)
        try:
            entry = await self._journal.note(event, self._clock.now())
        except JournalError as error:  # the nodes come first
            log.error("The halt is not journalled: %s", error)  # noqa: TRY400 - a sentence, no traceback
            entry = Entry(position=0, at=self._clock.now(), event=event)
        return await self._obey(entry)

    async def resume(self, by: str) -> None:
        """End the halt.

        Raises:
            Undecidable: there is none.
            JournalError: it could not be written down, and the halt holds.
        """
        if self.now is None:
            raise Undecidable("Chaosbot is not halted.")
        await self._obey(await self._journal.note(Resumed(by=by), self._clock.now()))

    async def listen(self) -> None:
        """Obey what another process has ordered. Raises JournalError."""
        newest = await self._journal.newest_halt()
        if newest and newest.position > self._obeyed:
            await self._obey(newest)

    async def stop(self, run: Run, halt: Halt) -> bool:
        """Abort a run because of a halt; whether there was anything to abort."""
        try:
            await run.abort(halt.by, f"halted: {halt.why}" if halt.why else "halted")
        except Undecidable:  # it is over, or ends already
            return False
        return True

    async def carried_out(self) -> None:
        """Wait until every node is restored, as far as that is possible."""
        while self._chores:
            await asyncio.wait(self._chores)

    async def _obey(self, entry: Entry) -> tuple[int, ...]:
        self._obeyed, self.now = max(self._obeyed, entry.position), standing(entry)
        if self.now is None:
            return ()
        halt = self.now
        stopped = [run.ledger.run for run in self._runs.living if await self.stop(run, halt)]
        chore = asyncio.create_task(self._rest(halt))
        self._chores.add(chore)
        chore.add_done_callback(self._done)
        return tuple(stopped)

    async def _rest(self, halt: Halt) -> None:
        await self._restore_the_rest(halt)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("Not every node could be restored: %s", error)

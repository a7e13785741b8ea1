"""Runs: those that go on, each with the task that conducts it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from bot.domain.errors import Undecidable
from bot.engine.monitor import Monitor
from bot.engine.run import Run

log = logging.getLogger(__name__)


class Runs:
    """The runs of this process."""

    def __init__(self) -> None:
        self._live: dict[int, Run] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def __contains__(self, run: object) -> bool:
        return run in self._live

    def __getitem__(self, run: int) -> Run:
        return self._live[run]

    @property
    def living(self) -> tuple[Run, ...]:
        """Those that go on, oldest first."""
        return tuple(self._live[number] for number in sorted(self._live))

    def on(self, monitor: Monitor) -> Run | None:
        """The one on a cluster."""
        return next((run for run in self.living if run.monitor is monitor), None)

    def the_only_one(self) -> int:
        """The number of the one that goes on.

        Raises:
            Undecidable: there is none, or there are several.
        """
        if len(self._live) == 1:
            return next(iter(self._live))
        numbers = ", ".join(str(n) for n in sorted(self._live))
        raise Undecidable(
            f"Several runs are going on: {numbers}." if numbers else "No run is going on.",
            mend='Name one, for example "abort 17".' if numbers else "",
        )

    def start(self, run: Run, conducting: Coroutine[None, None, None]) -> None:
        """Let a run go on by itself."""
        number = run.ledger.run
        self._live[number] = run
        task = asyncio.create_task(conducting)
        self._tasks[number] = task
        task.add_done_callback(lambda done: self._over(number, done))

    async def over(self, run: int) -> None:
        """Wait until a run does not go on any more."""
        if task := self._tasks.get(run):
            await asyncio.wait({task})

    async def all_over(self) -> None:
        """Wait until none goes on."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def _over(self, number: int, task: asyncio.Task[None]) -> None:
        self._live.pop(number, None)
        self._tasks.pop(number, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("Run %d ended by a defect.", number, exc_info=error)

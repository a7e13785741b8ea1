"""The schedule: a check that is made every so many seconds, never twice at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger


class Schedule:
    """Calls `check` at once and then every `seconds`, while it is started.

    What falls due while a check is under way is left out. An error of the check goes to `failed`,
    and the next check comes at its time.
    """

    def __init__(
        self,
        check: Callable[[], Awaitable[None]],
        *,
        seconds: float,
        failed: Callable[[Exception], None],
    ) -> None:
        self._check = check
        self._seconds = seconds
        self._failed = failed
        self._scheduler: AsyncIOScheduler | None = None
        self._checking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. Idempotent; needs a running event loop."""
        if self._scheduler is not None:
            return
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_job(
            self._due,
            IntervalTrigger(seconds=self._seconds, timezone=UTC),
            next_run_time=datetime.now(UTC),
            misfire_grace_time=None,
            coalesce=True,
        )
        self._scheduler.start()

    async def stop(self) -> None:
        """End; a check that is under way is cancelled and waited for. Idempotent."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
            await asyncio.sleep(0)  # its shutdown happens in the event loop
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)
            self._checking = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _due(self) -> None:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._checked())

    async def _checked(self) -> None:
        try:
            await self._check()
        except Exception as error:  # noqa: BLE001 - handed on, whatever it is; the schedule goes on
            self._failed(error)

"""A clock that only a test moves: it never waits, and time passes when all is quiet."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
_START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_TURNS = 50  # of the loop, without any work in a thread, count as quiet


class Busy:
    """Counts calls that work in threads of their own (SQLite), so that quiet can be told."""

    def __init__(self) -> None:
        self.calls = 0
        self.idle = asyncio.Event()
        self.idle.set()

    def watching(self, port: T) -> T:
        """The same object, its coroutine methods counted while they are awaited."""
        return _Counted(port, self)  # type: ignore[return-value]


class _Counted:
    def __init__(self, port: object, busy: Busy) -> None:
        self._port, self._busy = port, busy

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self._busy.calls += 1
            self._busy.idle.clear()
            try:
                return await found(*args, **kwargs)
            finally:
                self._busy.calls -= 1
                if not self._busy.calls:
                    self._busy.idle.set()

        return counted


class ManualClock:
    """Time as a test tells it."""

    def __init__(self, now: datetime = _START) -> None:
        self.busy = Busy()
        self._elapsed = 0.0
        self._start = now
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        due = self._elapsed + max(0.0, seconds)
        heapq.heappush(self._sleepers, (due, next(self._order), future))
        await future

    async def quiet(self) -> None:
        """Wait until nobody has anything to do but to sleep on this clock."""
        turns = 0
        while turns < _TURNS:
            await self.busy.idle.wait()
            await asyncio.sleep(0)
            turns = turns + 1 if not self.busy.calls else 0

    async def advance(self, seconds: float) -> None:
        """Let so many seconds pass; who sleeps is woken at their own time, one after another."""
        end = self._elapsed + seconds
        await self.quiet()
        while self._sleepers and self._sleepers[0][0] <= end:
            await self._wake_next()
        self._elapsed = max(self._elapsed, end)

    async def until(self, done: Awaitable[T], limit: float = 3600.0) -> T:
        """Let time pass until something is done; fails after `limit` seconds of this clock."""
        task = asyncio.ensure_future(done)
        end = self._elapsed + limit
        await self.quiet()
        while not task.done():
            if not self._sleepers or self._sleepers[0][0] > end:
                task.cancel()
                raise AssertionError(f"not done after {limit} s of the test's clock")
            await self._wake_next()
        return await task

    async def _wake_next(self) -> None:
        due, _, future = heapq.heappop(self._sleepers)
        self._elapsed = max(self._elapsed, due)
        if not future.done():
            future.set_result(None)
            await self.quiet()

"""Running: the listeners that are at work, so that an end can wait for them.

Bolt starts each in a task that it forgets at once (slack-bolt 1.30, `AsyncioListenerRunner`).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from slack_bolt.listener.async_listener_start_handler import AsyncListenerStartHandler
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.engine.patience import cancelled
from bot.engine.ports import Clock

log = logging.getLogger(__name__)
_ACK_SECONDS: Final = 3.0  # Slack waits no longer for an acknowledgement


class Taken:
    """Requests that were taken and are not acknowledged yet: each is one `with taken:`."""

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._count += 1
        self._none.clear()

    def __exit__(self, *raised: object) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    async def acknowledged(self) -> None:
        """Wait until none is left, or too old to be acknowledged."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ACK_SECONDS):
                await self._none.wait()


class Running(AsyncListenerStartHandler):
    """Holds the task of each listener while it lasts; Bolt calls `handle` in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:
        """A listener starts, in this very task."""
        del request, response
        if task := asyncio.current_task():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def ended(self, seconds: float) -> bool:
        """Wait until all are through, for at most so long; whether they are."""
        if self._tasks and seconds > 0:
            alarm = asyncio.ensure_future(self._clock.sleep(seconds))
            work = asyncio.ensure_future(asyncio.wait(set(self._tasks)))
            await asyncio.wait({alarm, work}, return_when=asyncio.FIRST_COMPLETED)
            await cancelled(alarm, work)
        if self._tasks:
            log.warning("Answers to %d requests of Slack are still under way.", len(self._tasks))
        return not self._tasks

    async def cancel(self) -> None:
        """End those that are not through."""
        await cancelled(*self._tasks)

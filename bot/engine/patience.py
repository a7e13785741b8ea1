"""Patience: waiting with a limit, on the clock that was handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from bot.engine.ports import Clock

T = TypeVar("T")


async def within(clock: Clock, seconds: float, doing: Coroutine[Any, Any, T]) -> T:
    """What `doing` returns, or TimeoutError when it takes longer; it is then cancelled."""
    task = asyncio.ensure_future(doing)
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        await cancelled(task, alarm)


async def until(clock: Clock, seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event for so long; whether it came."""
    with suppress(TimeoutError):
        await within(clock, max(0.0, seconds), event.wait())
    return event.is_set()


async def cancelled(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait for their end; what they raise is theirs to have reported."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

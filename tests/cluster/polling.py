"""Waiting for what other processes do: look again and again, until a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(wanted: Callable[[], Awaitable[object]], seconds: float = 5.0) -> None:
    """Come back once `wanted` is true; TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        while True:
            if await wanted():
                return
            await asyncio.sleep(0.01)


async def seen(wanted: Callable[[], object], seconds: float = 5.0) -> None:
    """The same for what needs no awaiting."""

    async def look() -> object:
        return wanted()

    await until(look, seconds)

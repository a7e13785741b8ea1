"""Clocks for views: time passes only when a test, or a sleeper, says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from bot.domain.events import Record
from tests.histories import START


class Still:
    """Stands where it was set; nobody who sleeps ever wakes."""

    def __init__(self, now: datetime = START) -> None:
        self.at = now

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


class Hurried(Still):
    """Sleeping takes no time, and lets it pass."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.at += timedelta(seconds=seconds)


async def replay(records: Sequence[Record], clock: Still) -> AsyncIterator[Record]:
    for record in records:
        clock.at = record.at
        yield record

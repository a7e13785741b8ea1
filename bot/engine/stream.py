"""The stream: hands each record, once it is in the journal, to everybody who watches.

A watcher that is slow or fails never hurts the engine or another watcher: each has a queue of
its own, and reads it in its own task.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from bot.domain.events import Record


class Stream:
    """Records as they are journalled, for any number of watchers."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Record | None]] = set()

    def publish(self, record: Record) -> None:
        """Hand a record to all who watch now."""
        for queue in self._queues:
            queue.put_nowait(record)

    def close(self) -> None:
        """Tell all who watch that nothing more will come."""
        for queue in self._queues:
            queue.put_nowait(None)

    @contextmanager
    def watch(self) -> Iterator[AsyncIterator[Record]]:
        """All records from here on, until the stream is closed."""
        queue: asyncio.Queue[Record | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield _drain(queue)
        finally:
            self._queues.discard(queue)


async def _drain(queue: asyncio.Queue[Record | None]) -> AsyncIterator[Record]:
    while (record := await queue.get()) is not None:
        yield record

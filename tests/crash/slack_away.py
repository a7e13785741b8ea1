"""A way to Slack that can be cut: a relay in front of the sandbox's Web API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 65_536


class Way:
    """Hands bytes to and fro between whoever connects and a port of this machine."""

    def __init__(self) -> None:
        self.to = 0  # the sandbox's port, once it is known
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where Slack's Web API is, as seen from this side."""
        return f"http://127.0.0.1:{self.port}/api/"

    async def restore(self) -> None:
        """Let everybody through. Idempotent."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuse everybody, and break off who is on it."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.to)
        await asyncio.gather(
            self._hand_over(reader, there_writer), self._hand_over(there_reader, writer)
        )

    async def _hand_over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                writer.write(chunk)
                await writer.drain()
        self._open.discard(writer)
        writer.close()


@asynccontextmanager
async def a_way() -> AsyncIterator[Way]:
    """A way that is open."""
    way = Way()
    await way.restore()
    try:
        yield way
    finally:
        await way.cut()

"""A proxy on a Unix socket in front of an engine's, which a test can cut and mend."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

ENGINE = Path("/var/run/docker.sock")


class Cut:
    """Passes bytes on, until it is cut: then nobody is there, and whoever was is hung up on."""

    def __init__(self, socket: Path, engine: Path = ENGINE) -> None:
        self.socket = socket
        self._engine = engine
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.deaf = False  # takes connections, and never says anything

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def mend(self) -> None:
        self._server = await asyncio.start_unix_server(self._pass_on, self.socket)

    async def cut(self) -> None:
        if self._server:
            self._server.close()
            with suppress(FileNotFoundError):
                os.unlink(self.socket)  # noqa: PTH108 - it is about the name alone
        for writer in list(self._writers):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, reader, writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        theirs = None
        try:
            if self.deaf:
                await reader.read()
                return
            from_them, theirs = await asyncio.open_unix_connection(self._engine)
            self._writers.add(theirs)
            await asyncio.gather(_copy(reader, theirs), _copy(from_them, writer))
        except (OSError, asyncio.CancelledError):
            pass  # it was cut; asyncio would complain about a task that ends cancelled
        finally:
            self._tasks.discard(task)
            for one in (writer, theirs):
                if one is not None:
                    one.close()
                    self._writers.discard(one)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


@asynccontextmanager
async def cuttable(folder: Path) -> AsyncIterator[Cut]:
    proxy = Cut(folder / "e.sock")
    await proxy.mend()
    try:
        yield proxy
    finally:
        await proxy.cut()

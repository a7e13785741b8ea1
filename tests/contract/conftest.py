"""The backends that every test of the contract runs over, each on a cluster of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from bot.cluster.processes import Processes
from bot.domain.errors import ClusterError
from bot.engine.clock import SystemClock
from bot.engine.ports import FaultBackend
from tests.cluster.polling import until


class Hands(Protocol):
    """What somebody beside the bot can do to the nodes."""

    async def start(self, node: str) -> None: ...
    async def pause(self, node: str) -> None: ...
    async def kill(self, node: str) -> None: ...
    async def vanish(self) -> None:
        """What runs the nodes goes away, and they with it."""


@dataclass
class Bench:
    backend: FaultBackend
    other: FaultBackend  # of another bot, on the same cluster
    hands: Hands


class PlaygroundHands:
    def __init__(self, backend: Processes, process: asyncio.subprocess.Process) -> None:
        self._supervisor = backend._supervisor
        self._process = process

    async def start(self, node: str) -> None:
        await self._supervisor.start(node)

    async def pause(self, node: str) -> None:
        await self._supervisor.send(node, signal.SIGSTOP)

    async def kill(self, node: str) -> None:
        await self._supervisor.send(node, signal.SIGKILL)

    async def vanish(self) -> None:
        self._process.terminate()
        await self._process.wait()


@asynccontextmanager
async def playground(socket: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real playground; it and its nodes are gone at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.playground", "--socket", str(socket), "--stop-on-eof"),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with Processes(socket, clock=SystemClock()) as backend:
            await until(partial(ready, backend), 60)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def ready(backend: Processes) -> bool:
    try:
        return (await backend.info()).ready
    except ClusterError:
        return False


@asynccontextmanager
async def processes(folder: Path) -> AsyncIterator[Bench]:
    socket = folder / "p.sock"
    async with (
        playground(socket) as process,
        Processes(socket, clock=SystemClock()) as backend,
        Processes(socket, clock=SystemClock()) as other,
    ):
        yield Bench(backend, other, PlaygroundHands(other, process))


BACKENDS = {"processes": processes}


@pytest.fixture(params=BACKENDS)
async def bench(request, tmp_path):
    async with BACKENDS[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def becomes(bench) -> Callable[[str, str], Awaitable[None]]:
    """Waits until a node is in a state."""

    async def wait(name: str, wanted: str) -> None:
        async def is_so() -> bool:
            return (name, wanted) in {(n.name, n.state.value) for n in await bench.other.nodes()}

        await until(is_so)

    return wait

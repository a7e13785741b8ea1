"""The backends that every test of the contract runs over, each on a cluster of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from bot.cluster.docker import Docker, Project
from bot.cluster.engine import Engine
from bot.cluster.engine_place import Place
from bot.cluster.processes import Processes
from bot.domain.errors import ClusterError
from bot.domain.fault import Fault
from bot.engine.clock import SystemClock
from bot.engine.ports import FaultBackend
from tests.cluster.compose import Compose, composed
from tests.cluster.cutting import Cut, cuttable
from tests.cluster.polling import until


class Hands(Protocol):
    """What somebody beside the bot can do to the nodes."""

    async def start(self, node: str) -> None: ...
    async def pause(self, node: str) -> None: ...
    async def kill(self, node: str) -> None: ...
    async def vanish(self) -> None:
        """What runs the nodes goes away, or cannot be reached any more."""


@dataclass
class Bench:
    backend: FaultBackend
    other: FaultBackend  # of another bot, on the same cluster
    hands: Hands
    compose: Compose | None = None


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


class EngineHands:
    def __init__(self, compose: Compose, proxy: Cut) -> None:
        self._compose = compose
        self._proxy = proxy

    async def start(self, node: str) -> None:
        await asyncio.to_thread(self._compose.container(node).start)

    async def pause(self, node: str) -> None:
        await asyncio.to_thread(self._compose.container(node).pause)

    async def kill(self, node: str) -> None:
        await asyncio.to_thread(self._compose.container(node).kill)

    async def vanish(self) -> None:
        await self._proxy.cut()


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


@asynccontextmanager
async def containers(folder: Path, compose: Compose) -> AsyncIterator[Bench]:
    project = Project(name=compose.project)
    await asyncio.to_thread(compose.mend)
    async with cuttable(folder) as proxy:
        place = Place(url=proxy.url)
        async with (
            Docker(Engine(place), project, clock=SystemClock()) as backend,
            Docker(Engine(place), project, clock=SystemClock()) as other,
        ):
            yield Bench(backend, other, EngineHands(compose, proxy), compose)


@pytest.fixture(scope="session")
def compose() -> Iterator[Compose]:
    """A compose project of two nodes, and its network, for the whole session."""
    with composed() as project:
        yield project


@pytest.fixture
async def bench(request, tmp_path):
    if request.param == "docker":
        async with containers(tmp_path, request.getfixturevalue("compose")) as made:
            yield made
    else:
        async with processes(tmp_path) as made:
            yield made


BACKENDS = ("processes", pytest.param("docker", marks=pytest.mark.docker))
FAULTS = {
    "processes": [f for f in Fault if f is not Fault.PARTITION],
    "docker": list(Fault),
}


def pytest_generate_tests(metafunc):
    """Each test over every backend; and over all its faults, if it takes one."""
    given = [m.args[0] for m in metafunc.definition.iter_markers("parametrize")]
    if "bench" not in metafunc.fixturenames or "bench" in given:
        return
    if "fault" not in metafunc.fixturenames:
        wanted = (
            BACKENDS if metafunc.definition.get_closest_marker("docker") is None else ["docker"]
        )
        metafunc.parametrize("bench", wanted, indirect=True)
        return
    cases = [
        pytest.param(
            backend,
            fault,
            marks=pytest.mark.docker if backend == "docker" else (),
            id=f"{backend}-{fault}",
        )
        for backend, faults in FAULTS.items()
        for fault in faults
    ]
    metafunc.parametrize(("bench", "fault"), cases, indirect=["bench"])


@pytest.fixture
def becomes(bench) -> Callable[[str, str], Awaitable[None]]:
    """Waits until a node is in a state."""

    async def wait(name: str, wanted: str) -> None:
        async def is_so() -> bool:
            return (name, wanted) in {(n.name, n.state.value) for n in await bench.other.nodes()}

        await until(is_so)

    return wait

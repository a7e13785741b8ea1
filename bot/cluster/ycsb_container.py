"""YCSB in a container of its own for the run, on the cluster's network (engine.ports.LoadGenerator).

The container carries the run's number and whose it is, so that whatever a bot that was killed has
left behind is found and removed. The engine removes it by itself once the load ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from secrets import token_hex
from threading import Thread
from typing import Any, Final

from docker import APIClient

from bot.cluster.docker import Docker
from bot.cluster.engine import Engine, hang_up, release
from bot.cluster.engine_errors import RAISED, Missing, translated
from bot.cluster.ycsb_output import Output, described
from bot.domain.cluster import Role
from bot.domain.errors import ClusterError, LoadError
from bot.domain.load import LoadSample
from bot.engine.ports import Clock, PlacementDriver

RUN: Final = "chaosbot.run"
OWNER: Final = "chaosbot.home"
_PORT: Final = 2379
_STREAM: Final = 10.0  # seconds until the output's stream has to be there
_GRACE: Final = 3  # seconds that a load is given to end
log = logging.getLogger(__name__)


class YcsbContainer:
    """Starts `command` in a container of `image` for each load.

    "{pd}" in a word of the command becomes the PDs' addresses inside the network. `owner` marks
    the containers as this bot's: another one's loads are left alone.
    """

    def __init__(  # noqa: PLR0913 - what the load needs to know of its surroundings
        self,
        docker: Docker,
        pd: PlacementDriver,
        image: str,
        command: Sequence[str],
        *,
        owner: str,
        clock: Clock,
    ) -> None:
        self.image = image
        self.command = tuple(command)
        self._docker = docker
        self._pd = pd
        self._owner = owner
        self._clock = clock

    def describe(self) -> str:
        """The load in a few words: "YCSB workload A, 16 threads, 200 ops/s"."""
        return described(self.command)

    async def start(self, run: int) -> RunningContainer:
        """Start the container. Raises LoadError; then nothing is left of it."""
        engine = self._docker.engine
        container = None
        try:
            await sweep(engine, self._owner)
            network = await self._network()
            words = [word.replace("{pd}", await self._addresses()) for word in self.command]
            labels = {RUN: str(run), OWNER: self._owner}
            name = f"chaosbot-load-{run}-{token_hex(3)}"
            making = _creating(self.image, words, name, labels, network)
            container = await engine.change(making)
            output = Stream(engine, container)
            await output.attached()
            await engine.start(container)
        except Missing as error:
            await self._discard(container)
            raise LoadError(
                f"There is no image {self.image} for the load.",
                mend='Build it ("make up", or "docker compose build ycsb"), or name another one in '
                "CHAOSBOT_YCSB_IMAGE.",
            ) from error
        except ClusterError as error:
            await self._discard(container)
            raise LoadError(
                f"The load's container could not be started: {error}.", mend=error.mend
            ) from error
        return RunningContainer(engine, container, output, self._clock)

    async def _discard(self, container: str | None) -> None:
        if container is not None:
            with suppress(ClusterError):  # it is swept up later
                await self._docker.engine.remove(container)

    async def _network(self) -> str:
        """The id of the network that most of the nodes share; names need not be unique."""
        ids = [
            endpoint.network
            for container, _ in (await self._docker.containers()).values()
            for endpoint in container.networking.networks.values()
        ]
        if not ids:
            raise LoadError("The nodes are on no network, so no load can reach them.")
        return max(sorted(set(ids)), key=ids.count)

    async def _addresses(self) -> str:
        """The PDs as they are called inside the network, with commas between them."""
        view = await self._pd.look()
        urls = [url for m in view.members or () for url in m.client_urls[:1]]
        if not urls:
            nodes = await self._docker.containers()
            urls = [f"{c.name}:{_PORT}" for c, n in nodes.values() if n.role is Role.PD]
        return ",".join(url.rpartition("://")[2].rstrip("/") for url in urls)


async def sweep(engine: Engine, owner: str) -> list[str]:
    """Remove the loads that an earlier process of `owner` has left behind; their names.

    Raises:
        ClusterError: the engine cannot be asked.
    """
    left = await engine.containers([RUN, f"{OWNER}={owner}"])
    for container in left:
        await engine.remove(container.id)
    return [container.name for container in left]


class RunningContainer:
    """Load that was started (engine.ports.RunningLoad)."""

    def __init__(self, engine: Engine, container: str, stream: Stream, clock: Clock) -> None:
        self.container = container
        self._engine = engine
        self._stream = stream
        self._output = Output(clock)
        self._stopping: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._output.read(stream.more))

    async def samples(self) -> AsyncGenerator[LoadSample, None]:
        """What clients get, interval by interval; ends after `stop`. Raises LoadError if it dies."""
        async with aclosing(self._output.samples()) as samples:
            async for sample in samples:
                yield sample
        if self._stopping is None:
            said = self._output.last_words
            why = self._stream.failure or (f": {said}" if said else ".")
            raise LoadError(f"The load's container ended by itself{why}")

    async def stop(self) -> None:
        """End the load and remove its container. Idempotent; never raises.

        What cannot be removed now is removed when the next load or the next bot starts.
        """
        if self._stopping is None:
            self._output.silent = True
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        with suppress(ClusterError):  # it has ended, or is removed by force
            await self._engine.stop(self.container, _GRACE)
        try:
            await self._engine.remove(self.container)
        except ClusterError as error:
            log.warning("The load's container %s is left behind: %s", self.container[:12], error)
        self._stream.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


class Stream:
    """A container's output, read in a thread of its own. `failure` says why it broke off."""

    def __init__(self, engine: Engine, container: str) -> None:
        self.failure = ""
        self._engine = engine
        self._container = container
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._attached: asyncio.Future[None] = self._loop.create_future()
        self._stream: Any = None
        Thread(target=self._read, name="docker-load", daemon=True).start()

    async def attached(self) -> None:
        """Wait until nothing that the container says can be missed. Raises ClusterError."""
        async with asyncio.timeout(_STREAM):
            await self._attached

    async def more(self) -> bytes:
        """The next piece; nothing at the end."""
        return await self._chunks.get()

    def close(self) -> None:
        """End the thread."""
        if self._stream is not None:
            hang_up(self._stream)

    def _read(self) -> None:
        try:
            client = self._engine.client(_STREAM)
            self._stream = client.attach(self._container, stream=True, logs=True)
            self._call(self._there, None)
            for chunk in self._stream:
                self._call(self._chunks.put_nowait, chunk)
        except (*RAISED, AttributeError) as error:
            problem = translated(error, str(self._engine.place))
            self.failure = f": {problem}."
            self._call(self._there, problem)
        finally:
            release(self._stream)
            self._call(self._chunks.put_nowait, b"")

    def _there(self, problem: ClusterError | None) -> None:
        if self._attached.done():
            return
        if problem is None:
            self._attached.set_result(None)
        else:
            self._attached.set_exception(problem)

    def _call(self, what: Callable[..., None], *words: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(what, *words)


def _creating(
    image: str, words: list[str], name: str, labels: dict[str, str], network: str
) -> Callable[[APIClient], str]:
    def create(client: APIClient) -> str:
        made = client.create_container(
            image,
            command=words,
            name=name,
            labels=labels,
            host_config=client.create_host_config(auto_remove=True, network_mode=network),
        )
        return str(made["Id"])

    return create

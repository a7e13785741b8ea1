"""A Docker engine: the one place that calls the SDK, each call in a thread and in bounded time.

The SDK is synchronous. A call that was given up goes on in its thread until the SDK's own timeout
ends it; `settled` waits for those that change something, so that an undoing cannot overtake the
harm that it undoes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Any, Final, TypeVar

from docker import APIClient
from pydantic import ValidationError

from bot.cluster.container_shapes import ONE_OFF, PROJECT, Inspected
from bot.cluster.engine_errors import RAISED, Missing, translated
from bot.cluster.engine_place import Place
from bot.domain.errors import BadAnswer, Unreachable
from bot.domain.fault import Attachment

_T = TypeVar("_T")
_LOOK: Final = 2.5  # seconds for a question
_DEED: Final = 15.0  # seconds for what changes something
_THREADS: Final = 24
_BETWEEN: Final = 0.05  # seconds between two looks


class Engine:
    """The engine at a place. All methods raise ClusterError; questions are answered within 2.5 s."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._clients: dict[float, APIClient] = {}
        self._making = Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._changing: set[asyncio.Future[Any]] = set()

    async def aclose(self) -> None:
        """Close the connections. Calls that were given up end by themselves."""
        await self.settled(1.0)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    def client(self, timeout: float) -> APIClient:
        """A client whose calls take so many seconds at most, made when the engine first answers.

        Blocks; raises what the SDK raises.
        """
        with self._making:
            if timeout not in self._clients:
                self._clients[timeout] = APIClient(
                    base_url=self.place.url,
                    version="auto",
                    timeout=timeout,  # type: ignore[arg-type] # the HTTP library takes a float
                    tls=self.place.tls,
                    user_agent="chaosbot",
                    use_ssh_client=True,
                )
            return self._clients[timeout]

    async def version(self) -> dict[str, Any]:
        """What the engine says of itself: Version, ApiVersion, Os, Arch."""
        return await self._ask(lambda client: dict(client.version()))

    async def info(self) -> dict[str, Any]:
        """What the engine says of its host."""
        return await self._ask(lambda client: dict(client.info()))

    async def containers(self, labels: Iterable[str] = (PROJECT,)) -> list[Inspected]:
        """All containers that have these labels ("name" or "name=value"), running or not.

        What compose has started for one command only (`docker compose run`) is not among them.
        """
        return await self._ask(partial(_containers, labels=list(labels)))

    async def inspect(self, container: str) -> Inspected:
        """A container by its id or name."""
        return await self._ask(lambda client: _parsed(client.inspect_container(container)))

    async def logs(self, container: str, since: datetime, tail: int) -> list[str]:
        """A container's last `tail` log lines since then, oldest first."""
        moment = since.timestamp()
        body = await self._ask(lambda c: c.logs(container, since=moment, tail=tail))
        return bytes(body).decode(errors="replace").splitlines()

    async def networks(self, names: Iterable[str]) -> list[str]:
        """Those of these networks (ids or names) that there are."""
        return await self._ask(partial(_networks, names=list(names)))

    async def kill(self, container: str, signal: str) -> None:
        """Send a signal to a container's process; a Conflict (409) if it does not run."""
        await self.change(lambda client: client.kill(container, signal))

    async def start(self, container: str) -> None:
        """Start a container; one that runs is left alone."""
        await self.change(lambda client: client.start(container))

    async def stop(self, container: str, grace: int) -> None:
        """Stop a container and wait for it; it is killed after `grace` seconds."""
        await self.change(lambda client: client.stop(container, timeout=grace), _DEED + grace)

    async def pause(self, container: str) -> None:
        """Freeze a container."""
        await self.change(lambda client: client.pause(container))

    async def unpause(self, container: str) -> None:
        """Let a container run on."""
        await self.change(lambda client: client.unpause(container))

    async def disconnect(self, container: str, network: str) -> None:
        """Take a container off a network."""
        await self.change(
            lambda client: client.disconnect_container_from_network(container, network)
        )

    async def connect(self, container: str, network: str, how: Attachment) -> None:
        """Hang a container on a network with aliases, links and addresses."""
        await self.change(
            lambda client: client.connect_container_to_network(
                container,
                network,
                ipv4_address=how.ipv4,
                ipv6_address=how.ipv6,
                aliases=list(how.aliases),
                links=[_link(link) for link in how.links],
                link_local_ips=list(how.link_local) or None,
                driver_opt=how.options,
            )
        )

    async def remove(self, container: str) -> None:
        """Remove a container, running or not; one that is gone already is fine."""
        try:
            await self.change(lambda c: c.remove_container(container, force=True, v=True))
        except Missing:
            return
        except BadAnswer as error:
            if "already in progress" not in str(error):
                raise
            await self._gone(container)

    async def _gone(self, container: str) -> None:
        """Wait until a removal that the engine has begun by itself is over, 15 s at most."""
        with suppress(TimeoutError, Missing):
            async with asyncio.timeout(_DEED):
                while True:
                    await self.inspect(container)
                    await asyncio.sleep(_BETWEEN)

    async def settled(self, seconds: float) -> None:
        """Wait, for so long at most, until nothing that changes something is under way."""
        if self._changing:
            await asyncio.wait(set(self._changing), timeout=seconds)

    async def _ask(self, work: Callable[[APIClient], _T]) -> _T:
        return await self._within(self._in_thread(work, _LOOK), _LOOK + 0.3)

    async def change(self, work: Callable[[APIClient], _T], within: float = _DEED) -> _T:
        """Do what changes something; given up after so many seconds, though it may yet happen."""
        doing = self._in_thread(work, _DEED)
        self._changing.add(doing)
        doing.add_done_callback(self._changing.discard)
        return await self._within(doing, within + 0.3)

    def _in_thread(self, work: Callable[[APIClient], _T], timeout: float) -> asyncio.Future[_T]:
        doing = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: work(self.client(timeout))
        )
        doing.add_done_callback(lambda done: done.cancelled() or done.exception())
        return doing

    async def _within(self, doing: asyncio.Future[_T], seconds: float) -> _T:
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(doing)
        except TimeoutError:
            raise Unreachable(f"{self.place} did not answer within {seconds:.1f} s") from None
        except RAISED as error:
            raise translated(error, str(self.place)) from error


def hang_up(stream: Any) -> None:
    """End a stream of the SDK, also one that another thread is reading."""
    with suppress(*RAISED, AttributeError):  # it has ended, or ssh cannot be cut off
        stream.close()


def release(stream: Any) -> None:
    """Give up the connection of a stream that nobody reads any more."""
    with suppress(*RAISED, AttributeError):
        stream._response.close()  # noqa: SLF001 - the SDK itself leaves it open


def _link(text: str) -> tuple[str, str | None]:
    """A link ("other:alias") as the SDK takes it."""
    other, _, alias = text.partition(":")
    return other, alias or None


def _containers(client: APIClient, labels: list[str]) -> list[Inspected]:
    found = []
    for listed in client.containers(all=True, filters={"label": labels}):
        if (listed.get("Labels") or {}).get(ONE_OFF, "").lower() == "true":
            continue
        try:
            found.append(_parsed(client.inspect_container(listed["Id"])))
        except RAISED as error:
            if not isinstance(translated(error, ""), Missing):  # it was removed meanwhile
                raise
    return found


def _networks(client: APIClient, names: list[str]) -> list[str]:
    known = {word for n in client.networks() for word in (n["Id"], n["Name"])}
    return [name for name in names if name in known]


def _parsed(answer: object) -> Inspected:
    try:
        return Inspected.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadAnswer(f"Docker described a container oddly ({place}: {first['msg']})") from error

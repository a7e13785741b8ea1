"""The supervisor of a playground, asked over HTTP on its Unix socket (cluster.faults.Runtime).

It is to processes what a container engine is to containers. It answers in JSON, and says in a
sentence of plain text why it cannot do something.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from pathlib import Path
from signal import Signals
from typing import Final, TypeVar
from urllib.parse import quote

import h11
import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError

from bot.cluster.answers import OK, SERVER_ERROR, client, parsed
from bot.cluster.faults.runtime import Remedy
from bot.cluster.wire import Wire
from bot.domain.cluster import Node, NodeState, Role
from bot.domain.errors import BadAnswer, Unreachable
from bot.domain.fault import Attachment, Container, Fault, Injection
from bot.domain.model import iso

_T = TypeVar("_T")
KIND: Final = "processes"
MEND: Final = "chaosbot recover"
_SIGNALS: Final = {  # a restart begins with a stop, and a process has no network to lose
    Fault.KILL: Signals.SIGKILL,
    Fault.STOP: Signals.SIGTERM,
    Fault.RESTART: Signals.SIGTERM,
    Fault.PAUSE: Signals.SIGSTOP,
}
_WITHIN: Final = 2.0
_GRACE: Final = 30.0  # a store may take 20 s to hand its leaders away
_LOOK: Final = 0.02
_SILENCE: Final = 15.0  # an event stream says something every 5 s, if only an empty line
_MAX_EVENT: Final = 64 * 1024
_NOT_FOUND: Final = 404


class Info(BaseModel):
    """What a playground says of itself; `timers` are in seconds, `pd` the PDs' URLs."""

    ready: bool
    real_time: bool
    timers: Mapping[str, float]
    pd: tuple[str, ...]

    @property
    def heartbeat(self) -> float:
        """The interval in which stores report to PD, in seconds."""
        return self.timers.get("store_heartbeat", 10.0)


class NodeInfo(BaseModel):
    """A node as the supervisor describes it."""

    name: str
    role: Role
    state: NodeState
    exit_code: int | None = None
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    address: str
    restarts: int = 0

    def meant(self) -> Node:
        """The node in the domain's words. A process is never ended for its memory by us."""
        return Node(
            name=self.name,
            role=self.role,
            state=self.state,
            addresses=(self.address,),
            exit_code=self.exit_code,
            oom_killed=False if self.state is NodeState.EXITED else None,
            started_at=self.started_at,
            finished_at=self.finished_at,
            restarts=max(0, self.restarts),
        )


class EventInfo(BaseModel):
    """A line of the event stream."""

    at: AwareDatetime
    event: str
    node: str
    exit_code: int | None = None


_INFO: Final = TypeAdapter(Info)
_NODE: Final = TypeAdapter(NodeInfo)
_NODES: Final = TypeAdapter(list[NodeInfo])


class Supervisor:
    """The supervisor at a socket. All methods raise ClusterError, and answer within 2 s."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kind = KIND
        self.endpoint = str(path)
        self.no_networks = "the playground's processes share the network of this machine; containers have their own"
        self._who = f"the playground at {path}"
        self._http = client(
            transport=httpx.AsyncHTTPTransport(
                uds=str(path),
                verify=False,  # a socket of this machine has no certificate
                limits=httpx.Limits(max_keepalive_connections=10, keepalive_expiry=600),
            ),
            base_url="http://playground",
        )
        self._quick = Wire(path)

    async def aclose(self) -> None:
        """Close the connections."""
        self._quick.close()
        await self._http.aclose()

    async def info(self) -> Info:
        """What the playground says of itself."""
        return await self._get("/info", _INFO, "description of itself")

    async def nodes(self) -> list[Node]:
        """All nodes, running or not."""
        return [n.meant() for n in await self._get("/nodes", _NODES, "list of nodes")]

    async def node(self, name: str) -> Node:
        """The node as it is now."""
        return (await self._get(_path(name), _NODE, "description of a node")).meant()

    async def send(self, name: str, signal: Signals) -> None:
        """Send a signal to a node's process. A node that is not running is a BadAnswer."""
        await self._send(name, {"signal": signal.name})

    async def kill(self, node: Node) -> None:
        """SIGKILL to the very process that `node` describes; checked and sent in one step."""
        asked = {"signal": Signals.SIGKILL.name}
        if node.started_at:
            asked["started_at"] = iso(node.started_at)
        await self._send(node.name, asked)

    async def _send(self, name: str, asked: Mapping[str, str]) -> None:
        path, body = f"{_path(name)}/signal", json.dumps(asked).encode()
        try:
            async with asyncio.timeout(_WITHIN):
                status, answer = await self._quick.post(path, body)
        except TimeoutError:
            raise Unreachable(f"{self._who} did not answer within {_WITHIN:g} s") from None
        except (OSError, h11.ProtocolError) as error:
            raise Unreachable(f"{self._who} is not there ({type(error).__name__})") from error
        self._judge(status, answer)

    async def start(self, name: str) -> None:
        """Start a node that has exited; one that runs is left alone."""
        await self._request("POST", f"{_path(name)}/start")

    async def stop(self, name: str) -> None:
        """SIGTERM, and SIGKILL to what has not ended 30 s later; comes back when it has ended."""
        await self.send(name, Signals.SIGTERM)
        try:
            async with asyncio.timeout(_GRACE):
                await self._ended(name)
        except TimeoutError:
            await self.send(name, Signals.SIGKILL)
            await self._ended(name)

    async def _ended(self, name: str) -> None:
        while (await self.node(name)).state is not NodeState.EXITED:  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(_LOOK)

    async def pause(self, name: str) -> None:
        """SIGSTOP."""
        await self.send(name, Signals.SIGSTOP)

    async def unpause(self, name: str) -> None:
        """SIGCONT, which means nothing to a process that runs."""
        await self.send(name, Signals.SIGCONT)

    async def container(self, name: str) -> Container | None:  # noqa: ARG002 - a Runtime's method
        """None: a process runs in no container."""
        return None

    async def detach(self, name: str, attachment: Attachment) -> None:  # noqa: ARG002 - the same
        """Raises BadAnswer."""
        raise BadAnswer(f"{name} cannot be cut off: {self.no_networks}")

    async def attach(self, name: str, attachment: Attachment) -> None:  # noqa: ARG002 - the same
        """Raises BadAnswer."""
        raise BadAnswer(f"{name} cannot be connected: {self.no_networks}")

    def by_hand(self, remedy: Remedy, injection: Injection) -> str:  # noqa: ARG002 - the same
        """The command that puts any node of the playground right."""
        return MEND

    def doing(self, injection: Injection) -> str:
        """The signal, sent through the supervisor."""
        signal = _SIGNALS[injection.fault].name
        url = f"http://playground{_path(injection.node.name)}/signal"
        socket = shlex.quote(self.endpoint)
        return f'curl --unix-socket {socket} -d \'{{"signal": "{signal}"}}\' {url}'

    async def logs(self, name: str, since: datetime, tail: int) -> list[str]:
        """A node's last `tail` log lines since then, oldest first."""
        query = {"since": iso(since), "tail": str(tail)}
        body = await self._request("GET", f"{_path(name)}/logs", params=query)
        return body.decode(errors="replace").splitlines()

    async def events(self, since: datetime) -> AsyncGenerator[EventInfo, None]:
        """Events newer than `since`, then what comes. Ends only with Unreachable.

        A line without sense is left out.
        """
        try:
            async with self._http.stream("GET", "/events", params={"since": iso(since)}) as stream:
                if stream.status_code != OK:
                    raise Unreachable(f"{self._who} answered {stream.status_code}")
                rest, chunks = b"", aiter(stream.aiter_raw())
                while True:
                    async with asyncio.timeout(_SILENCE):
                        chunk = await anext(chunks)
                    *lines, rest = (rest + chunk).split(b"\n")
                    rest = rest[:_MAX_EVENT]
                    for line in lines:
                        try:
                            yield EventInfo.model_validate_json(line)
                        except ValidationError:
                            continue  # an empty line keeps the connection alive
        except (httpx.HTTPError, StopAsyncIteration, TimeoutError) as error:
            raise Unreachable(f"{self._who} ended its event stream") from error

    async def _get(self, path: str, shape: TypeAdapter[_T], what: str) -> _T:
        return parsed(await self._request("GET", path), shape, who=self._who, what=what)

    async def _request(self, method: str, path: str, **options: object) -> bytes:
        try:
            async with asyncio.timeout(_WITHIN):
                response = await self._http.request(method, path, **options)  # type: ignore[arg-type]
        except TimeoutError:
            raise Unreachable(f"{self._who} did not answer within {_WITHIN:g} s") from None
        except httpx.ConnectError as error:
            raise Unreachable(f"{self._who} is not there") from error
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._who} broke off ({type(error).__name__})") from error
        self._judge(response.status_code, response.content)
        return response.content

    def _judge(self, status: int, body: bytes) -> None:
        """Raise what an answer that is not 200 means."""
        if status != OK:
            said = " ".join(body.decode(errors="replace").split())[:200]
            problem = f"{self._who} answered {status}: {said}"
            raise Unreachable(problem) if status >= SERVER_ERROR else BadAnswer(problem)


def _path(name: str) -> str:
    return f"/nodes/{quote(name, safe='')}"

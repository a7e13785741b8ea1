"""A Docker engine's event stream, in a thread of its own; and what it has not told, from a listing.

An engine that was restarted has forgotten its events, so who was cut off from it compares what it
knew of the nodes with what they are now (`Memory`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Thread
from typing import Any, Final

from bot.cluster.engine import Engine, hang_up, release
from bot.cluster.engine_errors import RAISED, translated
from bot.domain.cluster import Node, NodeEvent, NodeState
from bot.domain.errors import ClusterError, Unreachable

WANTED: Final = {
    "type": ["container", "network"],
    "event": ["start", "die", "pause", "unpause", "destroy", "connect", "disconnect"],
}
_SILENCE: Final = 15.0  # seconds after which the engine is asked whether it is still there
_SAME: Final = timedelta(seconds=1)  # what an event and the listing may be apart
_PATIENCE: Final = 15.0


class Hearing:
    """One connection to the event stream, from `since` on. Its thread ends with `close`."""

    def __init__(self, engine: Engine, since: datetime) -> None:
        self._engine = engine
        self._since = since
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Queue[dict[str, Any] | ClusterError] = asyncio.Queue()
        self._stream: Any = None
        self._closed = False
        Thread(target=self._listen, name="docker-events", daemon=True).start()

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """The engine's events as it writes them. Raises ClusterError when the stream ends."""
        while True:
            try:
                async with asyncio.timeout(_SILENCE):
                    heard = await self._heard.get()
            except TimeoutError:
                await self._engine.version()  # raises where nobody is there any more
                continue
            if isinstance(heard, ClusterError):
                raise heard
            yield heard

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        if self._stream is not None:
            hang_up(self._stream)

    def _listen(self) -> None:
        who = str(self._engine.place)
        try:
            client = self._engine.client(_PATIENCE)
            since: Any = self._since.timestamp()  # with its fraction, which the SDK's types lack
            self._stream = client.events(since=since, filters=WANTED, decode=True)
            if self._closed:
                self.close()
            for event in self._stream:
                self._tell(event)
            self._tell(Unreachable(f"{who} ended its event stream"))
        except RAISED as error:
            self._tell(translated(error, who))
        except AttributeError:  # the stream was closed under the SDK's feet
            self._tell(Unreachable(f"{who} ended its event stream"))
        finally:
            release(self._stream)

    def _tell(self, what: dict[str, Any] | ClusterError) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._heard.put_nowait, what)


@dataclass(frozen=True)
class _Known:
    state: NodeState
    since: datetime | None  # when it was started, or ended
    connected: bool


class Memory:
    """What is known of the nodes, from listings and from events that were told."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def note(self, event: NodeEvent) -> None:
        """Take in an event that was told."""
        was = self._known.get(event.node)
        if was is None:
            return
        match event.event:
            case "start":
                now = replace(was, state=NodeState.RUNNING, since=event.at)
            case "die":
                now = replace(was, state=NodeState.EXITED, since=event.at)
            case "pause":
                now = replace(was, state=NodeState.PAUSED)
            case "unpause":
                now = replace(was, state=NodeState.RUNNING)
            case "connect" | "disconnect":
                now = replace(was, connected=event.event == "connect")
            case _:
                self._known.pop(event.node)
                return
        self._known[event.node] = now

    def missed(self, nodes: Iterable[Node], at: datetime) -> list[NodeEvent]:
        """What must have happened since the last listing or event, oldest first for each node.

        `at` is the moment of the listing, for what has no time of its own. Remembers the listing.
        """
        now = {n.name: n for n in nodes}
        found: list[NodeEvent] = []
        for name, was in self._known.items():
            node = now.get(name)
            if node is None:
                found.append(NodeEvent(at=at, node=name, event="destroy"))
            else:
                found += _changes(was, node, at)
        self._known = {name: _known(node) for name, node in now.items()}
        return found


def _known(node: Node) -> _Known:
    gone = node.state is NodeState.EXITED
    return _Known(node.state, node.finished_at if gone else node.started_at, _connected(node))


def _connected(node: Node) -> bool:
    """Whether it has an address; a node that does not run is not asked."""
    return node.state is NodeState.EXITED or any(node.hosts[-1:])


def _changes(was: _Known, node: Node, at: datetime) -> list[NodeEvent]:
    def event(what: str, when: datetime | None, exit_code: int | None = None) -> NodeEvent:
        return NodeEvent(at=when or at, node=node.name, event=what, exit_code=exit_code)

    gone = node.state is NodeState.EXITED
    moment = node.finished_at if gone else node.started_at
    anew = moment is not None and was.since is not None and moment - was.since > _SAME
    was_gone = was.state is NodeState.EXITED
    found = []
    if gone and (not was_gone or anew):
        found.append(event("die", node.finished_at, node.exit_code))
    if not gone and not was_gone and anew:
        found.append(event("die", node.started_at))
    if not gone and (was_gone or anew):
        found.append(event("start", node.started_at))
    frozen, was_frozen = node.state is NodeState.PAUSED, was.state is NodeState.PAUSED
    if frozen and (not was_frozen or anew):
        found.append(event("pause", at))
    if was_frozen and not frozen and not gone and not anew:
        found.append(event("unpause", at))
    if not gone and not was_gone and was.connected != _connected(node):
        found.append(event("connect" if _connected(node) else "disconnect", at))
    return found

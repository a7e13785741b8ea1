"""Lines: one JSON value a line over TCP, between nodes and from clients to stores."""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

MAX_LINE = 256 * 1024 * 1024
"""Bytes; a longer line ends its connection."""
MAX_UNSENT = 4 * 1024 * 1024
"""Bytes that wait for a peer which does not read; what comes on top of them is dropped."""

SILENCE = 3000
"""Milliseconds after which a connection ends on which nothing arrives any more."""

Address = tuple[str, int]
"""Host and port."""


def encode(value: Any) -> bytes:
    """One value as one line."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def address(text: str) -> Address:
    """`host:port`, with or without `http://` in front, in its two parts.

    Raises:
        ValueError: there is no port in it.
    """
    host, _, port = text.removeprefix("http://").rstrip("/").rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"An address looks like 127.0.0.1:20160, not like {text!r}.")
    return host, int(port)


class Lines(asyncio.Protocol):
    """One end of a connection; a line that is not JSON is answered with a sentence and the end."""

    def __init__(
        self,
        heard: Callable[[Any, "Lines"], None],
        ended: Callable[["Lines"], None] = lambda _: None,
    ) -> None:
        """`heard` gets every value and the connection to answer on, `ended` the end of it."""
        self.heard, self.ended = heard, ended
        self.transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells mypy what TCP gives
        self.transport = transport
        if hasattr(
            socket, "TCP_USER_TIMEOUT"
        ):  # or a cut network is noticed minutes after it heals
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE)

    def data_received(self, data: bytes) -> None:
        """Cuts what came into lines."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            if self._parts:
                self._parts.append(line)
                value = b"".join(self._parts)
                self._parts, self._size = [], 0
            else:
                value = line
            try:
                self.heard(json.loads(value), self)
            except (ValueError, TypeError, LookupError):
                self.send({"error": "This is not a request that a store or a PD understands."})
                self.close()
                return
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > MAX_LINE:
                self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Says that it is over."""
        self.transport = None
        self.ended(self)

    def send(self, value: Any) -> bool:
        """Sends a value; False when it had to be dropped."""
        return self.send_bytes(encode(value))

    def send_bytes(self, data: bytes) -> bool:
        """Sends an encoded line; False when it had to be dropped."""
        if self.transport is None or self.transport.get_write_buffer_size() > MAX_UNSENT:
            return False
        self.transport.write(data)
        return True

    def close(self) -> None:
        """Ends the connection."""
        if self.transport is not None:
            self.transport.close()


class Mesh:
    """The connections of a node to its peers, made when there is something to say.

    What cannot be delivered is dropped: Raft says it again.
    """

    RETRY = 0.1
    """Seconds between two attempts to reach the same peer."""

    def __init__(
        self, me: int, lost: Callable[[int, bool], None] = lambda _peer, _was: None
    ) -> None:
        """`lost(peer, was_connected)` hears of each connection that broke or could not be made."""
        self.me = me
        self.addresses: dict[int, Address] = {}
        self._lost = lost
        self._lines: dict[int, Lines] = {}
        self._waiting: dict[int, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def meet(self, addresses: Mapping[int, Address]) -> None:
        """Learns where the peers are."""
        self.addresses.update(addresses)

    def send(self, peer: int, value: Any) -> None:
        """Sends `[me, value]` to a peer, or drops it."""
        data = encode([self.me, value])
        if lines := self._lines.get(peer):
            lines.send_bytes(data)
        elif peer in self._waiting:
            if len(self._waiting[peer]) < WAITING:
                self._waiting[peer].append(data)
        elif peer in self.addresses:
            self._waiting[peer] = [data]
            task = asyncio.create_task(self._connect(peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, peer: int) -> None:
        host, port = self.addresses[peer]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SILENCE / 1000):
                _, lines = await loop.create_connection(
                    lambda: Lines(lambda _value, _: None, lambda _: self._gone(peer)), host, port
                )
        except OSError:
            self._lost(peer, False)  # noqa: FBT003 - the callback's second word
            await asyncio.sleep(self.RETRY)
            self._waiting.pop(peer, None)
            return
        for data in self._waiting.pop(peer, []):
            lines.send_bytes(data)
        self._lines[peer] = lines

    def _gone(self, peer: int) -> None:
        if self._lines.pop(peer, None):
            self._lost(peer, True)  # noqa: FBT003 - the callback's second word


WAITING = 64
"""Lines that wait while a connection is made."""

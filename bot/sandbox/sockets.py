"""Socket Mode: the WebSockets over which the app hears what happens.

`apps.connections.open` gives a ticket for one connection. An envelope
`{"envelope_id", "type", "payload", "accepts_response_payload", ...}` goes to one of the open
sockets in turn, and the app acknowledges it within 3 seconds with
`{"envelope_id", "payload"?}`.

A ticket is used up by the attempt, even one that fails: who tries it again is turned away.
"""

import asyncio
import contextlib
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.delivery import UndeliveredError
from bot.sandbox.directory import APP

TICKET_SECONDS = 60.0
MOST_SOCKETS = 10
_HEARTBEAT = 15.0  # seconds between our pings
_GRACE = 10.0  # seconds until a socket is closed after it was told to go


class NoSocketError(UndeliveredError):
    """No app is connected."""

    def __init__(self) -> None:
        super().__init__("connection_failed", "dispatch_failed")


class NoAckError(UndeliveredError):
    """The app did not acknowledge in time, or its socket broke off."""

    def __init__(self) -> None:
        super().__init__("timeout", "operation_timeout")


@dataclass(eq=False)
class _Socket:
    ws: web.WebSocketResponse
    leaving: bool = False
    pending: set[str] = field(default_factory=set)


class Sockets:
    """The open sockets of the app."""

    def __init__(self, clock: Callable[[], float], *, ack_seconds: float = 3.0) -> None:
        """Start with none.

        Args:
            clock: Seconds, from any start; tickets expire by it.
            ack_seconds: How long the app may take to acknowledge, in real seconds.
        """
        self._clock = clock
        self.ack_seconds = ack_seconds
        self.on_change: Callable[[int], None] = lambda _count: None
        self._tickets: dict[str, float] = {}
        self._sockets: list[_Socket] = []
        self._acks: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._turn = 0
        self._to_refuse = 0
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._sockets)

    def issue_ticket(self) -> str:
        """A ticket for one connection, good for a minute."""
        now = self._clock()
        self._tickets = {t: at for t, at in self._tickets.items() if now - at <= TICKET_SECONDS}
        ticket = str(uuid.uuid4())
        self._tickets[ticket] = now
        return ticket

    def refuse(self, count: int) -> None:
        """Let the next `count` connections fail, each with a good ticket that is used up by it."""
        self._to_refuse = count

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket for as long as it is open.

        Raises:
            HTTPForbidden: The ticket was used, has expired or never was.
            HTTPServiceUnavailable: It was to be refused.
        """
        issued = self._tickets.pop(request.query.get("ticket", ""), None)
        if issued is None or self._clock() - issued > TICKET_SECONDS:
            raise web.HTTPForbidden(text="invalid ticket")
        if self._to_refuse > 0:
            self._to_refuse -= 1
            raise web.HTTPServiceUnavailable(text="no socket for now")
        ws = web.WebSocketResponse(heartbeat=_HEARTBEAT)
        await ws.prepare(request)
        if len(self._sockets) >= MOST_SOCKETS:
            await ws.send_json(_disconnect("too_many_websockets"))
            await ws.close()
            return ws
        socket = _Socket(ws)
        await ws.send_json(self._hello())
        self._sockets.append(socket)
        self.on_change(len(self))
        try:
            async for message in ws:
                if message.type == WSMsgType.TEXT:
                    self._acknowledged(message.data)
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
            for envelope in socket.pending:
                self._break_off(envelope)
            self.on_change(len(self))
        return ws

    async def deliver(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        accepts_response: bool = False,
        attempt: int = 0,
        reason: str = "",
    ) -> dict[str, Any]:
        """Send an envelope and wait for its acknowledgement.

        Args:
            kind: `slash_commands`, `interactive` or `events_api`.
            payload: What happened.
            accepts_response: Whether the acknowledgement may carry a payload.
            attempt: For events: which retry this is, 0 for the first sending.
            reason: For events: why it is sent again.

        Returns:
            The payload of the acknowledgement, often empty.

        Raises:
            NoSocketError: No socket is open.
            NoAckError: None came in time.
        """
        socket = self._next()
        envelope_id = str(uuid.uuid4())
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_response,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._acks[envelope_id] = future
        socket.pending.add(envelope_id)
        try:
            await socket.ws.send_json(envelope)
            return await asyncio.wait_for(future, self.ack_seconds)
        except (TimeoutError, ConnectionError) as error:
            raise NoAckError from error
        finally:
            self._acks.pop(envelope_id, None)
            socket.pending.discard(envelope_id)

    async def ask_to_reconnect(self, reason: str, within: float = _GRACE) -> None:
        """Tell every socket to go, as Slack does now and then, and close it.

        Args:
            reason: `warning`, `refresh_requested` or `link_disabled`.
            within: Real seconds until it is closed.
        """
        for socket in list(self._sockets):
            socket.leaving = True
            with contextlib.suppress(ConnectionError):  # it has gone by itself
                await socket.ws.send_json(_disconnect(reason))
            task = asyncio.create_task(_close_later(socket.ws, within))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close_all(self) -> None:
        """Break every socket off without a word."""
        for task in list(self._closing):
            task.cancel()
        for socket in list(self._sockets):
            await socket.ws.close(code=WSCloseCode.GOING_AWAY)

    def _next(self) -> _Socket:
        open_ones = [s for s in self._sockets if not s.ws.closed]
        staying = [s for s in open_ones if not s.leaving] or open_ones
        if not staying:
            raise NoSocketError
        self._turn += 1
        return staying[self._turn % len(staying)]

    def _acknowledged(self, raw: str) -> None:
        try:
            body = json.loads(raw)
        except ValueError:
            return
        future = self._acks.get(str(body.get("envelope_id"))) if isinstance(body, dict) else None
        if future and not future.done():
            payload = body.get("payload")
            future.set_result(payload if isinstance(payload, dict) else {})

    def _break_off(self, envelope_id: str) -> None:
        future = self._acks.get(envelope_id)
        if future and not future.done():
            future.set_exception(ConnectionResetError("the socket broke off"))

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._sockets) + 1,
            "debug_info": {
                "host": f"applink-sandbox-{secrets.token_hex(2)}",
                "build_number": 0,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": APP},
        }


def _disconnect(reason: str) -> dict[str, Any]:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}


async def _close_later(ws: web.WebSocketResponse, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await ws.close()

"""Socket Mode: Slack's requests come over a WebSocket that we open.

Facts about slack-sdk 3.47 that shape this (each was run):
- a WebSocket connect that failed is tried again with the same single-use URL for ever, unless
  somebody forgets the URL: `_watch`;
- `is_connected` believes in a socket for four ping intervals after its last pong, and before the
  first pong without any; what is counted here as heard is a frame, or a pong that has come.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.engine.patience import cancelled
from bot.engine.ports import Clock
from bot.slack.access import SlackAway
from bot.slack.running import Taken
from bot.slack.shape import made_by_slack

log = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 20.0


class SocketMode:
    """One socket, opened again whenever it breaks off."""

    def __init__(  # noqa: PLR0913 - what it hears with, and whom it tells
        self,
        app: AsyncApp,
        app_token: str,
        url: str,
        *,
        proxy: str | None,
        ping_interval: float,
        clock: Clock,
        heard: Callable[[], None],
    ) -> None:
        """Prepare; `url` is the first socket's, and `heard` is told of whatever comes over it."""
        self._handler = _Handler(app, app_token, ping_interval=ping_interval)
        self._client = self._handler.client
        self._client.proxy = proxy
        self._client.wss_uri = url
        self._client.on_message_listeners.append(self._came)
        self._ping_interval = ping_interval
        self._clock = clock
        self._heard = heard
        self._watcher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. Raises SlackAway."""
        self._watcher = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._client.connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise SlackAway(
                f"Slack's socket cannot be reached within {_CONNECT_SECONDS:g} s.",
                mend="Check the network, and that WebSockets pass its proxies.",
            ) from None

    async def stop(self) -> None:
        """Take no further request, acknowledge those that were taken, and disconnect."""
        self._handler.stopping = True
        await self._handler.taken.acknowledged()  # that cannot be done after the end
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        if self._watcher:
            await cancelled(self._watcher)
        with suppress(aiohttp.ClientError, OSError):
            await self._client.close()  # type: ignore[no-untyped-call]

    async def _came(self, message: aiohttp.WSMessage) -> None:
        del message
        self._heard()

    async def _watch(self) -> None:
        """Notice pongs, and forget the URL of a socket that is not connected: it is used up."""
        before = _last_pong(self._client)
        while True:
            await self._clock.sleep(self._ping_interval)
            pong = _last_pong(self._client)
            # From None the SDK's own monitor sets it, without a pong.
            if pong is not None and before is not None and pong != before:
                self._heard()
            before = pong
            if not await self._client.is_connected():
                self._client.wss_uri = None


class _Handler(AsyncSocketModeHandler):
    """Bolt's, but it can stop, and knows when every request that it took is acknowledged."""

    def __init__(self, app: AsyncApp, app_token: str, *, ping_interval: float) -> None:
        super().__init__(app, app_token, ping_interval=ping_interval)
        self.stopping = False
        self.taken = Taken()

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        if self.stopping:  # it is not acknowledged, so that Slack sends it to whoever comes next
            return
        if not made_by_slack(req.payload):
            log.warning("A request (%s) was dropped: it is not as Slack makes it.", req.type)
            await client.send_socket_mode_response({"envelope_id": req.envelope_id})
            return
        with self.taken:
            await super().handle(client, req)


def _last_pong(client: SocketModeClient) -> float | None:
    """When the ping was sent that was answered last (seconds since 1970), as the SDK notes it."""
    return client.last_ping_pong_time

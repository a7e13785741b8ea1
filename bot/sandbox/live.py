"""The live feed at `/page/live`: every change from now on, over a WebSocket."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.feed import Feed

_BEHIND = 5000  # changes that a slow watcher may lag behind before it must start afresh


class Live:
    """The watchers who are connected."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._open: set[web.WebSocketResponse] = set()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """The feed, from now on; its first message `{"type": "hello", "seq"}` says from where."""
        ws = web.WebSocketResponse(heartbeat=20)
        await ws.prepare(request)
        waiting: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_BEHIND)

        def watcher(change: dict[str, Any]) -> None:
            try:
                waiting.put_nowait(change)
            except asyncio.QueueFull:
                stop()
                reader.cancel()

        async def read() -> None:
            async for message in ws:
                if message.type in {WSMsgType.ERROR, WSMsgType.CLOSE}:
                    return

        stop = self._feed.watch(watcher)
        reader = asyncio.ensure_future(read())
        reader.add_done_callback(lambda _: _wake(waiting))
        self._open.add(ws)
        try:
            await ws.send_json({"type": "hello", "seq": self._feed.seq})
            while not reader.done():
                change = await waiting.get()
                if change is not None:
                    await ws.send_json(change)
        except ConnectionError:
            pass
        finally:
            stop()
            reader.cancel()
            self._open.discard(ws)
            await ws.close()
        return ws

    async def stop(self) -> None:
        """Close the feeds."""
        for ws in list(self._open):
            await ws.close()


def _wake(waiting: asyncio.Queue[dict[str, Any] | None]) -> None:
    if not waiting.full():
        waiting.put_nowait(None)

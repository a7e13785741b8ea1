"""The door through which people act: JSON under `/page/api`, and the live feed at `/page/live`.

The browser page and the tests use the same door. Every POST takes a JSON object with the acting
`user`; every answer is a JSON object with `ok`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox import directory, files, interactions
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault
from bot.sandbox.messages import Channel, Message
from bot.sandbox.slack import Slack

_SHOWN = 400  # of a channel's messages, on a page that opens
_BEHIND = 5000  # changes that a slow watcher may lag behind before it must start afresh

Act = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]


class Page:
    """The routes of the door."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self._live: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.AbstractRouteDef]:
        """All of them."""
        acts: dict[str, Act] = {
            "action": self._action,
            "close": self._close,
            "command": self._command,
            "dismiss": self._dismiss,
            "faults": self._faults,
            "home": self._home,
            "message": self._message,
            "reaction": self._reaction,
            "shortcut": self._shortcut,
            "sockets": self._sockets,
            "submit": self._submit,
        }
        return [
            web.get("/page/api/state", self.state),
            web.get("/page/api/messages", self.messages),
            web.get("/page/api/ephemerals", self.ephemerals),
            web.get("/page/api/calls", self.calls),
            web.get("/page/api/views", self.views),
            web.get("/page/api/file/{id}", self.file),
            web.get("/page/live", self.live),
            *(web.post(f"/page/api/{name}", _door(act)) for name, act in acts.items()),
        ]

    async def state(self, request: web.Request) -> web.Response:
        """Everything that the page shows to `?user=`."""
        user = request.query.get("user", directory.STARTER)
        workspace = self._slack.workspace
        channels = [c for c in workspace.channels.values() if user in c.members]
        return web.json_response(
            {
                "ok": True,
                "seq": self._slack.feed.seq,
                "team": {"id": directory.TEAM, "name": directory.TEAM_NAME},
                "app": {"id": directory.APP, "bot": directory.BOT_USER},
                "users": [u.as_slack() for u in workspace.people.users.values()],
                "people": [u.id for u in workspace.people.people()],
                "groups": [g.as_slack(with_users=True) for g in workspace.people.groups.values()],
                "commands": [c.as_page() for c in self._slack.registration.commands],
                "shortcuts": [
                    {"callback_id": s.callback_id, "name": s.name, "on_message": s.on_message}
                    for s in self._slack.registration.shortcuts
                ],
                "channels": [c.as_slack() | {"members": sorted(c.members)} for c in channels],
                "messages": {
                    c.id: [c.message_as_slack(m) for m in list(c.messages.values())[-_SHOWN:]]
                    for c in channels
                },
                "ephemerals": [
                    workspace.ephemeral_json(m) for m in workspace.ephemerals.get(user, [])
                ],
                "views": self._slack.views.stacks.get(user, []),
                "home": self._slack.views.homes.get(user),
                "sockets": len(self._slack.sockets),
                "commanded": workspace.commanded.get(user),
            }
        )

    async def messages(self, request: web.Request) -> web.Response:
        """What stands in `?channel=`, or in its thread `?thread=`; `?versions=1` adds the edits."""
        channel = self._slack.workspace.channel(request.query.get("channel", ""))
        thread = request.query.get("thread")
        found: list[Message] = list(channel.messages.values())
        if thread:
            found = [m for m in found if thread in {m.ts, m.thread_ts}]
        versions = request.query.get("versions") == "1"
        return web.json_response(
            {
                "ok": True,
                "messages": [
                    channel.message_as_slack(m) | ({"versions": m.versions} if versions else {})
                    for m in found
                ],
            }
        )

    async def ephemerals(self, request: web.Request) -> web.Response:
        """What only `?user=` can see."""
        kept = self._slack.workspace.ephemerals.get(request.query.get("user", ""), [])
        found = [self._slack.workspace.ephemeral_json(m) for m in kept]
        return web.json_response({"ok": True, "ephemerals": found})

    async def calls(self, request: web.Request) -> web.Response:
        """The Web API calls so far, of `?method=` if given."""
        method = request.query.get("method")
        found = [
            {"at": c.at, "method": c.method, "arguments": c.arguments, "answer": c.answer}
            for c in self._slack.calls
            if method in {None, c.method}
        ]
        return web.json_response({"ok": True, "calls": found})

    async def views(self, request: web.Request) -> web.Response:
        """The open modals and the App Home of `?user=`."""
        user = request.query.get("user", "")
        views = self._slack.views
        return web.json_response(
            {"ok": True, "views": views.stacks.get(user, []), "home": views.homes.get(user)}
        )

    async def file(self, request: web.Request) -> web.Response:
        """A file as the page shows it."""
        file = self._slack.workspace.files.get(request.match_info["id"])
        if file is None or file.data is None:
            return web.Response(status=404)
        return web.Response(
            body=file.data,
            content_type=files.mimetype(file.name),
            headers={"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"},
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
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

        stop = self._slack.feed.watch(watcher)
        reader = asyncio.ensure_future(read())
        reader.add_done_callback(lambda _: _wake(waiting))
        self._live.add(ws)
        try:
            await ws.send_json({"type": "hello", "seq": self._slack.feed.seq})
            while not reader.done():
                change = await waiting.get()
                if change is not None:
                    await ws.send_json(change)
        except ConnectionError:
            pass
        finally:
            stop()
            reader.cancel()
            self._live.discard(ws)
            await ws.close()
        return ws

    async def stop(self) -> None:
        """Close the feeds."""
        for ws in list(self._live):
            await ws.close()

    def _place(self, body: dict[str, Any]) -> tuple[str, Channel]:
        user = str(body.get("user"))
        channel = self._slack.workspace.channel(str(body.get("channel")))
        if user not in channel.members:
            raise SlackError("not_in_channel")
        return user, channel

    async def _command(self, body: dict[str, Any]) -> None:
        user, channel = self._place(body)
        thread = body.get("thread_ts") or None
        await interactions.command(self._slack, user, channel, str(body.get("text")), thread)

    async def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        user, channel = self._place(body)
        text = str(body.get("text") or "")
        if not text.strip():
            raise SlackError("no_text")
        thread = body.get("thread_ts")
        workspace = self._slack.workspace
        message = Message(
            ts=workspace.new_ts(),
            channel=channel.id,
            user=user,
            text=text,
            thread_ts=workspace.root_of(channel, str(thread)) if thread else None,
        )
        workspace.post(channel, message)
        return {"ts": message.ts}

    async def _action(self, body: dict[str, Any]) -> None:
        await interactions.act(self._slack, _user(self._slack, body), body)

    async def _submit(self, body: dict[str, Any]) -> dict[str, Any]:
        user = _user(self._slack, body)
        view_id, choices = str(body.get("view_id")), body.get("choices") or {}
        return await interactions.submit(self._slack, user, view_id, choices)

    async def _close(self, body: dict[str, Any]) -> None:
        user = _user(self._slack, body)
        clear = bool(body.get("clear"))
        await interactions.close(self._slack, user, str(body.get("view_id")), clear=clear)

    async def _dismiss(self, body: dict[str, Any]) -> None:
        self._slack.workspace.dismiss(_user(self._slack, body), str(body.get("ts")))

    async def _home(self, body: dict[str, Any]) -> None:
        interactions.open_home(self._slack, _user(self._slack, body), str(body.get("tab", "home")))

    async def _shortcut(self, body: dict[str, Any]) -> None:
        user = _user(self._slack, body)
        await interactions.shortcut(self._slack, user, str(body.get("callback_id")), body)

    async def _reaction(self, body: dict[str, Any]) -> None:
        user, channel = self._place(body)
        message = self._slack.workspace.message(channel, str(body.get("ts")))
        name = str(body.get("name"))
        if user in message.reactions.get(name, []):
            self._slack.workspace.unreact(channel, message, name, user)
        else:
            self._slack.workspace.react(channel, message, name, user)

    async def _faults(self, body: dict[str, Any]) -> None:
        if body.get("clear"):
            self._slack.faults.clear()
        if body.get("method"):
            self._slack.faults.add(Fault.from_json(body))

    async def _sockets(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("disconnect"):
            await self._slack.sockets.ask_to_reconnect(str(body["disconnect"]))
        if body.get("close"):
            await self._slack.sockets.close_all()
        return {"count": len(self._slack.sockets)}


def _user(slack: Slack, body: dict[str, Any]) -> str:
    user = str(body.get("user"))
    if user not in slack.workspace.people.users:
        raise SlackError("user_not_found")
    return user


def _door(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.json_response({"ok": False, "error": "json_required"}, status=415)
        try:
            body = await request.json()
            given = await act(body if isinstance(body, dict) else {})
        except SlackError as error:
            return web.json_response(error.answer(), status=400)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_json"}, status=400)
        return web.json_response({"ok": True, **(given or {})})

    return answer


def _wake(waiting: "asyncio.Queue[dict[str, Any] | None]") -> None:
    if not waiting.full():
        waiting.put_nowait(None)

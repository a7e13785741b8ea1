"""The door through which people act, and see: JSON under `/page/api`.

The browser page and the tests use the same door. Every POST takes a JSON object with the acting
`user`; every answer is a JSON object with `ok`. What no user of Slack could do is behind
`bot.sandbox.backstage`.
"""

from typing import Any

from aiohttp import web

from bot.sandbox import directory, files, interactions
from bot.sandbox.door import Act, acting, acts
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Channel, Message
from bot.sandbox.slack import Slack

_SHOWN = 400  # of a channel's messages, on a page that opens


class Page:
    """The routes of the door."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    def routes(self) -> list[web.AbstractRouteDef]:
        """All of them."""
        table: dict[str, Act] = {
            "action": self._action,
            "close": self._close,
            "command": self._command,
            "dismiss": self._dismiss,
            "home": self._home,
            "message": self._message,
            "reaction": self._reaction,
            "shortcut": self._shortcut,
            "submit": self._submit,
        }
        return [
            web.get("/page/api/state", self.state),
            web.get("/page/api/messages", self.messages),
            web.get("/page/api/ephemerals", self.ephemerals),
            web.get("/page/api/views", self.views),
            web.get("/page/api/file/{id}", self.file),
            *acts(table),
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
                "request_url": self._slack.request_url.url if self._slack.request_url else "",
                "controls": self._slack.controls.as_page(),
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
        await interactions.act(self._slack, acting(self._slack, body), body)

    async def _submit(self, body: dict[str, Any]) -> dict[str, Any]:
        user = acting(self._slack, body)
        view_id, choices = str(body.get("view_id")), body.get("choices") or {}
        return await interactions.submit(self._slack, user, view_id, choices)

    async def _close(self, body: dict[str, Any]) -> None:
        user = acting(self._slack, body)
        clear = bool(body.get("clear"))
        await interactions.close(self._slack, user, str(body.get("view_id")), clear=clear)

    async def _dismiss(self, body: dict[str, Any]) -> None:
        self._slack.workspace.dismiss(acting(self._slack, body), str(body.get("ts")))

    async def _home(self, body: dict[str, Any]) -> None:
        interactions.open_home(self._slack, acting(self._slack, body), str(body.get("tab", "home")))

    async def _shortcut(self, body: dict[str, Any]) -> None:
        user = acting(self._slack, body)
        await interactions.shortcut(self._slack, user, str(body.get("callback_id")), body)

    async def _reaction(self, body: dict[str, Any]) -> None:
        user, channel = self._place(body)
        message = self._slack.workspace.message(channel, str(body.get("ts")))
        name = str(body.get("name"))
        if user in message.reactions.get(name, []):
            self._slack.workspace.unreact(channel, message, name, user)
        else:
            self._slack.workspace.react(channel, message, name, user)

"""What only who runs the sandbox can do, and no user of Slack: its weather, its people, its app.

It is the same door as the page's, under `/page/api`: tests use it through `SandboxClient`, and the
page for its controls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any

from aiohttp import web

from bot.sandbox.delivery import UndeliveredError
from bot.sandbox.door import Act, acts
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault
from bot.sandbox.slack import Slack


class Backstage:
    """The routes behind the scenes."""

    def __init__(self, slack: Slack, be_away: Callable[[float], Coroutine[Any, Any, None]]) -> None:
        """Take the parts, and what lets the whole port fall silent for so many seconds."""
        self._slack = slack
        self._be_away = be_away

    def routes(self) -> list[web.AbstractRouteDef]:
        """All of them."""
        table: dict[str, Act] = {
            "away": self._away,
            "control": self._control,
            "deliver": self._deliver,
            "faults": self._faults,
            "group": self._group,
            "person": self._person,
            "request_url": self._request_url,
            "sockets": self._sockets,
        }
        return [
            web.get("/page/api/calls", self.calls),
            web.get("/page/api/deliveries", self.deliveries),
            *acts(table),
        ]

    async def calls(self, request: web.Request) -> web.Response:
        """The Web API calls so far, of `?method=` if given."""
        method = request.query.get("method")
        found = [
            {"at": c.at, "method": c.method, "arguments": c.arguments, "answer": c.answer}
            for c in self._slack.calls
            if method in {None, c.method}
        ]
        return web.json_response({"ok": True, "calls": found})

    async def deliveries(self, request: web.Request) -> web.Response:
        """What was sent to the app so far, of `?kind=` if given."""
        kind = request.query.get("kind")
        found = [
            asdict(sent) | {"payload": json.loads(sent.payload)}
            for sent in self._slack.deliveries
            if kind in {None, sent.kind}
        ]
        return web.json_response({"ok": True, "deliveries": found})

    async def _away(self, body: dict[str, Any]) -> None:
        self._slack.spawn(self._be_away(float(body.get("seconds", 1))))

    async def _control(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"said": await self._slack.controls.press(str(body.get("id")))}

    async def _deliver(self, body: dict[str, Any]) -> dict[str, Any]:
        kind, payload = str(body.get("kind")), body.get("payload")
        if kind not in {"slash_commands", "interactive", "events_api"} or not payload:
            raise SlackError("invalid_arguments")
        attempt, reason = int(body.get("attempt", 0)), str(body.get("reason", ""))
        try:
            answer = await self._slack.deliver(
                kind, payload, accepts_response=True, attempt=attempt, reason=reason
            )
        except UndeliveredError as error:
            raise SlackError(error.reason) from error
        return {"answer": answer}

    async def _faults(self, body: dict[str, Any]) -> None:
        if body.get("clear"):
            self._slack.faults.clear()
        if body.get("method"):
            self._slack.faults.add(Fault.from_json(body))

    async def _group(self, body: dict[str, Any]) -> None:
        self._slack.set_members(str(body.get("group")), [str(user) for user in body["users"]])

    async def _person(self, body: dict[str, Any]) -> None:
        change = self._slack.deactivate if body.get("deleted") else self._slack.reactivate
        change(str(body.get("person")))

    async def _request_url(self, body: dict[str, Any]) -> None:
        await self._slack.use_request_url(str(body.get("url") or ""))

    async def _sockets(self, body: dict[str, Any]) -> dict[str, Any]:
        sockets = self._slack.sockets
        if body.get("disconnect"):
            within = {"within": float(body["within"])} if "within" in body else {}
            await sockets.ask_to_reconnect(str(body["disconnect"]), **within)
        if body.get("close"):
            await sockets.close_all()
        if "refuse" in body:
            sockets.refuse(int(body["refuse"]))
        return {"count": len(sockets)}

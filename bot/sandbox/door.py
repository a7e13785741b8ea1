"""How an act comes in: a JSON object by POST, a JSON object with `ok` back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.errors import SlackError
from bot.sandbox.slack import Slack

Json = dict[str, Any]
Act = Callable[[Json], Awaitable[Json | None]]


def acts(table: dict[str, Act]) -> list[web.AbstractRouteDef]:
    """The routes of acts by name."""
    return [web.post(f"/page/api/{name}", _door(act)) for name, act in table.items()]


def acting(slack: Slack, body: Json) -> str:
    """Who acts.

    Raises:
        SlackError: `user_not_found`.
    """
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
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_json"}, status=400)
        try:
            given = await act(body if isinstance(body, dict) else {})
        except SlackError as error:
            return web.json_response(error.answer(), status=400)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_arguments"}, status=400)
        return web.json_response({"ok": True, **(given or {})})

    return answer

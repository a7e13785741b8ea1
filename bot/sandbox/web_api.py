"""The Web API: one URL for each method, `POST /api/chat.postMessage`.

Every call passes the same gates: token, faults that a test asked for, rate limit, then the method.
The answer is JSON with `ok`; a refusal has status 200 and an `error`, as with Slack.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox import chat, conversations, dialogs, directory, files, people
from bot.sandbox.answers import respond
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault
from bot.sandbox.slack import Call, Slack

Method = Callable[[Slack, Arguments], Awaitable[dict[str, Any]]]


async def open_connection(slack: Slack, _call: Arguments) -> dict[str, Any]:
    """`apps.connections.open`: a WebSocket URL that is good for one connection."""
    url = slack.url.replace("http://", "ws://", 1)
    return {"url": f"{url}/link/?ticket={slack.sockets.issue_ticket()}&app_id={directory.APP}"}


METHODS: dict[str, Method] = {
    "api.test": people.api_test,
    "apps.connections.open": open_connection,
    "auth.test": people.auth_test,
    "bots.info": people.bot_info,
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.get_permalink,
    "chat.postEphemeral": chat.post_ephemeral,
    "chat.postMessage": chat.post_message,
    "chat.update": chat.update,
    "conversations.history": conversations.history,
    "conversations.info": conversations.info,
    "conversations.join": conversations.join,
    "conversations.list": conversations.list_all,
    "conversations.members": conversations.members,
    "conversations.open": conversations.open_direct,
    "conversations.replies": conversations.replies,
    "files.completeUploadExternal": files.complete_upload,
    "files.getUploadURLExternal": files.get_upload_url,
    "files.info": files.info,
    "reactions.add": conversations.add_reaction,
    "reactions.get": conversations.get_reactions,
    "reactions.remove": conversations.remove_reaction,
    "team.info": people.team_info,
    "usergroups.list": people.group_list,
    "usergroups.users.list": people.group_users,
    "users.info": people.user_info,
    "users.list": people.user_list,
    "views.open": dialogs.open_view,
    "views.publish": dialogs.publish_view,
    "views.push": dialogs.push_view,
    "views.update": dialogs.update_view,
}


class WebApi:
    """The routes that an app calls."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    def routes(self) -> list[web.AbstractRouteDef]:
        """All of them."""
        return [
            web.route("*", "/api/{method}", self.call),
            web.get("/link/", self._slack.sockets.connect),
            web.post("/upload/v1/{file}", self.upload),
            web.get("/files-pri/{file}/{name}", self.download),
            web.post("/response/{team}/{id}", self.respond),
        ]

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One call of a method."""
        name = request.match_info["method"]
        given = await _given(request)
        call = Arguments(given)
        fault = self._slack.faults.take(name)
        try:
            if fault and not fault.after:
                await _suffer(fault, request)
            body = await self._answer(name, _token(request, given), call)
            if fault and fault.after:
                await _suffer(fault, request)
        except SlackError as error:
            self._note(name, call, error.code)
            return _refusal(error)
        self._note(name, call, "ok")
        is_app = name == "apps.connections.open"
        headers = {"X-OAuth-Scopes": directory.APP_SCOPES if is_app else directory.SCOPES}
        return web.json_response({"ok": True, **body}, headers=headers)

    async def upload(self, request: web.Request) -> web.Response:
        """The bytes of a file, raw or as a form."""
        data = await request.read()
        if request.content_type == "multipart/form-data":
            form = await request.post()
            part = next((v for v in form.values() if isinstance(v, web.FileField)), None)
            data = part.file.read() if part else b""
        try:
            return web.Response(text=files.receive(self._slack, request.match_info["file"], data))
        except SlackError as error:
            return web.Response(text=error.code, status=error.status)

    async def download(self, request: web.Request) -> web.Response:
        """A file's bytes, for who has the bot's token."""
        if _token(request, {}) != directory.BOT_TOKEN:
            return web.Response(status=403)
        identity = request.match_info["file"].removeprefix(f"{directory.TEAM}-")
        file = self._slack.workspace.files.get(identity)
        if file is None or file.data is None:
            return web.Response(status=404)
        return web.Response(
            body=file.data,
            content_type=files.mimetype(file.name),
            headers={"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"},
        )

    async def respond(self, request: web.Request) -> web.Response:
        """What the app sends to a response URL."""
        try:
            body = await request.json()
            respond(self._slack, request.match_info["id"], body if isinstance(body, dict) else {})
        except ValueError:
            return web.Response(text="invalid_payload", status=400)
        except SlackError as error:
            status = error.status if error.status != web.HTTPOk.status_code else 400
            return web.json_response(error.answer(), status=status)
        return web.Response(text="ok")

    async def _answer(self, name: str, token: str, call: Arguments) -> dict[str, Any]:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", extra={"req_method": name})
        if name != "api.test":
            _check_token(name, token)
        wait = self._slack.rates.take(name, call.text("channel"))
        if wait is not None:
            raise SlackError("ratelimited", status=429, retry_after=wait)
        return await method(self._slack, call)

    def _note(self, name: str, call: Arguments, answer: str) -> None:
        at = self._slack.clock()
        self._slack.noted(Call(at=at, method=name, arguments=call.values, answer=answer))


async def _given(request: web.Request) -> dict[str, Any]:
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        return given | body if isinstance(body, dict) else given
    form = await request.post()
    return given | {name: value for name, value in form.items() if isinstance(value, str)}


def _token(request: web.Request, given: dict[str, Any]) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() or str(given.get("token") or "")


def _check_token(name: str, token: str) -> None:
    if not token:
        raise SlackError("not_authed")
    needed = directory.APP_TOKEN if name == "apps.connections.open" else directory.BOT_TOKEN
    if token == needed:
        return
    if token in {directory.APP_TOKEN, directory.BOT_TOKEN}:
        raise SlackError("not_allowed_token_type")
    raise SlackError("invalid_auth")


async def _suffer(fault: Fault, request: web.Request) -> None:
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    if fault.drop:
        if request.transport:
            request.transport.abort()
        raise SlackError("", status=web.HTTPBadGateway.status_code)
    if fault.status == web.HTTPTooManyRequests.status_code:
        raise SlackError("ratelimited", status=fault.status, retry_after=fault.retry_after)
    if fault.status >= web.HTTPInternalServerError.status_code:
        raise SlackError("", status=fault.status)
    if fault.error == "invalid_blocks":
        raise SlackError(
            fault.error, ["[ERROR] failed to match all allowed schemas [json-pointer:/blocks]"]
        )
    if fault.error:
        raise SlackError(fault.error)


def _refusal(error: SlackError) -> web.Response:
    if error.status >= web.HTTPInternalServerError.status_code:
        return web.Response(
            status=error.status, text="<html>Server error</html>", content_type="text/html"
        )
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return web.json_response(error.answer(), status=error.status, headers=headers)

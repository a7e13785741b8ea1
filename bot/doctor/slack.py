"""Slack: tokens, scopes, Socket Mode and a channel, by the same calls that the bot makes.

The socket is opened for as long as its `hello` takes, and only where no other chaosbot is at work
in the same state folder: Slack spreads what people type over all sockets of an app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor.finding import Finding, broken, not_set, works
from bot.lock import holder
from bot.settings import Settings

# What the app's manifest asks for, and what each is for.
SCOPES: Final[Mapping[str, str]] = {
    "app_mentions:read": "take @chaosbot in a run's thread",
    "channels:history": "find its own messages again",
    "chat:write": "post runs",
    "chat:write.public": "post in channels that it was not invited to",
    "commands": "take /chaos",
    "groups:history": "find its own messages again in private channels",
    "usergroups:read": "know who is in the user groups that may approve",
    "users:read": "refuse the votes of deactivated people",
}
_WITHIN: Final = 2.2  # seconds, for one call; the app's token and its socket take two
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_APP_PAGE: Final = "at api.slack.com/apps, in your app"
_MENDS: Final[Mapping[str, str]] = {
    "not_in_channel": "In the channel: /invite the bot.",
    "channel_not_found": "Give the channel's id (C...), and /invite the bot to it.",
    "missing_scope": f"Add the scope under OAuth & Permissions {_APP_PAGE}, and install it again.",
    "ratelimited": "Wait a minute, and ask again.",
}


@dataclass(frozen=True)
class _Said:
    """An answer: its body, and its headers in lower case; or why there is none, and Slack's code."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    why: str = ""
    code: str = ""


async def look_at_slack(settings: Settings, channel: str | None) -> list[Finding]:
    """Tokens, scopes, socket, and the channel (an id) if one is given."""
    bot, app = settings.slack_bot_token, settings.slack_app_token
    secret = settings.slack_signing_secret
    if bot is None and app is None and secret is None:
        text = "SLACK_BOT_TOKEN and SLACK_APP_TOKEN: only chaosbot serve needs them."
        mend = "Create the app from manifest.yaml at api.slack.com/apps, and set its tokens."
        return [not_set("Slack", text, mend=mend)]
    timeout = aiohttp.ClientTimeout(total=_WITHIN)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        slack = _Slack(settings, session)
        over = _over_http() if secret and app is None else None
        found = await asyncio.gather(
            slack.bot(bot.get_secret_value() if bot else None, channel),
            over or slack.app(app.get_secret_value() if app else None),
        )
    return [finding for part in found for finding in part]


async def _over_http() -> list[Finding]:
    """With a signing secret and no app token, the bot is meant to be served over HTTP."""
    text = "Only SLACK_SIGNING_SECRET is set: start the bot with chaosbot serve --http PORT."
    return [works("Slack HTTP", text)]


class _Slack:
    """One server that speaks Slack's protocol."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._home = settings.home
        self._session = session
        url = settings.slack_api_url
        self._where = "" if url == "https://slack.com/api/" else f" at {url}"
        self._client = AsyncWebClient(base_url=url, session=session, retry_handlers=[])
        if urlsplit(url).hostname in _LOOPBACK:
            self._client.proxy = None

    async def bot(self, token: str | None, channel: str | None) -> list[Finding]:
        """The bot's token, its scopes, the channel."""
        check = "Slack bot token"
        if token is None:
            mend = f"Copy it from OAuth & Permissions {_APP_PAGE}: it begins with xoxb-."
            return [broken(check, "SLACK_BOT_TOKEN is not set.", mend=mend)]
        who, heard = await asyncio.gather(
            self._ask("auth.test", token), self._channel(token, channel)
        )
        if who.why:
            mend = f"Set SLACK_BOT_TOKEN to the xoxb- token under OAuth & Permissions {_APP_PAGE}."
            return [broken(check, who.why, mend=mend if who.code else self._network)]
        text = f"{who.body.get('user')} in {who.body.get('team')}{self._where}."
        return [works(check, text), _scopes(who.headers), *heard]

    async def app(self, token: str | None) -> list[Finding]:
        """The app's token, and its socket."""
        check = "Slack app token"
        if token is None:
            mend = f"Make one with connections:write under App-Level Tokens {_APP_PAGE}."
            return [broken(check, "SLACK_APP_TOKEN is not set.", mend=mend)]
        opened = await self._ask("apps.connections.open", token)
        url = opened.body.get("url")
        if opened.why or not isinstance(url, str):
            mend = (
                "Set SLACK_APP_TOKEN to an xapp- token that has connections:write, and turn on "
                f"Socket Mode {_APP_PAGE}."
            )
            why = opened.why or "Slack names no socket."
            return [broken(check, why, mend=mend if opened.code else self._network)]
        return [works(check, "It opens connections."), await self._socket(url)]

    async def _socket(self, url: str) -> Finding:
        check = "Slack Socket Mode"
        at_work = holder(self._home)
        if at_work is not None:
            return works(check, f"Left to the chaosbot that is at work ({at_work}).")
        mend = "See that WebSockets pass your network's proxies."
        try:
            async with (
                asyncio.timeout(_WITHIN),
                self._session.ws_connect(url, proxy=self._client.proxy) as socket,
            ):
                hello = await socket.receive_json()
        except TimeoutError:
            return broken(check, f"The socket said nothing within {_WITHIN:g} s.", mend=mend)
        except (aiohttp.ClientError, OSError, TypeError, ValueError) as error:
            return broken(
                check, f"The socket cannot be opened ({type(error).__name__}).", mend=mend
            )
        kind = hello.get("type") if isinstance(hello, dict) else None
        if kind != "hello":
            reason = hello.get("reason") if isinstance(hello, dict) else None
            why = f"The socket says {reason or kind or 'something else'}, and not hello."
            return broken(check, why, mend="End other programs that use this app's token.")
        return works(check, "A socket opens, and says hello.")

    async def _channel(self, token: str, channel: str | None) -> list[Finding]:
        if channel is None:
            return []
        said = await self._ask("conversations.history", token, channel=channel, limit=1)
        check = f"Slack channel {channel}"
        if said.why:
            return [broken(check, said.why, mend=_MENDS.get(said.code, self._network))]
        return [works(check, "The bot is in it.")]

    async def _ask(self, method: str, token: str, **arguments: object) -> _Said:
        """An answer of Slack, or why there is none. Never raises."""
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with asyncio.timeout(_WITHIN):
                answer = await self._client.api_call(method, headers=headers, params=arguments)
        except SlackApiError as error:
            data = getattr(error.response, "data", None)
            code = str(data.get("error") or "") if isinstance(data, dict) else ""
            odd = f"It does not answer as Slack does{self._where}."
            return _Said({}, {}, f"Slack says {code}." if code else odd, code)
        except TimeoutError:
            return _Said({}, {}, f"Slack did not answer within {_WITHIN:g} s{self._where}.")
        except AttributeError:  # the SDK takes every 200 for an object
            return _Said({}, {}, f"It does not answer as Slack does{self._where}.")
        except (SlackClientError, aiohttp.ClientError, OSError, TypeError, ValueError) as error:
            return _Said({}, {}, f"Slack cannot be reached{self._where} ({type(error).__name__}).")
        if not isinstance(answer.data, dict):
            return _Said({}, {}, f"It does not answer as Slack does{self._where}.")
        return _Said(answer.data, {str(k).lower(): str(v) for k, v in answer.headers.items()})

    @property
    def _network(self) -> str:
        return "Check SLACK_API_URL and the network."


def _scopes(headers: Mapping[str, str]) -> Finding:
    check = "Slack scopes"
    if "x-oauth-scopes" not in headers:
        return works(check, "Slack did not say which there are.", needed=False)
    given = {scope.strip() for scope in headers["x-oauth-scopes"].split(",")}
    lacking = [f"{scope} (to {use})" for scope, use in SCOPES.items() if scope not in given]
    if not lacking:
        return works(check, f"All {len(SCOPES)} that the manifest asks for are there.")
    mend = f"Add them under OAuth & Permissions {_APP_PAGE}, and install the app again."
    return broken(check, f"Missing: {', '.join(lacking)}.", mend=mend)

"""The connection to Slack: Socket Mode, the Web API, and everything that hangs on them.

Facts about slack-sdk 3.47 that shape this (each was run):
- `connect_async` with a bad app token never returns, so `apps.connections.open` is asked first;
- a WebSocket connect that failed is tried again with the same single-use URL for ever, unless
  somebody forgets the URL: `_watch`;
- a retry handler that waits out a 429 sleeps as long as it is told to, so there is none: the
  painter paces itself, and a connection error is not tried again behind its back;
- proxy variables of the environment are read for every client, also for loopback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SettingsError
from bot.engine.chaos import Chaos
from bot.engine.patience import cancelled
from bot.slack.access import Access, Identity
from bot.slack.answers import Answers
from bot.slack.brush import Brush
from bot.slack.failures import Failures
from bot.slack.links import Links
from bot.slack.listeners import register
from bot.slack.listeners.actions import Actions
from bot.slack.listeners.commands import Commands
from bot.slack.listeners.views import Views
from bot.slack.memory import Memory
from bot.slack.painter import Painter
from bot.slack.web_api import WebApi

_CALL_SECONDS: Final = 10
_CONNECT_SECONDS: Final = 20.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SlackBot:
    """One bot in one workspace, connected while the `async with` lasts.

    The engine is closed before its end, so that its last words are painted too.
    """

    def __init__(self, chaos: Chaos, access: Access) -> None:
        self._chaos = chaos
        self._access = access
        self._api_url = access.api_url.rstrip("/") + "/"
        self._identity: Identity | None = None
        self._session: aiohttp.ClientSession | None = None
        self._handler: AsyncSocketModeHandler | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._painter: Painter | None = None

    @property
    def identity(self) -> Identity:
        """Who we are, once we are connected."""
        if self._identity is None:
            raise RuntimeError("not connected yet")
        return self._identity

    @property
    def team(self) -> str:
        """The workspace's name."""
        return self.identity.team

    @property
    def name(self) -> str:
        """The bot's name in it."""
        return self.identity.user

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Connect, take up what is unfinished, and listen from now on.

        Raises:
            SettingsError: a token or the address is wrong, or Slack cannot be reached.
            JournalError: nobody knows what is unfinished.
        """
        try:
            await self._start()
        except BaseException:
            await self.close(seconds=0)
            raise

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS))
        client = self._client(self._access.bot_token)
        identity = self._identity = await self._who(client)
        url = await self._socket_url(client)
        chaos = self._chaos
        brush = Brush(WebApi(client), chaos.journal, chaos.clock)
        painter = Painter(
            chaos.stream,
            chaos.journal,
            chaos.clock,
            chaos.policy,
            brush,
            channel=self._access.channel,
        )
        app = self._app(identity, client, painter)
        await painter.start()
        self._painter = painter
        self._handler = AsyncSocketModeHandler(
            app, self._access.app_token, ping_interval=self._access.ping_interval
        )
        self._handler.client.proxy = client.proxy
        self._handler.client.wss_uri = url
        self._watcher = asyncio.create_task(self._watch(self._handler))
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._handler.client.connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise SettingsError(
                f"Slack's socket cannot be reached within {_CONNECT_SECONDS:g} s.",
                mend="Check the network, and that WebSockets pass its proxies.",
            ) from None

    async def close(self, seconds: float = 10.0) -> None:
        """Paint the last state of everything, for at most so long, and disconnect.

        The engine is closed first, so that its last words are painted too.
        """
        if self._painter:
            await self._painter.close(seconds)
        if self._watcher:
            await cancelled(self._watcher)
        if self._handler:
            with suppress(aiohttp.ClientError, OSError):
                await self._handler.client.close()  # type: ignore[no-untyped-call]
        if self._session:
            await self._session.close()

    def _client(self, token: str | None) -> AsyncWebClient:
        client = AsyncWebClient(
            token, base_url=self._api_url, session=self._session, retry_handlers=[]
        )
        if urlsplit(self._api_url).hostname in _LOOPBACK:
            client.proxy = None
        return client

    def _app(self, identity: Identity, client: AsyncWebClient, painter: Painter) -> AsyncApp:
        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=identity.team_id,
                bot_id=identity.bot_id,
                bot_user_id=identity.user_id,
                bot_token=self._access.bot_token,
            )

        # Without a token of its own, so that no request has to wait for `auth.test`.
        app = AsyncApp(
            name="chaosbot", client=self._client(None), authorize=authorize, logger=_bolt_log()
        )
        if self._session is None:
            raise RuntimeError("the session is opened first")
        answers = Answers(self._session, proxy=client.proxy)
        memory = Memory(self._chaos.clock)
        links = Links(client, painter)
        failures = Failures(answers)
        commands = Commands(
            self._chaos, painter, links, answers=answers, failures=failures, memory=memory
        )
        actions = Actions(self._chaos, commands, failures, memory)
        views = Views(self._chaos, client, answers, failures, memory)
        register(app, commands, actions, views, failures)
        return app

    async def _who(self, client: AsyncWebClient) -> Identity:
        answer = await self._ask(client, "auth.test", "SLACK_BOT_TOKEN", "xoxb-")
        return Identity(
            team=str(answer.get("team") or ""),
            team_id=str(answer.get("team_id") or ""),
            user=str(answer.get("user") or ""),
            user_id=str(answer.get("user_id") or ""),
            bot_id=str(answer.get("bot_id") or ""),
            url=str(answer.get("url") or ""),
        )

    async def _socket_url(self, client: AsyncWebClient) -> str:
        answer = await self._ask(
            client,
            "apps.connections.open",
            "SLACK_APP_TOKEN",
            "xapp-",
            token=self._access.app_token,
        )
        return str(answer["url"])

    async def _ask(
        self,
        client: AsyncWebClient,
        method: str,
        setting: str,
        prefix: str,
        token: str | None = None,
    ) -> Mapping[str, Any]:
        # The SDK's own methods send the app's token as a parameter; either way is Slack's.
        params = {"token": token} if token else None
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                answer = await client.api_call(method, params=params)
        except SlackApiError as error:
            data = getattr(error.response, "data", None)
            code = data.get("error") if isinstance(data, dict) else None
            if not code:
                raise self._unreachable("it does not answer as Slack does") from error
            raise SettingsError(
                f"Slack does not accept {setting}: {code}.",
                mend=f"It begins with {prefix}; the app's settings show it.",
            ) from error
        except TimeoutError as error:
            raise self._unreachable(f"no answer within {_CALL_SECONDS} s") from error
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        if not isinstance(answer.data, dict):
            raise self._unreachable("it does not answer as Slack does")
        return answer.data

    def _unreachable(self, why: str) -> SettingsError:
        return SettingsError(
            f"Slack cannot be reached at {self._api_url}: {why}.",
            mend="Check SLACK_API_URL and the network.",
        )

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Forget the URL of a socket that is not connected: it may be used up."""
        while True:
            await self._chaos.clock.sleep(self._access.ping_interval)
            if not await handler.client.is_connected():
                handler.client.wss_uri = None


class _OneLine(logging.Filter):
    """A socket that cannot be connected is tried again every few seconds: one line each."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


def _bolt_log() -> logging.Logger:
    """Bolt's log, errors only: it warns of a token that is left out on purpose."""
    log = logging.getLogger("bot.slack.bolt")
    log.setLevel(logging.ERROR)
    if not log.filters:
        log.addFilter(_OneLine())
    return log

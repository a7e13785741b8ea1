"""The connection to Slack: the Web API, Socket Mode or HTTP, and everything that hangs on them.

who we are -> painter -> listeners -> the socket, or the port, over which requests come in
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import JournalError
from bot.engine.chaos import Chaos
from bot.engine.patience import cancelled
from bot.slack.access import Access, Identity, SlackAway
from bot.slack.answers import Answers
from bot.slack.bolt import bolt_app
from bot.slack.brush import Brush
from bot.slack.failures import Failures
from bot.slack.http_mode import HttpMode
from bot.slack.identity import CALL_SECONDS, socket_url, web_client, who_we_are
from bot.slack.links import Links
from bot.slack.listeners import register
from bot.slack.listeners.actions import Actions
from bot.slack.listeners.commands import Commands
from bot.slack.listeners.home import Home
from bot.slack.listeners.mentions import Mentions
from bot.slack.listeners.views import Views
from bot.slack.memory import Memory
from bot.slack.painter import Painter
from bot.slack.people import People
from bot.slack.running import Running
from bot.slack.socket_mode import SocketMode
from bot.slack.tabs import Tabs
from bot.slack.web_api import CallFailed, WebApi, call

_SLACK: Final = "Slack"  # the part that the engine hears of
_SERVER_ERROR: Final = 500
_JOURNAL_SECONDS: Final = 2.0


class SlackBot:
    """One bot in one workspace, connected while the `async with` lasts.

    Its end has an order: `stop_listening`, then the engine ends, then `close`, so that the
    engine's last words are painted too.
    """

    def __init__(self, chaos: Chaos, access: Access) -> None:
        self._chaos = chaos
        self._access = access
        self._identity: Identity | None = None
        self._session: aiohttp.ClientSession | None = None
        self._socket: SocketMode | None = None
        self._port: HttpMode | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._painter: Painter | None = None
        self._tabs: Tabs | None = None
        self._running = Running(chaos.clock)
        self._heard_at = chaos.clock.monotonic()
        self._lacks = "Slack was not asked yet."

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

    @property
    def port(self) -> int | None:
        """The port that is listened at in HTTP mode."""
        return self._port.port if self._port else None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close(seconds=0)
            raise
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

        After a failure it may be started again, or closed. In HTTP mode the port stays open after
        `SlackAway`, so that /healthz and /readyz answer meanwhile.

        Raises:
            SlackAway: Slack cannot be reached now.
            SettingsError: a token or the port is wrong.
            JournalError: nobody knows what is unfinished.
        """
        try:
            await self._start()
        except SlackAway as error:
            self._lacks = error.whole
            await self._disconnect(seconds=0)
            raise
        except BaseException:
            await self.close(seconds=0)
            raise

    async def _start(self) -> None:
        access = self._access
        await self._open_port()
        session = self._session = self._new_session()
        self._identity = await who_we_are(access, session)
        url = "" if access.http else await socket_url(access, session)
        client = web_client(access, session, access.bot_token)
        chaos = self._chaos
        painter = Painter(
            chaos.stream,
            chaos.journal,
            chaos.clock,
            Brush(WebApi(client), chaos.journal, chaos.clock),
            channel=access.channel,
            halted=lambda: chaos.halted,
        )
        await painter.start()
        self._painter = painter
        app = self._app(self._identity, client, painter, session)
        if self._port:
            self._port.serve(app)
            self._pulse = asyncio.create_task(self._ask_now_and_then(client))
        else:
            self._socket = SocketMode(
                app,
                access.app_token or "",
                url,
                proxy=client.proxy,
                ping_interval=access.ping_interval,
                clock=chaos.clock,
                heard=self._heard,
            )
            await self._socket.open()
        self._lacks = ""

    async def stop_listening(self, seconds: float = 5.0) -> None:
        """Take no further request, and wait for at most so long for the answers to the others.

        Painting goes on: it needs the Web API alone.
        """
        self._lacks = "Chaosbot is ending."
        if self._port:
            await self._port.stop()
        if self._socket:
            await self._socket.stop()
        await self._running.ended(seconds)

    async def close(self, seconds: float = 10.0) -> None:
        """Paint the last state of everything, for at most so long, and disconnect.

        The engine is closed first, so that its last words are painted too.
        """
        await self._disconnect(seconds)
        if self._port:
            await self._port.close()
            self._port = None

    async def _disconnect(self, seconds: float) -> None:
        """All but the port."""
        if self._painter:
            await self._painter.close(seconds)
        if self._tabs:
            await self._tabs.close()
        if self._pulse:
            await cancelled(self._pulse)
        if self._port:
            await self._port.stop()
        if self._socket:
            await self._socket.close()
        await self._running.cancel()
        if self._session:
            await self._session.close()
        self._painter = self._tabs = self._pulse = self._socket = self._session = None

    async def _open_port(self) -> None:
        access = self._access
        if access.http is None:
            return
        if self._port is None:
            host, port = access.http
            self._port = HttpMode(
                host, port, access.signing_secret or "", lacking=self._lacking, heard=self._heard
            )
        await self._port.open()

    def _new_session(self) -> aiohttp.ClientSession:
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._answered)
        return aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=CALL_SECONDS), trace_configs=[trace]
        )

    async def _answered(
        self, _session: aiohttp.ClientSession, _of: object, end: aiohttp.TraceRequestEndParams
    ) -> None:
        if end.response.status < _SERVER_ERROR:
            self._heard()

    def _heard(self) -> None:
        self._heard_at = self._chaos.clock.monotonic()
        self._chaos.contact.heard(_SLACK)

    async def _ask_now_and_then(self, client: AsyncWebClient) -> None:
        """Over HTTP nothing is heard of Slack while nobody does anything, unless it is asked."""
        clock, interval = self._chaos.clock, self._access.ping_interval
        while True:
            await clock.sleep(interval)
            if clock.monotonic() - self._heard_at >= interval:
                with suppress(CallFailed):
                    await call(client, "auth.test")

    async def _lacking(self) -> str:
        """What keeps us from doing our work, "" for nothing."""
        if self._lacks:
            return self._lacks
        try:
            async with asyncio.timeout(_JOURNAL_SECONDS):
                await self._chaos.journal.latest(1)
        except JournalError as error:
            return error.whole
        except TimeoutError:
            return f"The journal does not answer within {_JOURNAL_SECONDS:g} s."
        return ""

    def _app(
        self,
        identity: Identity,
        client: AsyncWebClient,
        painter: Painter,
        session: aiohttp.ClientSession,
    ) -> AsyncApp:
        app = bolt_app(self._access, identity, session, self._running)
        chaos = self._chaos
        answers = Answers(session, client, proxy=client.proxy, secrets=self._access.secrets)
        memory = Memory(chaos.clock)
        links = Links(client, painter)
        people = People(client, chaos.policy, chaos.clock)
        failures = Failures(answers)
        commands = Commands(
            chaos,
            painter,
            links,
            people=people,
            answers=answers,
            failures=failures,
            memory=memory,
        )
        self._tabs = Tabs(chaos, client, links)
        self._tabs.start()
        register(
            app,
            commands=commands,
            actions=Actions(chaos, commands, failures, memory),
            views=Views(chaos, client, answers, failures, memory),
            mentions=Mentions(chaos, commands, failures, memory),
            home=Home(chaos, people, self._tabs, memory),
            failures=failures,
        )
        return app

"""The sandbox's server: Web API, Socket Mode and page on one loopback port.

It answers only to this machine's own names, and refuses pages of other origins, so that no website
can reach it through the reader's browser.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox import directory, interactions
from bot.sandbox.backstage import Backstage
from bot.sandbox.controls import Control
from bot.sandbox.directory import Registration, Shortcut, SlashCommand
from bot.sandbox.live import Live
from bot.sandbox.page import Page
from bot.sandbox.port import Port
from bot.sandbox.slack import RETRY_SECONDS, Slack
from bot.sandbox.web_api import WebApi

HOST = "127.0.0.1"
DEFAULT_PORT = 3000
_STATIC = Path(__file__).parent / "static"
_OWN_NAMES = {"127.0.0.1", "localhost", "::1"}
_MOST_BYTES = 60_000_000  # of a request, which may be an uploaded file
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class PortInUseError(Exception):
    """Something else listens on the port already."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        slack: Its state, for tests in the same process.
        port: The port that it listens on.
    """

    slack: Slack
    port: int
    _listening: Port
    _live: Live

    @property
    def url(self) -> str:
        """Where the page is, such as `http://127.0.0.1:3000`."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a bot needs in its environment to talk to this sandbox."""
        names = {
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_BOT_TOKEN": directory.BOT_TOKEN,
            "SLACK_APP_TOKEN": directory.APP_TOKEN,
        }
        secret = self.slack.signing_secret
        return names | {"SLACK_SIGNING_SECRET": secret} if secret else names

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Slack is away while this is entered, and then back on the same port.

        Every connection is refused, those that are open break off, and the state is kept. Who
        cannot be in this process asks `SandboxClient.away`.
        """
        await self._listening.fall_silent()
        try:
            yield
        finally:
            await self._listening.come_back()

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self.slack.stop()
        await self._live.stop()
        await self._listening.close()


async def start(  # noqa: PLR0913  what a test may set, all by name
    port: int = DEFAULT_PORT,
    *,
    commands: Sequence[SlashCommand] = directory.DEFAULT_COMMANDS,
    shortcuts: Sequence[Shortcut] = (),
    events: frozenset[str] = directory.DEFAULT_EVENTS,
    clock: Callable[[], float] = time.time,
    rate_limits: bool = True,
    ack_seconds: float = 3.0,
    retry_seconds: tuple[float, ...] = RETRY_SECONDS,
    request_url: str = "",
    signing_secret: str = "",
    controls: Sequence[Control] = (),
) -> Sandbox:
    """Listen on loopback.

    Args:
        port: 0 lets the system choose one.
        commands: The slash commands that the app has registered.
        shortcuts: Its shortcuts.
        events: Its event subscriptions, such as `app_mention` or `message.channels`.
        clock: Seconds since 1970; timestamps, rate limits and expiries go by it.
        rate_limits: Whether Slack's rate limits hold.
        ack_seconds: How long the app may take to acknowledge.
        retry_seconds: The waits before an unacknowledged event is sent again.
        request_url: Where the app listens for HTTP, such as
            `http://127.0.0.1:3100/slack/events`; empty for Socket Mode. It is not asked a challenge
            here, since the app may start later: `SandboxClient.use_request_url` does that.
        signing_secret: With which the requests to it are signed.
        controls: Buttons on the page that belong to whoever starts the sandbox, not to Slack.

    Raises:
        PortInUseError: The port is taken.
        ValueError: There is a request URL, but no signing secret.
    """
    slack = Slack(
        clock=clock,
        registration=Registration(
            commands=tuple(commands), shortcuts=tuple(shortcuts), events=events
        ),
        rate_limits=rate_limits,
        ack_seconds=ack_seconds,
        retry_seconds=retry_seconds,
        request_url=request_url,
        signing_secret=signing_secret,
        controls=controls,
    )
    slack.workspace.on_event = lambda body, channel: interactions.happened(slack, body, channel)
    app = web.Application(middlewares=[_own_origin_only], client_max_size=_MOST_BYTES)
    listening, live = Port(app, HOST), Live(slack.feed)
    app.add_routes([*WebApi(slack).routes(), *Page(slack).routes()])
    app.add_routes([*Backstage(slack, listening.be_away).routes()])
    app.add_routes([web.get("/page/live", live.connect)])
    app.add_routes([web.get("/", _index), web.static("/static", _STATIC)])
    app.on_response_prepare.append(_add_headers)
    try:
        await listening.open(port)
    except OSError as error:
        raise PortInUseError(
            f"Port {port} is in use. Stop what listens there, or choose another with --port."
        ) from error
    sandbox = Sandbox(slack, listening.number, listening, live)
    slack.url = sandbox.url
    return sandbox


async def _index(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(_STATIC / "index.html")


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if request.path == "/" or request.path.startswith("/static/"):
        response.headers.update(_HEADERS)


@web.middleware
async def _own_origin_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _name(f"http://{request.host}") not in _OWN_NAMES:
        raise web.HTTPForbidden(text="This sandbox answers to this machine's own names only.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="This sandbox takes no requests from other sites.")
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in {"none", "same-origin"} and request.path != "/":  # a link may lead to the page
        raise web.HTTPForbidden(text="This sandbox takes no requests from other sites.")
    return await handler(request)


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

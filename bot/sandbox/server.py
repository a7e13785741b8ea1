"""The sandbox's server: Web API, Socket Mode and page on one loopback port.

It answers only to this machine's own names, and refuses pages of other origins, so that no website
can reach it through the reader's browser.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox import directory, interactions
from bot.sandbox.directory import Registration, Shortcut, SlashCommand
from bot.sandbox.page import Page
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
    _runner: web.AppRunner
    _page: Page

    @property
    def url(self) -> str:
        """Where the page is, such as `http://127.0.0.1:3000`."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a bot needs in its environment to talk to this sandbox."""
        return {
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_BOT_TOKEN": directory.BOT_TOKEN,
            "SLACK_APP_TOKEN": directory.APP_TOKEN,
        }

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self.slack.stop()
        await self._page.stop()
        await self._runner.cleanup()


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

    Raises:
        PortInUseError: The port is taken.
    """
    slack = Slack(
        clock=clock,
        registration=Registration(
            commands=tuple(commands), shortcuts=tuple(shortcuts), events=events
        ),
        rate_limits=rate_limits,
        ack_seconds=ack_seconds,
        retry_seconds=retry_seconds,
    )
    slack.workspace.on_event = lambda body, channel: interactions.happened(slack, body, channel)
    page = Page(slack)
    app = web.Application(middlewares=[_own_origin_only], client_max_size=_MOST_BYTES)
    app.add_routes([*WebApi(slack).routes(), *page.routes()])
    app.add_routes([web.get("/", _index), web.static("/static", _STATIC)])
    app.on_response_prepare.append(_add_headers)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise PortInUseError(
            f"Port {port} is in use. Stop what listens there, or choose another with --port."
        ) from error
    sandbox = Sandbox(slack, int(runner.addresses[0][1]), runner, page)
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

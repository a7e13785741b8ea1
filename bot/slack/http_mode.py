"""HTTP mode: Slack's requests come to a port of ours; each is signed.

    POST /slack/events   commands, clicks, events: to Bolt, which checks the signature
    GET  /healthz        200 while the process serves
    GET  /readyz         200 once it can do its work, else 503 with a sentence

The signature is an HMAC-SHA256 over `v0:{timestamp}:{body}`, and good for five minutes. Bolt reads
a body before it checks who has signed it, and a header that is no number is a defect to it
(slack-bolt 1.30; run): so the same check is made once more, before anything is read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.domain.errors import SettingsError
from bot.slack.running import Taken
from bot.slack.shape import made_by_slack

log = logging.getLogger(__name__)

EVENTS: Final = "/slack/events"
_MOST_BYTES: Final = 2_000_000  # Slack's largest payload brings a view of 250 KB, encoded
_BODY_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 300
_DIGITS: Final = 15
_NO_FORM: Final = "the body is none of Slack's forms"


class HttpMode:
    """A port. It listens as soon as it is open, and takes requests while an app serves them."""

    def __init__(
        self,
        host: str,
        port: int,
        signing_secret: str,
        *,
        lacking: Callable[[], Awaitable[str]],
        heard: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            host: Where to listen, and nowhere else.
            port: 0 lets the system choose.
            signing_secret: Slack's.
            lacking: Says in a sentence what is lacking before work can be done, "" for nothing.
            heard: Told of each request that Slack has signed.
        """
        self._host = host
        self._wanted = port
        self._verifier = SignatureVerifier(signing_secret)
        self._lacking = lacking
        self._heard = heard
        self._app: AsyncApp | None = None
        self._taken = Taken()
        self._runner: web.AppRunner | None = None
        self.port = port

    async def open(self) -> None:
        """Listen, if that is not so already. Raises SettingsError: the port cannot be had."""
        if self._runner:
            return
        site = web.Application(client_max_size=_MOST_BYTES)
        site.add_routes(
            [
                web.post(EVENTS, self._events),
                web.get("/healthz", _health),
                web.get("/readyz", self._ready),
            ]
        )
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._wanted).start()
        except (OSError, OverflowError) as error:
            await runner.cleanup()
            raise SettingsError(
                f"Port {self._wanted} of {self._host} cannot be listened at: {_why(error)}.",
                mend="Stop what listens there, or choose another port with --http.",
            ) from error
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    def serve(self, app: AsyncApp) -> None:
        """Hand requests to an app from now on."""
        self._app = app

    async def stop(self) -> None:
        """Take no further request (503: Slack sends an event again), acknowledge the others."""
        self._app = None
        await self._taken.acknowledged()

    async def close(self) -> None:
        """Stop listening."""
        self._app = None
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _events(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = (await request.read()).decode()
        except TimeoutError:
            return _refused(408, "the body did not come in time")
        except UnicodeDecodeError:
            return _refused(400, "the body is no text")
        if why := self._unsigned(request, body):
            return _refused(401, why)
        self._heard()
        if self._app is None:
            return _refused(503, "Chaosbot is not ready, or is ending", seconds="1")
        with self._taken:
            return await _dispatched(self._app, request, body)

    def _unsigned(self, request: web.Request, body: str) -> str:
        """Why a request is not taken for Slack's, "" if it is."""
        at = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (at.isascii() and at.isdigit() and len(at) <= _DIGITS and signature.isascii()):
            return "it is not signed"
        if abs(self._verifier.clock.now() - int(at)) > _FRESH_SECONDS:
            return "it is older than five minutes, or a clock is wrong"
        return "" if self._verifier.is_valid(body, at, signature) else "its signature is wrong"

    async def _ready(self, _request: web.Request) -> web.Response:
        lacking = await self._lacking()
        told: dict[str, object] = {"ready": not lacking}
        if lacking:
            told["why"] = lacking
        return web.json_response(told, status=503 if lacking else 200)


async def _dispatched(app: AsyncApp, request: web.Request, body: str) -> web.Response:
    try:
        asked = AsyncBoltRequest(
            body=body, query=request.query_string, headers=dict(request.headers)
        )
        if not made_by_slack(asked.body):
            return _refused(400, _NO_FORM)
        return await to_aiohttp_response(await app.async_dispatch(asked))
    except Exception as error:  # noqa: BLE001 - Bolt stumbles over all that Slack never sends
        return _refused(400, f"{_NO_FORM} ({type(error).__name__})")


async def _health(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


def _refused(status: int, why: str, *, seconds: str = "") -> web.Response:
    log.warning("A request to %s was refused (%d): %s.", EVENTS, status, why)
    headers = {"Retry-After": seconds} if seconds else {}
    return web.json_response({"error": why}, status=status, headers=headers)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)

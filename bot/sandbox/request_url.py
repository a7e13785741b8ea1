"""HTTP delivery: the app hears what happens at its request URL, in place of a socket.

Commands come as a form, interactions as a form with the one field `payload`, events as JSON. Each
request is signed: `X-Slack-Signature: v0=HMAC-SHA256(secret, "v0:{timestamp}:{body}")`. The app
has 3 seconds to answer with status 200; the body of that answer is its acknowledgement.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.delivery import UndeliveredError

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_OK = 200
_REDIRECTED = 300


def sign(secret: str, timestamp: int | str, body: str) -> str:
    """The value of `X-Slack-Signature` for a body at a time, in seconds since 1970."""
    signed = f"v0:{timestamp}:{body}".encode()
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Request:
    """A request as it goes out."""

    url: str
    headers: dict[str, str]
    body: str


class RequestUrl:
    """Where the app has asked Slack to deliver."""

    def __init__(
        self, url: str, secret: str, clock: Callable[[], float], *, ack_seconds: float = 3.0
    ) -> None:
        """Take the app's URL and its signing secret.

        Args:
            url: Such as `http://127.0.0.1:3100/slack/events`.
            secret: The signing secret.
            clock: Seconds since 1970; requests are stamped by it.
            ack_seconds: How long the app may take to answer, in real seconds.
        """
        self.url = url
        self.ack_seconds = ack_seconds
        self._secret = secret
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None

    def request(
        self, kind: str, payload: dict[str, Any], *, attempt: int = 0, reason: str = ""
    ) -> Request:
        """A signed request.

        Args:
            kind: `slash_commands`, `interactive` or `events_api`.
            payload: What happened.
            attempt: For events: which retry this is, 0 for the first sending.
            reason: For events: why it is sent again.
        """
        if kind == "slash_commands":
            body = urlencode(payload)
        elif kind == "interactive":
            body = urlencode({"payload": json.dumps(payload)})
        else:
            body = json.dumps(payload)
        timestamp = str(int(self._clock()))
        headers = {
            "Content-Type": _JSON if kind == "events_api" else _FORM,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._secret, timestamp, body),
        }
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        return Request(self.url, headers, body)

    async def send(self, request: Request) -> dict[str, Any]:
        """Send a request, and wait for its acknowledgement.

        Returns:
            The answer's JSON object, or its text as `{"text": ...}`, or an empty object.

        Raises:
            UndeliveredError: The app cannot be reached, is too slow, or answers no 200.
        """
        limit = aiohttp.ClientTimeout(total=self.ack_seconds)
        if self._http is None:
            # A connection for each request: an app that was killed leaves no dead one behind.
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._http = aiohttp.ClientSession(connector=connector)
        try:
            async with self._http.post(
                request.url,
                data=request.body.encode(),
                headers=request.headers,
                timeout=limit,
                allow_redirects=False,
            ) as answer:
                if not _OK <= answer.status < _REDIRECTED:
                    final = answer.headers.get("X-Slack-No-Retry") == "1"
                    raise UndeliveredError("http_error", "dispatch_failed", final=final)
                return _acknowledgement(await answer.text(errors="replace"), answer.content_type)
        except TimeoutError as error:
            raise UndeliveredError("http_timeout", "operation_timeout") from error
        except aiohttp.ClientError as error:
            raise UndeliveredError("connection_failed", "dispatch_failed") from error

    async def verified(self) -> bool:
        """Whether the app answers a challenge, as it must before Slack takes its URL."""
        challenge = secrets.token_urlsafe(32)
        asked = {"token": "", "challenge": challenge, "type": "url_verification"}
        try:
            answer = await self.send(self.request("events_api", asked))
        except UndeliveredError:
            return False
        return challenge in {answer.get("challenge"), answer.get("text")}

    async def close(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.close()
            self._http = None


def _acknowledgement(text: str, content_type: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    if content_type == _JSON:
        try:
            given = json.loads(text)
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}
    return {"text": text}

"""An answer over HTTP: bounded in time and in size, or one of the two errors of a cluster.

Errors are parts of sentences that name who was asked: "pd at 127.0.0.1:2379 did not answer
within 1.5 s". Whatever a server sends, nothing else is raised.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import Any, Final, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from bot.domain.errors import BadAnswer, Unreachable

_T = TypeVar("_T")
OK: Final = 200
SERVER_ERROR: Final = 500
_SHORT: Final = 120


def client(**options: Any) -> httpx.AsyncClient:
    """A client that keeps its connections warm and looks at no proxy settings.

    Time is bounded by `fetch` as a whole, so that no trickle of bytes can stretch it.
    """
    if "transport" not in options:
        options["verify"] = _certificates()
    limits = httpx.Limits(max_keepalive_connections=50, keepalive_expiry=600)
    headers = {"Accept-Encoding": "identity", "User-Agent": "chaosbot"}
    return httpx.AsyncClient(
        timeout=None,  # noqa: S113 - see above
        trust_env=False,
        headers=headers,
        limits=limits,
        **options,
    )


@cache
def _certificates() -> ssl.SSLContext:
    """What is trusted, read once: reading it takes longer than starting a node."""
    return httpx.create_ssl_context()


def address_of(url: str) -> str:
    """The host and port of a URL, as people write them: "127.0.0.1:2379"."""
    return url.partition("://")[2].partition("/")[0] or url


async def fetch(http: httpx.AsyncClient, url: str, *, who: str, within: float, limit: int) -> bytes:
    """The body of a 200 answer, at most `limit` bytes of it in at most `within` seconds.

    Raises:
        Unreachable: no whole answer in time, or a server error (PD without a leader says 500).
        BadAnswer: another status, or too long a body.
    """
    try:
        async with asyncio.timeout(within), http.stream("GET", url) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > limit:
                    raise BadAnswer(f"{who} answered more than {limit // 1024:,} KiB")
    except TimeoutError:
        raise Unreachable(f"{who} did not answer within {within:.1f} s") from None
    except httpx.ConnectError as error:
        raise Unreachable(f"{who} could not be reached") from error
    except httpx.RemoteProtocolError as error:
        raise Unreachable(f"{who} broke off its answer") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{who} could not be asked ({type(error).__name__})") from error
    if response.status_code != OK:
        text = " ".join(bytes(body[:1024]).decode(errors="replace").split())[:_SHORT]
        said = f"{who} answered {response.status_code}" + (f": {text}" if text else "")
        raise Unreachable(said) if response.status_code >= SERVER_ERROR else BadAnswer(said)
    return bytes(body)


def parsed(body: bytes, shape: TypeAdapter[_T], *, who: str, what: str) -> _T:
    """A JSON body in the shape that it should have.

    Raises:
        BadAnswer: it has not.
    """
    try:
        return shape.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:_SHORT]
        problem = f"{place}: {first['msg']}" if place else str(first["msg"])
        raise BadAnswer(f"{who} answered no {what} ({problem[:_SHORT]})") from error

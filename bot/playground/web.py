"""The web: a small HTTP/1.1 server and client, for PDs, stores' status and the supervisor."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 16 * 1024 * 1024
OK = 200
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came."""

    method: str
    target: str
    """Path and query, as they came."""
    body: bytes = b""
    path: str = ""
    """The path alone, decoded."""
    query: dict[str, list[str]] = field(default_factory=dict)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; `stream` makes it a chunked one that ends when the iterator does."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"
    stream: AsyncIterator[bytes] | None = None

    @property
    def ok(self) -> bool:
        """Whether it is what was asked for."""
        return self.status == OK

    def head(self, *, keep: bool) -> bytes:
        """Status line and headers."""
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}"
            if not self.stream
            else "Transfer-Encoding: chunked",
        ]
        if not keep:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def as_json(value: Any, status: int = 200) -> Response:
    """A JSON answer, indented as PD indents it."""
    return Response(status, json.dumps(value, indent=2).encode() + b"\n")


def as_text(text: str, status: int = 200) -> Response:
    """A plain text answer."""
    return Response(status, text.encode(), "text/plain; charset=utf-8")


Answer = Callable[[Request], Response | Awaitable[Response]]
"""What a server does with a request: answer at once, or later."""


class Exchange(asyncio.Protocol):
    """One connection: requests come, each is answered before the next one is read."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells mypy what a socket gives
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Drops what is still being answered."""
        self._transport = None
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answers every request that is complete."""
        self._data += data
        while self._transport and not self._task and (end := self._data.find(b"\r\n\r\n")) >= 0:
            try:
                parsed = self._parse(end)
            except ValueError as error:
                self._write(as_text(f"{error}\n", 400), keep=False)
                return
            if parsed is None:
                return
            self._respond(*parsed)
        if len(self._data) > MAX_HEAD + MAX_BODY or (
            len(self._data) > MAX_HEAD and self._data.find(b"\r\n\r\n") < 0
        ):
            self._write(as_text("This request is too long.\n", 400), keep=False)

    def _parse(self, end: int) -> tuple[Request, bool] | None:
        head = bytes(self._data[:end]).decode("latin-1").split("\r\n")
        match head[0].split(" "):
            case [method, target, version] if version.startswith("HTTP/1.") and target[:1] == "/":
                pass
            case _:
                raise ValueError("This is not an HTTP/1.1 request.")
        headers = {}
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"This is not an HTTP header: {line!r}.")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise ValueError(f"A content length of {length} cannot be right.")
        if "transfer-encoding" in headers:
            raise ValueError("Send the body with a content length, not in chunks.")
        size = end + 4 + int(length)
        if len(self._data) < size:
            return None
        body = bytes(self._data[end + 4 : size])
        del self._data[:size]
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        keep = headers.get("connection", "").lower() != "close" and version == "HTTP/1.1"
        return Request(method, target, body, unquote(parts.path), query), keep

    def _respond(self, request: Request, keep: bool) -> None:  # noqa: FBT001 - from a pair
        answer = self.answer(request)
        if isinstance(answer, Response) and not answer.stream:
            self._write(answer, keep=keep)
        else:
            self._task = asyncio.create_task(self._later(answer, keep=keep))

    async def _later(self, answer: Response | Awaitable[Response], *, keep: bool) -> None:
        try:
            response = answer if isinstance(answer, Response) else await answer
        except (OSError, ValueError, LookupError) as error:
            response = as_text(f"This could not be answered: {error}\n", 500)
        self._write(response, keep=keep or response.stream is not None)
        if response.stream:
            async for part in response.stream:
                if self._transport:
                    self._transport.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            if self._transport:
                self._transport.write(b"0\r\n\r\n")
        self._task = None
        self.data_received(b"")

    def _write(self, response: Response, *, keep: bool) -> None:
        if self._transport:
            self._transport.write(response.head(keep=keep) + response.body)
            if not keep:
                self._transport.close()


async def fetch(url: str, request: Request, timeout: float | None) -> Response:
    """Asks another server; `url` is like `http://127.0.0.1:2379`, `timeout` is in seconds.

    Raises:
        OSError: it cannot be reached, or broke off; TimeoutError among them.
    """
    async with asyncio.timeout(timeout):
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            head = (
                f"{request.method} {request.target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                f"Content-Length: {len(request.body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + request.body)
            answer = await reader.read()
            head_bytes, gap, body = answer.partition(b"\r\n\r\n")
            lines = head_bytes.decode("latin-1").split("\r\n")
            if not gap:
                raise ConnectionResetError(f"{url} broke off its answer.")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:])
            if len(body) < int(headers.get("content-length", "0")):
                raise ConnectionResetError(f"{url} broke off its answer.")
            return Response(int(lines[0].split(" ")[1]), body, headers.get("content-type", ""))
        finally:
            writer.close()


async def serve(answer: Answer, host: str, port: int) -> asyncio.Server:
    """Answers on a TCP address."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Exchange(answer), host, port, reuse_address=True)

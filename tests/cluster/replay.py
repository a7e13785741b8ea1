"""Small real servers on loopback that say what a PD said, or what none would say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

ANSWERS = Path(__file__).parents[1] / "data" / "answers"
API = "/pd/api/v1/"


def recorded(name: str) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = json.loads((ANSWERS / f"{name}.json").read_text())
    return answers


def by_pd(answers: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """PD -> path -> answer."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for answer in answers:
        found.setdefault(answer["pd"], {})[answer["path"]] = answer
    return found


Responder = Callable[[web.Request], Awaitable[web.StreamResponse]]


def replaying(answers: dict[str, dict[str, Any]]) -> Responder:
    async def respond(request: web.Request) -> web.StreamResponse:
        answer = answers.get(request.path)
        if answer is None:
            return web.Response(status=404, text="404 page not found\n")
        body = answer["body"]
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=answer["status"], text=text)

    return respond


def saying(status: int, text: str) -> Responder:
    async def respond(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return respond


@asynccontextmanager
async def serving(respond: Responder) -> AsyncIterator[str]:
    """The URL of a server that answers all requests so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(raw: bytes, *, hold: bool = False) -> AsyncIterator[str]:
    """The URL of a server that says these very bytes to everybody; `hold`: and does not hang up."""
    served: set[asyncio.Task[None]] = set()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(raw)
            await writer.drain()
            if hold:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            served.discard(task)
            writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)


@asynccontextmanager
async def refusing() -> AsyncIterator[str]:
    """A URL at which nobody listens."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def pds(
    name: str, *, members: tuple[str, ...] = ("pd0", "pd1", "pd2")
) -> AsyncIterator[list[str]]:
    """The URLs of PDs that say what was recorded; one that refused connections refuses them."""
    answers = by_pd(recorded(name))
    async with AsyncExitStack() as stack:
        urls = []
        for member in members:
            said = answers.get(member, {})
            gone = not said or any(a["status"] is None for a in said.values())
            server = refusing() if gone else serving(replaying(said))
            urls.append(await stack.enter_async_context(server))
        yield urls

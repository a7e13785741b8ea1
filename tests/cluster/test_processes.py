"""What the process backend does with a supervisor that comes, goes, and talks nonsense."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.cluster.processes import Processes
from bot.domain.cluster import NodeEvent
from bot.domain.errors import BadAnswer, Unreachable
from bot.domain.model import iso
from bot.engine.clock import SystemClock
from tests.cluster.polling import seen


class Feed:
    """A supervisor that has nothing but an event stream; `cut` ends all that is connected."""

    def __init__(self) -> None:
        self.kept: list[dict[str, object]] = []
        self.asked: list[str] = []
        self._woken: set[asyncio.Event] = set()
        self._generation = 0

    def add(self, event: str, node: str = "tikv-1", *, seconds: float = 0) -> None:
        at = iso(datetime.now(UTC) + timedelta(seconds=seconds))
        self.kept.append({"at": at, "event": event, "node": node, "exit_code": None})
        self._wake()

    def cut(self) -> None:
        self._generation += 1
        self._wake()

    def _wake(self) -> None:
        for woken in self._woken:
            woken.set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.query["since"])
        response, sent = web.StreamResponse(), 0
        await response.prepare(request)
        await response.write(b"\nthis is no event\n{}\n")
        woken, generation = asyncio.Event(), self._generation
        self._woken.add(woken)
        try:
            while generation == self._generation:
                for event in self.kept[sent:]:
                    if str(event["at"]) > request.query["since"]:
                        await response.write(json.dumps(event).encode() + b"\n")
                sent = len(self.kept)
                woken.clear()
                await woken.wait()
        finally:
            self._woken.discard(woken)
        return response


@asynccontextmanager
async def listening(socket: Path, *routes: web.RouteDef):
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def next_of(events) -> NodeEvent:
    return await asyncio.wait_for(anext(events), 5)


async def test_events_go_on_after_a_lost_connection_and_none_is_told_twice(tmp_path):
    feed = Feed()
    async with (
        listening(tmp_path / "s", web.get("/events", feed.events)),
        Processes(tmp_path / "s", clock=SystemClock()) as backend,
        aclosing(backend.events()) as events,
    ):
        first = asyncio.create_task(next_of(events))
        await seen(lambda: feed.asked)
        feed.add("start", seconds=-60)
        feed.add("signal")
        feed.add("die")
        assert (await first).event == "die"
        feed.cut()
        feed.add("start")
        feed.add("start", "tikv-2")
        told = [await next_of(events), await next_of(events)]
        assert {(t.event, t.node) for t in told} == {("start", "tikv-1"), ("start", "tikv-2")}
        assert len(feed.asked) == 2


async def test_events_wait_for_a_supervisor_that_is_not_there_yet(tmp_path):
    feed = Feed()
    async with (
        Processes(tmp_path / "s", clock=SystemClock()) as backend,
        aclosing(backend.events()) as events,
    ):
        first = asyncio.create_task(next_of(events))
        await asyncio.sleep(0.1)  # long enough to have tried in vain
        feed.add("die")
        async with listening(tmp_path / "s", web.get("/events", feed.events)):
            assert (await first).event == "die"


@pytest.mark.parametrize(
    ("status", "text", "error", "words"),
    [
        (200, "[{]", BadAnswer, "answered no list of nodes"),
        (200, '[{"name": "x", "role": "king"}]', BadAnswer, "answered no list of nodes .0.role: "),
        (404, "There is nothing.\n", BadAnswer, "answered 404: There is nothing."),
        (503, "", Unreachable, "answered 503"),
    ],
)
async def test_nonsense_is_a_cluster_error_that_names_the_socket(
    tmp_path, status, text, error, words
):
    async def nodes(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    async with (
        listening(tmp_path / "s", web.get("/nodes", nodes)),
        Processes(tmp_path / "s", clock=SystemClock()) as backend,
    ):
        with pytest.raises(error, match=f"the playground at {tmp_path / 's'} {words}"):
            await backend.nodes()


async def test_a_supervisor_that_hangs_is_unreachable_within_3_s(tmp_path):
    async def nodes(request: web.Request) -> web.StreamResponse:
        return await asyncio.sleep(60, web.Response())

    async with (
        listening(tmp_path / "s", web.get("/nodes", nodes)),
        Processes(tmp_path / "s", clock=SystemClock()) as backend,
    ):
        with pytest.raises(Unreachable, match="did not answer within 2 s"):
            await asyncio.wait_for(backend.nodes(), 3)

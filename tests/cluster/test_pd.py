from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cluster.pd import Pd
from bot.domain.cluster import Member, Peer, RegionHealth, StoreState, View
from bot.domain.errors import BadAnswer, Unreachable
from bot.engine.clock import SystemClock
from tests.cluster.replay import (
    ANSWERS,
    API,
    by_pd,
    pds,
    recorded,
    refusing,
    replaying,
    saying,
    serving,
    speaking,
)

HEALTHY = by_pd(recorded("healthy"))["pd0"]


async def look(*urls: str, timeout: float = 1.0) -> View:
    async with Pd(urls, clock=SystemClock(), timeout=timeout) as pd:
        return await pd.look()


def states(view: View) -> dict[int, StoreState]:
    return {s.id: s.state for s in view.stores or ()}


async def test_a_healthy_cluster():
    async with pds("healthy", members=("pd0",)) as urls:
        view = await look(*urls)
    assert view.unanswered == {}
    assert states(view) == dict.fromkeys((1, 12, 13), StoreState.UP)
    store = view.store(1)
    assert store is not None
    assert (store.address, store.leaders, store.regions) == ("tikv0:20160", 2, 5)
    assert store.last_heartbeat == datetime(2026, 11, 22, 12, 33, 20, 164000, tzinfo=UTC)
    assert store.started_at is None
    assert view.members == tuple(
        Member(name=n, client_urls=(f"http://{n}:2379",), healthy=True)
        for n in ("pd0", "pd1", "pd2")
    )
    assert view.pd_leader == "pd1"
    assert view.regions == RegionHealth()
    assert view.nodes is None
    assert view.answered_by == urls[0].removeprefix("http://")
    assert abs(datetime.now(UTC) - view.at) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("name", "disconnected", "pending", "leader"),
    [
        ("store-kill.during", {12}, 2, "pd1"),
        ("store-kill.undone", set(), 0, "pd1"),
        ("store-pause.during", {13}, 2, "pd1"),
        ("store-stop.during", {1}, 5, "pd1"),
        ("partition-store.during", {13}, 2, "pd0"),
    ],
)
async def test_a_store_that_is_lost(name, disconnected, pending, leader):
    async with pds(name, members=("pd0",)) as urls:
        view = await look(*urls)
    assert view.unanswered == {}
    lost = {i for i, s in states(view).items() if s is StoreState.DISCONNECTED}
    assert lost == disconnected
    assert view.regions == RegionHealth(pending_peer=pending)
    assert view.pd_leader == leader


async def test_the_pd_leader_was_killed_and_there_is_no_other_yet():
    async with pds("pd-leader-kill.first-answers") as urls:
        view = await look(*urls)
    assert {m.name: m.healthy for m in view.members or ()} == {
        "pd0": True,
        "pd1": False,
        "pd2": True,
    }
    assert view.pd_leader is None
    assert view.stores is None
    assert view.regions is None
    gone = urls[1].removeprefix("http://")
    assert f"pd at {gone} could not be reached" in view.unanswered["stores"]
    assert "answered 500: [PD:apiutil:ErrRedirect]redirect failed" in view.unanswered["stores"]
    assert set(view.unanswered) == {"stores", "regions"}


async def test_the_pd_leader_was_killed_and_there_is_a_new_one():
    async with pds("pd-leader-kill.during") as urls:
        view = await look(*urls)
    assert view.pd_leader == "pd0"
    assert {m.name: m.healthy for m in view.members or ()} == {
        "pd0": True,
        "pd1": False,
        "pd2": True,
    }
    assert states(view) == dict.fromkeys((1, 12, 13), StoreState.UP)


async def test_pd_has_lost_its_quorum():
    async with pds("pd-quorum-lost") as urls:
        view = await look(*urls)
    assert [m.healthy for m in view.members or ()] == [False, False, True]
    assert view.pd_leader is None
    assert view.stores is None


async def test_a_paused_pd_leader_makes_health_slow_so_the_members_are_asked_themselves():
    async def paused(request: web.Request) -> web.StreamResponse:
        return await asyncio.sleep(60, web.Response())

    followers: list[str] = []

    async def follower(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/health"):
            return await asyncio.sleep(60, web.Response())
        if request.path.endswith("/members"):
            urls = dict(zip(("pd0", "pd1", "pd2"), followers, strict=True))
            known = [
                {"name": n, "member_id": i, "client_urls": [url]}
                for i, (n, url) in enumerate(urls.items())
            ]
            return web.json_response({"members": known, "leader": known[2]})
        return await replaying(HEALTHY)(request)

    async with serving(paused) as one, serving(follower) as two, serving(follower) as three:
        followers += [one, two, three]
        view = await look(one, two, three)
    assert view.seconds < 3
    assert {m.name: m.healthy for m in view.members or ()} == {
        "pd0": False,
        "pd1": True,
        "pd2": True,
    }
    assert view.pd_leader == "pd2"
    assert view.stores is not None


async def test_nobody_there():
    async with refusing() as one, refusing() as two:
        view = await look(one, two)
    assert set(view.unanswered) == {"stores", "members", "regions"}
    assert view.members is None
    assert view.unanswered["stores"] == "; ".join(
        f"pd at {url.removeprefix('http://')} could not be reached" for url in (one, two)
    )


async def test_the_reason_names_who_was_silent_and_for_how_long():
    async with speaking(b"", hold=True) as url:
        view = await look(url, timeout=0.3)
    assert (
        view.unanswered["stores"]
        == f"pd at {url.removeprefix('http://')} did not answer within 0.3 s"
    )


@asynccontextmanager
async def trickling():
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with serving(trickle) as url:
        yield url


BROKEN = {
    "silent": lambda: speaking(b"", hold=True),
    "trickle": trickling,
    "refused": refusing,
    "hangs up": lambda: speaking(b""),
    "no http": lambda: speaking(b"220 mail.example.com ESMTP\r\n"),
    "html": lambda: serving(saying(200, "<html><h1>It works!</h1></html>")),
    "500": lambda: serving(saying(500, "[PD:apiutil:ErrRedirect]redirect failed\n")),
    "503": lambda: serving(saying(503, "no leader")),
    "404": lambda: serving(saying(404, "404 page not found")),
    "redirect": lambda: speaking(
        b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"
    ),
    "truncated json": lambda: serving(saying(200, '{"count": 3, "stores": [{"st')),
    "cut off": lambda: speaking(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"count"'),
    "wrong types": lambda: serving(
        saying(200, '{"count": [], "stores": {"id": "x"}, "members": 3}')
    ),
    "wrong store": lambda: serving(
        saying(
            200,
            '{"count": -1, "stores": [{"store": {"id": 1, "address": "a:1", "state_name": "Tired", '
            '"last_heartbeat": 1e40}, "status": {}}], "members": []}',
        )
    ),
    "null": lambda: serving(saying(200, "null")),
    "empty": lambda: serving(saying(200, "")),
    "deep": lambda: serving(saying(200, "[" * 100_000)),
    "false gzip": lambda: speaking(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"
    ),
    "endless": lambda: speaking(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * 34_000_000
    ),
    "not text": lambda: speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00"),
    "bad chunks": lambda: speaking(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_whatever_a_pd_answers_is_an_answer_or_a_reason(how):
    async with BROKEN[how]() as url:
        view = await look(url, timeout=0.6)
        async with Pd([url], clock=SystemClock(), timeout=0.6) as pd:
            with pytest.raises(
                (Unreachable, BadAnswer), match=f"pd at {url.removeprefix('http://')} "
            ):
                await pd.regions_of(1)
    assert view.seconds < 3
    assert view.stores is None
    assert view.members is None
    assert view.regions is None
    assert set(view.unanswered) == {"stores", "members", "regions"}


@pytest.mark.parametrize("how", BROKEN)
async def test_one_broken_pd_of_two_does_not_matter(how):
    async with (
        BROKEN[how]() as broken,
        serving(replaying(HEALTHY)) as well,
        Pd([broken, well], clock=SystemClock(), timeout=1.0) as pd,
    ):
        first = await pd.look()
        began = time.monotonic()
        second = await pd.look()
        took = time.monotonic() - began
    for view in (first, second):
        assert view.unanswered == {}
        assert view.answered_by == well.removeprefix("http://")
    assert took < 0.5, "the one that answered last is asked first"


async def test_a_leader_that_cannot_be_named_does_not_read_as_none():
    async def half(request: web.Request) -> web.StreamResponse:
        if request.path == f"{API}members":
            return web.Response(status=500, text="boom")
        return await replaying(HEALTHY)(request)

    async with serving(half) as url:
        view = await look(url)
    assert view.stores is not None
    assert view.members is None
    assert "answered 500: boom" in view.unanswered["members"]


async def test_left_out_values_and_a_store_that_was_never_heard():
    stores = {
        "stores": [
            {"store": {"id": 1, "address": "a:1", "last_heartbeat": 0}, "status": {}},
            {
                "store": {"id": 2, "address": "b:1", "state": 1, "status_address": "b:2"},
                "status": {
                    "start_ts": "2026-11-22T12:33:20.164543251Z",
                    "last_heartbeat_ts": "1970-01-01T00:00:00Z",
                },
            },
        ]
    }

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path == f"{API}stores":
            return web.json_response(stores)
        return await replaying(HEALTHY)(request)

    async with serving(respond) as url:
        view = await look(url)
    one, two = view.stores or ()
    assert (one.state, one.last_heartbeat, one.leaders, one.status_address) == (
        StoreState.UP,
        None,
        0,
        None,
    )
    assert (two.state, two.last_heartbeat, two.status_address) == (StoreState.OFFLINE, None, "b:2")
    assert two.started_at == datetime(2026, 11, 22, 12, 33, 20, 164000, tzinfo=UTC)


async def test_the_regions_of_a_store():
    regions = json.loads((ANSWERS / "regions.json").read_text())
    regions["regions"][0] |= {
        "leader": {},
        "down_peers": [{"down_seconds": 600, "peer": {"id": 3, "store_id": 1}}],
        "pending_peers": [{"id": 18, "store_id": 12}],
    }
    regions["regions"][1]["peers"][0] |= {"is_learner": True, "role_name": "Learner"}

    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.path == f"{API}regions/store/12"
        return web.json_response(regions)

    async with serving(respond) as url, Pd([url], clock=SystemClock()) as pd:
        first, second, *others = await pd.regions_of(12)
    assert first.leader is None
    assert first.peers == (
        Peer(id=3, store=1, down=True),
        Peer(id=18, store=12, pending=True),
        Peer(id=23, store=13),
    )
    assert second.peers[0].role == "Learner"
    assert len(others) == 3


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.sampled_from(
        [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n", b"HTTP/1.1 "]
    ),
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["stores", "store", "status", "count", "members", "leader", "name", "id",
                     "address", "state", "last_heartbeat", "start_ts", "health", "member_id"]
                ),
                inner,
                max_size=5,
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)  # fmt: skip
def test_no_bytes_make_a_look_raise(head, body):
    async def once() -> None:
        async with speaking(head + body) as url:
            view = await look(url, timeout=0.3)
        assert view.seconds < 3

    asyncio.run(once())

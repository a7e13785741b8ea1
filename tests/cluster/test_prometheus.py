"""The adapter against Debian's own Prometheus, which scrapes a playground; and against rubbish."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from signal import Signals

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cluster.answers import parsed
from bot.cluster.prometheus import _MATRIX, Prometheus, _seconds
from bot.diagnosis.diagnostician import Blind
from bot.domain.errors import BadAnswer, ClusterError, Unreachable
from bot.domain.evidence import Evidence, FactKind
from bot.engine.clock import SystemClock
from bot.engine.ports import Figure, Scene
from tests.cluster.polling import until
from tests.cluster.replay import refusing, saying, serving, speaking
from tests.doctor.real import addresses, load, look, needs_prometheus, playground, prometheus

THEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TARGETS = {
    "status": "success",
    "data": {
        "activeTargets": [
            {
                "labels": {"instance": "tikv-1:20180", "job": "tikv"},
                "health": "up",
                "lastError": "",
                "scrapeInterval": "5s",
            }
        ]
    },
}


def matrix(*rows: tuple[str, list[list[object]]]) -> str:
    result = [{"metric": {"instance": name}, "values": values} for name, values in rows]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def answering(text: str, asked: list[str] | None = None):
    async def respond(request: web.Request) -> web.Response:
        if request.path.endswith("/targets"):
            return web.json_response(TARGETS)
        if asked is not None:
            asked.append(request.path_qs)
        return web.Response(text=text)

    return respond


@pytest.mark.prometheus
async def test_what_a_real_one_says_of_a_store_that_is_killed(tmp_path):
    needs_prometheus()
    async with playground(tmp_path / "p.sock") as nodes, load(nodes):
        before = await look(nodes)
        store = before.stores[0]
        name = next(n.name for n in before.nodes if store.address in n.addresses)
        where = addresses(before)
        async with (
            prometheus(tmp_path / "prometheus", where) as url,
            Prometheus(url) as history,
        ):

            async def all_up() -> bool:
                up = await history.now(Figure.UP)
                rates = await history.now(Figure.REQUESTS)
                return set(up.values()) == {1.0} and len(up) == 6 and sum(rates.values()) > 50

            await until(all_up, 30)
            assert (await history.version()).startswith("2.")
            assert {t.instance for t in await history.targets()} == set(where)
            start = datetime.now(UTC)

            async def long_enough() -> bool:
                kept = await history.over(Figure.REQUESTS, start, datetime.now(UTC))
                return len(kept) == 3 and all(len(s.points) >= 10 for s in kept)

            await until(long_enough, 30)
            latency = await history.over(Figure.LATENCY, start, datetime.now(UTC))
            assert all(0 < value < 1 for s in latency for _, value in s.points)
            since = datetime.now(UTC)

            await nodes._supervisor.send(name, Signals.SIGKILL)

            async def one_down() -> bool:
                down = await history.now(Figure.UP)
                return down[str(store.status_address)] == 0.0

            await until(one_down, 30)

            series = await history.over(Figure.UP, start, datetime.now(UTC))
            assert [s.instance for s in series] == sorted(where)
            values = {s.instance: [v for _, v in s.points] for s in series}
            assert values[str(store.status_address)][0] == 1.0
            assert values[str(store.status_address)][-1] == 0.0

            scene = Scene(
                before=before,
                now=before.model_copy(update={"nodes": tuple(await nodes.nodes())}),
                since=since,
                samples=(),
                baseline_ops=None,
                tickets=(),
                earlier=(),
            )
            blind = Blind(nodes, None, None, "", SystemClock(), history=history)
            evidence: list[Evidence] = []

            async def served_no_more() -> bool:
                evidence[:] = [e for e in await blind.gather(scene) if e.source == "metrics"]
                return any("none since" in e.text for e in evidence)

            await until(served_no_more, 30)
    texts = "\n".join(e.text for e in evidence)
    assert f"Prometheus gets no metrics from {name} since" in texts
    assert re.search(rf"{name}, requests served: \d+ a second before, none since", texts)
    silent = [f.node for e in evidence for f in e.facts if f.kind is FactKind.METRICS_SILENT]
    assert silent == [name]


@pytest.mark.prometheus
async def test_a_real_one_that_knows_nothing_of_tikv(tmp_path):
    needs_prometheus()
    now = datetime.now(UTC)
    async with prometheus(tmp_path / "p", []) as url, Prometheus(url) as history:
        assert await history.over(Figure.REQUESTS, now - timedelta(seconds=9), now) == []
        assert await history.now(Figure.UP) == {}
        assert await history.targets() == []


@pytest.mark.prometheus
async def test_a_real_ones_refusal_is_a_bad_answer(tmp_path):
    needs_prometheus()
    async with prometheus(tmp_path / "p", []) as url, Prometheus(url) as history:
        with pytest.raises(BadAnswer, match=r"answered 400: .*end timestamp"):
            await history.over(Figure.UP, THEN, THEN - timedelta(hours=1))


async def test_what_is_not_finite_is_left_out():
    values = [[1.0, "2.5"], [2.0, "NaN"], [3.0, "+Inf"], [4.0, "-Inf"], [5.5, "0"]]
    text = matrix(("b:1", values), ("a:1", [[1, "NaN"]]), ("c:1", []), ("b:1", [[9, "9"]]))
    async with serving(answering(text)) as url, Prometheus(url) as history:
        series = await history.over(Figure.LATENCY, THEN, THEN + timedelta(seconds=60))
    assert [(s.instance, s.window) for s in series] == [("b:1", 20.0)]
    assert series[0].points == (
        (datetime.fromtimestamp(1, UTC), 2.5),
        (datetime.fromtimestamp(5.5, UTC), 0.0),
    )


async def test_the_step_follows_the_scrapes_and_the_length_of_the_range():
    asked: list[str] = []
    async with serving(answering(matrix(), asked)) as url, Prometheus(f"{url}/") as history:
        await history.over(Figure.UP, THEN, THEN + timedelta(seconds=60))
        await history.over(Figure.REQUESTS, THEN, THEN + timedelta(hours=10))
    assert asked[0].startswith("/api/v1/query_range?")
    assert "step=5.000" in asked[0]
    assert "step=144.000" in asked[1]
    assert "%5B20000ms%5D" in asked[1]


RUBBISH = {
    "no JSON": "<html>",
    "nothing": "",
    "null": "null",
    "a list": "[]",
    "an error with 200": '{"status":"error","errorType":"internal","error":"x"}',
    "no data": '{"status":"success"}',
    "another type": '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}',
    "no rows": '{"status":"success","data":{"resultType":"matrix","result":{}}}',
    "no metric": '{"status":"success","data":{"resultType":"matrix","result":[{"values":[]}]}}',
    "labels that are none": matrix().replace("[]", '[{"metric":{"instance":7},"values":[]}]'),
    "three numbers": matrix(("a:1", [[1, "1", "1"]])),
    "a word": matrix(("a:1", [[1, "one"]])),
    "a time without end": matrix(("a:1", [[1e300, "1"]])),
    "a time that is none": matrix(("a:1", [[float("nan"), "1"]])),
    "a time before all": matrix(("a:1", [[-5, "1"]])),
    "no text": matrix(("a:1", [[1, None]])),
    "not UTF-8": "\udcff",
}


@pytest.mark.parametrize("text", RUBBISH.values(), ids=list(RUBBISH))
async def test_rubbish_is_a_bad_answer(text):
    async def respond(request: web.Request) -> web.Response:
        if request.path.endswith("/targets"):
            return web.json_response(TARGETS)
        return web.Response(body=text.encode(errors="surrogateescape"))

    async with serving(respond) as url, Prometheus(url) as history:
        with pytest.raises(BadAnswer, match=r"prometheus at 127\.0\.0\.1:\d+ answered"):
            await history.over(Figure.UP, THEN, THEN + timedelta(seconds=9))


@pytest.mark.parametrize("text", RUBBISH.values(), ids=list(RUBBISH))
async def test_rubbish_for_everything_else_is_one_too(text):
    raw = text.encode(errors="surrogateescape")

    async def respond(_request: web.Request) -> web.Response:
        return web.Response(body=raw)

    async with serving(respond) as url, Prometheus(url) as history:
        for asking in (history.targets, history.version, lambda: history.now(Figure.UP)):
            with pytest.raises(BadAnswer):
                await asking()


@pytest.mark.parametrize(
    ("server", "error"),
    [
        (lambda: serving(saying(400, '{"status":"error","error":"parse error"}')), BadAnswer),
        (lambda: serving(saying(401, "who are you?")), BadAnswer),
        (lambda: serving(saying(302, "")), BadAnswer),
        (lambda: serving(saying(422, "")), BadAnswer),
        (lambda: serving(saying(503, "Service Unavailable")), Unreachable),
        (refusing, Unreachable),
        (lambda: speaking(b""), Unreachable),
        (lambda: speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), Unreachable),
        (lambda: speaking(b"\x00\xff\r\n\r\n"), Unreachable),
    ],
)
async def test_no_answer_is_an_error_that_names_who_was_asked(server, error):
    async with server() as url, Prometheus(url) as history:
        with pytest.raises(error, match=r"prometheus at 127\.0\.0\.1:\d+ "):
            await history.over(Figure.UP, THEN, THEN + timedelta(seconds=9))


async def test_silence_ends_in_bounded_time():
    async with (
        speaking(b"HTTP/1.1 200 OK\r\n", hold=True) as url,
        Prometheus(url, within=0.2) as history,
    ):
        began = time.monotonic()
        with pytest.raises(Unreachable, match="did not answer within"):
            await history.over(Figure.UP, THEN, THEN + timedelta(seconds=9))
        assert time.monotonic() - began < 1.0


async def test_a_password_in_its_address_is_not_told():
    async with refusing() as url:
        secret = url.replace("://", "://somebody:hunter2@")
        async with Prometheus(secret) as history:
            with pytest.raises(Unreachable) as raised:
                await history.version()
    assert "hunter2" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("9d", 3600), ("0s", 0.1)],
)
def test_a_duration_of_prometheus(text, seconds):
    assert _seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "15", "s", "-5s", "1.5s", "5 s", "9" * 99 + "s"])
def test_what_is_no_duration(text):
    assert _seconds(text) is None


@settings(max_examples=50)
@given(st.recursive(st.none() | st.floats() | st.text(), st.lists))
def test_no_rows_make_it_fail_otherwise(rows):
    text = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": rows}})
    with suppress(ClusterError):
        parsed(text.encode(), _MATRIX, who="p", what="q")

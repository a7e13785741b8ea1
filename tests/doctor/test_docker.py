"""The doctor and Docker: without an engine, with one and no cluster, and with the cluster up."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from contextlib import asynccontextmanager
from urllib.parse import unquote

import pytest
from aiohttp import web

from bot.doctor import State, stands_in_the_way
from bot.doctor.examination import WITHIN
from tests.cluster.polling import until
from tests.docker.conftest import NODES, containers, engine  # noqa: F401 - fixtures

# The SDK leaves a socket that could not be connected to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def no_engine_of_this_machine(monkeypatch, home):
    """Unless a test says where the engine is, there is none."""
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/nobody.sock")
    yield
    gc.collect()


@asynccontextmanager
async def an_engine(path, monkeypatch, respond):
    """An engine at a socket, that answers so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(path)).start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    try:
        yield
    finally:
        await runner.cleanup()


def saying(**answers):
    """By the last part of the path; a number is a refusal."""

    async def respond(request: web.Request) -> web.Response:
        part = unquote(request.path).rstrip("/").rpartition("/")[2]
        answer = answers.get(part, 404)
        if isinstance(answer, int):
            return web.json_response({"message": "no such thing"}, status=answer)
        return web.Response(text=json.dumps(answer), content_type="application/json")

    return respond


VERSION = {"Version": "27.1.0", "ApiVersion": "1.46", "MinAPIVersion": "1.24"}


async def test_without_docker(examined):
    found = await examined(CHAOSBOT_CLUSTER="docker")
    assert "is not there" in found["Docker"].text
    assert "systemctl start docker" in found["Docker"].mend
    assert found["Docker"].stands_in_the_way
    assert found["PD"].text == "Not known: the cluster's containers were not found."
    assert "playground" not in found


async def test_without_docker_pd_is_asked_where_it_is_said_to_be(examined):
    found = await examined(CHAOSBOT_CLUSTER="docker", CHAOSBOT_PD="127.0.0.1:1,127.0.0.1:2")
    assert {"PD 127.0.0.1:1", "PD 127.0.0.1:2", "PD leader", "stores"} <= set(found)
    assert "CHAOSBOT_PD" in found["PD 127.0.0.1:1"].mend


async def test_with_docker_and_no_cluster(examined, home, monkeypatch):
    respond = saying(version=VERSION, json=[])
    async with an_engine(home / "d.sock", monkeypatch, respond):
        found = await examined(CHAOSBOT_CLUSTER="docker")
    assert found["Docker"].state is State.WORKS
    assert "27.1.0, API 1.46" in found["Docker"].text
    assert "Projects at" in found["compose project"].text
    assert "CHAOSBOT_DOCKER_PROJECT" in found["compose project"].mend


@pytest.mark.parametrize(
    "answers",
    [
        {"version": 403},
        {"version": 500},
        {"version": "rubbish"},
        {"version": VERSION, "json": 403},
        {"version": VERSION, "json": [{"Id": 7, "Labels": []}]},
    ],
    ids=str,
)
async def test_an_engine_that_denies_or_says_nonsense(examined, home, monkeypatch, answers):
    async with an_engine(home / "d.sock", monkeypatch, saying(**answers)):
        found = await examined(CHAOSBOT_CLUSTER="docker")
    assert stands_in_the_way(list(found.values()))
    assert not any("defect" in f.mend for f in found.values()), found


async def test_an_engine_that_hangs_takes_bounded_time_and_nothing_from_pd(
    examined, home, monkeypatch
):
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with an_engine(home / "d.sock", monkeypatch, hang):
        began = time.monotonic()
        found = await examined(CHAOSBOT_CLUSTER="docker", CHAOSBOT_PD="127.0.0.1:1")
        assert time.monotonic() - began < WITHIN
    assert "did not answer" in found["Docker"].text
    assert "could not be reached" in found["PD 127.0.0.1:1"].text


async def test_a_context_that_is_not_there(examined, monkeypatch):
    monkeypatch.setenv("DOCKER_CONTEXT", "moon")
    found = await examined(CHAOSBOT_CLUSTER="docker")
    assert '"moon"' in found["Docker"].text
    assert "DOCKER_CONTEXT" in found["Docker"].mend


@pytest.mark.docker
async def test_with_the_cluster_up_and_then_with_nodes_down(examined, monkeypatch, containers):  # noqa: F811
    monkeypatch.delenv("DOCKER_HOST")
    given = {"CHAOSBOT_CLUSTER": "docker", "CHAOSBOT_DOCKER_PROJECT": containers.project}
    found = await examined(**given)
    states = {check: f.state for check, f in found.items() if f.needed}
    assert set(states.values()) == {State.WORKS}, found
    assert found["compose project"].text == f"{containers.project}, with 6 nodes."
    assert found["nodes"].text == f"3 PD and 3 TiKV run: {', '.join(NODES)}."
    assert {f"PD 127.0.0.1:{port}" for port in containers.ports} <= set(found)
    assert found["stores"].text.startswith("3 of 3 are Up: tikv-1 (store ")
    assert found["YCSB"].state is State.WORKS

    killed, paused = containers.node("tikv-1"), containers.node("tikv-2")
    try:
        killed.kill()
        paused.pause()

        async def noticed() -> bool:
            found = await examined(**given)
            return "1 of 3 are Up" in found["stores"].text

        await until(noticed, 30)
        found = await examined(CHAOSBOT_YCSB_IMAGE="no-such-image:ever", **given)
    finally:
        paused.unpause()
        killed.start()
    assert found["nodes"].stands_in_the_way
    assert found["nodes"].mend == f"docker start {killed.name} && docker unpause {paused.name}"
    assert "no-such-image:ever" in found["YCSB"].text
    assert not found["YCSB"].stands_in_the_way

"""The Docker backend in bad weather: an engine that is away, silent, or back again."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from bot.cluster.docker import Docker, Project
from bot.cluster.engine import Engine
from bot.cluster.engine_place import Place
from bot.cluster.pd import Pd
from bot.cluster.ycsb_container import YcsbContainer, sweep
from bot.domain.cluster import NodeState
from bot.domain.errors import InjectionFailed, LoadError, RollbackFailed, Unreachable
from bot.domain.fault import Fault
from bot.engine.clock import SystemClock
from tests.cluster.compose import IMAGE, composed
from tests.cluster.cutting import cuttable
from tests.cluster.polling import seen

pytestmark = pytest.mark.docker
# A load of one node: it says whom it was pointed at, and go-ycsb's lines.
CLIENT = """
import time
print("error: pd is {pd}")
for n in range(1, 600):
    time.sleep(0.1)
    print(f"TOTAL  - Takes(s): {n / 10:.1f}, Count: {n * 50}, OPS: 500.0, Avg(us): 812")
"""


@pytest.fixture(scope="module")
def project():
    with composed() as made:
        yield made


@pytest.fixture
async def proxy(tmp_path):
    async with cuttable(tmp_path) as made:
        yield made


@pytest.fixture
async def docker(project, proxy):
    await asyncio.to_thread(project.mend)
    there = Project(name=project.project)
    async with Docker(Engine(Place(url=proxy.url)), there, clock=SystemClock()) as made:
        yield made


async def node(docker, name="tikv-1"):
    return next(n for n in await docker.nodes() if n.name == name)


async def test_what_happened_while_the_engine_was_away_is_told_once(docker, proxy, project):
    told = []

    async def listen():
        async with aclosing(docker.events()) as events:
            async for event in events:
                told.append((event.node, event.event, event.exit_code))  # noqa: PERF401 - as they come

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.3)
    await proxy.cut()
    await asyncio.to_thread(project.container("tikv-1").kill)
    await proxy.mend()
    await seen(lambda: ("tikv-1", "die", 137) in told, 10)
    await asyncio.to_thread(project.container("tikv-1").start)
    await seen(lambda: ("tikv-1", "start", None) in told, 10)
    await asyncio.sleep(0.5)
    assert [t for t in told if t[1] in {"die", "start"}] == [
        ("tikv-1", "die", 137),
        ("tikv-1", "start", None),
    ]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_an_engine_that_is_away_is_said_and_comes_back(docker, proxy):
    injection = await docker.plan(Fault.KILL, await node(docker))
    await proxy.cut()
    with pytest.raises(Unreachable, match="is not there"):
        await docker.nodes()
    with pytest.raises(InjectionFailed, match="is not there"):
        await docker.inject(injection)
    with pytest.raises(RollbackFailed) as wrong:
        await docker.rollback(injection)
    assert injection.mend in wrong.value.mend
    assert "docker start" in injection.mend
    await proxy.mend()
    await docker.inject(injection)
    assert (await node(docker)).state is NodeState.EXITED
    await docker.rollback(injection)
    assert (await node(docker)).state is NodeState.RUNNING


async def test_an_engine_that_says_nothing_is_given_up_in_time(docker, proxy):
    await proxy.cut()
    proxy.deaf = True
    await proxy.mend()
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer"):
        await docker.nodes()
    assert time.monotonic() - began < 3.2


async def test_the_engine_goes_away_in_the_middle_of_the_harm(docker, proxy):
    injection = await docker.plan(Fault.PAUSE, await node(docker))
    harming = asyncio.create_task(docker.inject(injection))
    await asyncio.sleep(0.01)
    await proxy.cut()
    await asyncio.gather(harming, return_exceptions=True)
    await proxy.mend()
    await docker.rollback(injection)
    assert (await node(docker)).state is NodeState.RUNNING


@pytest.fixture
async def pd(project):
    networks = project.container("pd-1").attrs["NetworkSettings"]["Networks"]
    address = networks[project.network.name]["IPAddress"]
    async with Pd([f"{address}:2379"], clock=SystemClock()) as made:
        yield made


def load(docker, pd, image=IMAGE, *command):
    words = command or ("python3", "-u", "-c", CLIENT)
    return YcsbContainer(docker, pd, image, words, owner="a-test", clock=SystemClock())


async def loads(docker) -> list[str]:
    found = await docker.engine.containers(["chaosbot.run", "chaosbot.home=a-test"])
    return [c.labels["chaosbot.run"] for c in found]


async def test_a_load_runs_in_a_container_that_is_labelled_and_removed(docker, pd):
    running = await load(docker, pd).start(17)
    assert await loads(docker) == ["17"]
    async with asyncio.timeout(20), aclosing(running.samples()) as samples:
        sample = await anext(samples)
    assert 300 < sample.ops < 700
    await running.stop()
    await running.stop()
    assert await loads(docker) == []


async def test_what_an_earlier_bot_has_left_is_swept_up(docker, pd):
    running = await load(docker, pd).start(17)
    async with aclosing(running.samples()) as samples:
        await anext(samples)
    assert len(await sweep(docker.engine, "a-test")) == 1
    assert await loads(docker) == []
    with pytest.raises(LoadError, match="ended by itself: error: pd is pd-1:2379"):
        async for _ in running.samples():
            pass
    await running.stop()


async def test_a_load_that_dies_says_its_last_words(docker, pd):
    running = await load(
        docker, pd, IMAGE, "sh", "-c", "echo fatal: no such workload; exit 2"
    ).start(1)
    with pytest.raises(LoadError, match="no such workload"):
        async for _ in running.samples():
            pass
    await running.stop()


async def test_a_missing_image_is_named_with_how_to_build_it(docker, pd):
    with pytest.raises(LoadError, match="no image chaosbot-nothing:local") as wrong:
        await load(docker, pd, "chaosbot-nothing:local").start(1)
    assert "docker compose build ycsb" in wrong.value.mend


async def test_a_command_that_is_not_in_the_image_leaves_nothing(docker, pd):
    with pytest.raises(LoadError, match="could not be started"):
        await load(docker, pd, IMAGE, "go-ycsb-nowhere").start(1)
    assert await loads(docker) == []


async def test_the_engine_goes_away_under_a_load(docker, pd, proxy):
    running = await load(docker, pd).start(17)
    await proxy.cut()
    with pytest.raises(LoadError):
        async for _ in running.samples():
            pass
    await running.stop()
    await proxy.mend()
    await sweep(docker.engine, "a-test")
    assert await loads(docker) == []

"""`chaosbot run --cluster docker`: the whole run on real containers, and what a SIGKILL leaves behind."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise

import jsonschema
import pytest

from bot.domain.report import schema
from tests.compose.conftest import running_proxy
from tests.docker.conftest import NODES

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


def run_when_well(shell, *words, **environment):
    """Run it once the cluster is well: a store of the test before may still catch up."""
    for _ in range(30):
        done = shell.run("run", *words, "--cluster", "docker", timeout=120, **environment)
        if "is not well" not in done.stdout + done.stderr:
            break
        time.sleep(1)
    return done


def test_a_killed_store_is_noticed_by_every_signal_and_recovers(shell, containers):
    done = run_when_well(shell, "kill tikv", "--approve", "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema()).validate(report)
    assert report["outcome"] == "recovered"
    assert report["cluster"] == "docker"
    fault = report["fault"]
    assert fault["kind"] == "kill"
    assert fault["address"] == f"{fault['node']}:20160"
    assert isinstance(fault["store"], int)

    seen = {s["signal"]: s["seconds"] for s in report["signals"] if s["seconds"] is not None}
    assert {
        "node_exit",
        "client_impact",
        "leaders_moved",
        "pd_disconnected",
        "ticket_opened",
    } <= set(seen)
    assert 0 <= seen["node_exit"] <= 2  # from the event stream; how soon, bench measures
    details = {s["signal"]: s["detail"] for s in report["signals"]}
    assert "137" in details["node_exit"]
    assert report["ticket"]["invariant"] == "stores_up"
    assert report["diagnosis"]["grade"]["component"] == "right"
    assert report["diagnosis"]["grade"]["fault"] == "right"
    assert report["recovery"]["verified"]
    assert report["recovery"]["throughput_ratio"] >= 0.9
    began = [stage["started_at"] for stage in report["stages"]]
    assert all(earlier <= later for earlier, later in pairwise(began))


def test_the_socket_proxy_lets_a_whole_run_through(shell, engine):
    if engine.api.base_url != "http+docker://localhost":
        pytest.skip("the engine is not on this machine's socket")
    with running_proxy() as address:
        host = f"tcp://{address}"
        done = run_when_well(shell, "kill tikv-1", "--approve", "--json", DOCKER_HOST=host)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["outcome"] == "recovered"
    assert report["load"]["baseline_ops"] > 0


@pytest.mark.parametrize(
    ("command", "state"),
    [("pause tikv-1", "paused")],  # tests/crash kills the bot at more places
)
async def test_what_a_killed_bot_left_behind_is_recovered(shell, containers, command, state):
    node = command.split()[1]
    await asyncio.to_thread(run_when_well, shell, command, "--dry-run")
    async with shell.running("run", command, "--cluster", "docker") as process:
        await shell.until(lambda r: r.event.event == "fault_injected", timeout=60)
        process.kill()
        await process.wait()
    broken = {name: s for name, s in containers.states().items() if s != "running"}
    assert broken == {node: state}

    shown = await asyncio.to_thread(shell.run, "recover", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert node in shown.stdout
    assert containers.states()[node] == state

    done = await asyncio.to_thread(shell.run, "recover")
    assert done.returncode == 0, done.stderr
    assert node in done.stdout
    assert set(containers.states().values()) == {"running"}
    assert containers.in_network() == set(NODES)

    again = await asyncio.to_thread(shell.run, "recover")
    assert again.stdout == "Nothing was left behind.\n"


async def test_a_partitioned_store_comes_back_with_its_address(shell, containers):
    network = f"{containers.project}_cluster"

    def place():
        return containers.node("tikv-3").attrs["NetworkSettings"]["Networks"].get(network)

    before = place()
    await asyncio.to_thread(run_when_well, shell, "kill tikv-3", "--dry-run")
    async with shell.running("run", "partition tikv-3", "--cluster", "docker") as process:
        await shell.until(lambda r: r.event.event == "fault_injected", timeout=60)
        assert place() is None
        process.kill()
        await process.wait()
    done = await asyncio.to_thread(shell.run, "recover")
    assert done.returncode == 0, done.stderr
    after = place()
    assert after["IPAddress"] == before["IPAddress"]
    assert set(before["Aliases"]) <= set(after["Aliases"])


def test_a_dry_run_touches_nothing(shell, containers):
    before = {name: containers.node(name).attrs["State"]["StartedAt"] for name in NODES}
    done = run_when_well(shell, "kill tikv-3", "--dry-run")
    assert done.returncode == 0, done.stdout
    assert "tikv-3" in done.stdout
    after = {name: containers.node(name).attrs["State"]["StartedAt"] for name in NODES}
    assert after == before


def test_a_store_that_is_down_already_refuses_the_run(shell, containers):
    containers.node("tikv-1").kill()
    done = shell.run("run", "kill tikv-2", "--cluster", "docker", "--approve")
    containers.node("tikv-1").start()
    assert done.returncode == 3, done.stderr

"""`chaosbot run`: the whole run on real processes, and its end in every stage."""

from __future__ import annotations

import asyncio
import json
import signal

import jsonschema
import pytest

from bot.domain.cluster import NodeState
from bot.domain.experiment import Stage
from bot.domain.fault import Fault
from bot.domain.report import schema
from tests.cli.conftest import left_over


def test_a_run_recovers_and_prints_a_report_that_fits_its_schema(shell):
    done = shell.run("run", "kill tikv", "--approve", "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema()).validate(report)
    assert report["outcome"] == "recovered"
    assert report["hypothesis"]["before"] == report["hypothesis"]["after"] == "held"
    assert report["hypothesis"]["during"] == "deviated"
    seen = {s["signal"]: s["seconds"] for s in report["signals"]}
    assert {"node_exit", "leaders_moved", "pd_disconnected", "ticket_opened"} <= set(seen)
    assert seen["node_exit"] < 0.5
    evidence = {e["id"] for e in report["diagnosis"]["evidence"]}
    assert report["diagnosis"]["claims"]
    assert all(set(c["evidence"]) <= evidence for c in report["diagnosis"]["claims"])
    assert all(c["evidence"] for c in report["diagnosis"]["claims"])
    assert report["diagnosis"]["grade"]["component"] == "right"
    assert report["diagnosis"]["grade"]["fault"] == "right"
    assert report["recovery"]["verified"]
    assert report["recovery"]["throughput_ratio"] >= 0.9
    assert "Detecting" in done.stderr
    assert left_over(shell.home) == []

    for form, start in (("markdown", "# "), ("html", "<!doctype html>"), ("json", "{")):
        printed = shell.run("report", str(report["run"]), "--format", form)
        assert printed.returncode == 0, printed.stderr
        assert printed.stdout.lower().startswith(start)
    assert json.loads(printed.stdout) == report


async def abort_in(shell, stage, number):
    """Start a run, send a signal in a stage, and wait for its end."""
    words = ["run", "kill tikv-2"]
    if stage in {Stage.RESTORING, Stage.VERIFYING}:
        words.append("--approve")
    async with shell.running(*words) as process:
        await shell.until(lambda r: r.event.event == "stage_entered" and r.event.stage is stage)
        process.send_signal(number)
        _, said = await asyncio.wait_for(process.communicate(), 40)
        return process.returncode, said.decode()


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.FINISHED])
async def test_ctrl_c_in_any_stage_leaves_all_six_nodes_running(shell, stage):
    async with shell.playground() as nodes:
        status, said = await abort_in(shell, stage, signal.SIGINT)
        found = await nodes.nodes()

    assert status == 130, said
    assert [n.state for n in found] == [NodeState.RUNNING] * 6
    assert "Traceback" not in said


async def test_sigterm_takes_a_playground_of_its_own_along(shell):
    status, said = await abort_in(shell, Stage.DETECTING, signal.SIGTERM)
    assert status == 130, said
    assert left_over(shell.home) == []


async def test_what_a_killed_run_left_behind_is_recovered(shell):
    async with shell.playground() as nodes:
        async with shell.running("run", "kill tikv-1") as process:
            await shell.until(lambda r: r.event.event == "fault_injected")
            process.kill()
            await process.wait()
        exited = [n.name for n in await nodes.nodes() if n.state is not NodeState.RUNNING]
        assert exited == ["tikv-1"]

        shown = await asyncio.to_thread(shell.run, "recover", "--dry-run")
        assert shown.stdout.startswith("Run 1: SIGKILL to tikv-1")
        assert [n.name for n in await nodes.nodes() if n.state is not NodeState.RUNNING] == exited

        done = await asyncio.to_thread(shell.run, "recover")
        assert done.returncode == 0, done.stderr
        assert "tikv-1" in done.stdout
        assert "restored" in done.stdout
        assert all(n.state is NodeState.RUNNING for n in await nodes.nodes())

        again = await asyncio.to_thread(shell.run, "recover")
        assert again.stdout == "Nothing was left behind.\n"


async def test_a_dry_run_touches_nothing(shell):
    async with shell.playground() as nodes:
        before = await nodes.nodes()
        done = await asyncio.to_thread(shell.run, "run", "kill tikv-3", "--dry-run")
        assert await nodes.nodes() == before
    assert done.returncode == 0, done.stderr
    assert "tikv-3" in done.stdout
    assert "SIGKILL" in done.stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("kil tikv", '"kill"'),
        ("kill tivk", '"tikv"'),
        ("kill tikv-9", '"tikv-9"'),
        ("kill tikv-1 tikv-2", "two targets"),
        ("", "no command"),
        ("kill", "needs a target"),
        ("status", "no experiment"),
        ("kill tikv in moon", '"moon"'),
        ("x" * 4000, "4,000 characters"),
        ("kill <!channel>", "cannot be the name"),
    ],
)
def test_wrong_words_exit_2_and_name_the_word(shell, words, named):
    done = shell.run("run", words)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


async def test_a_cluster_that_is_not_well_is_refused_with_3(shell):
    async with shell.playground() as nodes:
        injection = await nodes.plan(Fault.KILL, (await nodes.nodes())[-1])
        await nodes.inject(injection)
        done = await asyncio.to_thread(shell.run, "run", "kill tikv-1", "--approve")
    assert done.returncode == 3, done.stderr
    assert "not well" in done.stdout + done.stderr

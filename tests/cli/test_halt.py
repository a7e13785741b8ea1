"""`chaosbot halt`, `resume`, `recover --dry-run` and `history`: beside a bot, and without one."""

from __future__ import annotations

import asyncio

from bot.sandbox.directory import CHAOS, STARTER
from tests.cli.serving import all_run, ground, no_guardian


async def test_a_halt_beside_a_bot_ends_the_run_and_holds_until_the_resume(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        run = await bot.begin()

        beside = await asyncio.to_thread(shell.run, "run", "kill tikv-2")
        assert beside.returncode == 2
        assert f"Another chaosbot (serve, process {bot.child._process.pid}) uses" in beside.stderr
        shown = await asyncio.to_thread(shell.run, "recover", "--dry-run")
        assert shown.returncode == 0, shown.stderr
        assert f"Run {run}: SIGKILL to tikv-1" in shown.stdout
        assert "A bot that starts: it goes on waiting for an approval." in shown.stdout
        assert "chaosbot recover: tikv-1 (store " in shown.stdout
        assert "A chaosbot is at work here (serve, process" in shown.stdout
        assert not await all_run(nodes)

        done = await asyncio.to_thread(shell.run, "halt", "the", "customer", "called")
        assert done.returncode == 0, done.stderr
        assert "Chaosbot is halted since" in done.stdout
        assert "the customer called" in done.stdout
        assert f"Run {run} (kill tikv-1): aborted." in done.stdout
        assert await all_run(nodes)
        report = await bot.report(run)
        assert report.outcome == "aborted"
        assert "the customer called" in report.why

        await bot.slack.user(STARTER).command("/chaos kill tikv-2", CHAOS)
        await bot.slack.user(STARTER).until_ephemeral(lambda m: "is halted since" in m["text"])

        listed = await asyncio.to_thread(shell.run, "history")
        assert listed.stdout.splitlines()[0].endswith(report.why)
        assert f"Run {run}: kill tikv-1 by " in listed.stdout

        resumed = await asyncio.to_thread(shell.run, "resume")
        assert resumed.stdout == "Runs may be started again.\n"
        await asyncio.sleep(1.5)  # it looks each second
        await bot.slack.user(STARTER).command("/chaos kill tikv-2", CHAOS)
        await bot.until("run_started", run=run + 1)


async def test_a_halt_without_a_bot_restores_what_is_left_and_stops_later_runs(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        run = await bot.begin()
        await bot.child.kill()
        done = await asyncio.to_thread(shell.run, "halt")
        assert done.returncode == 0, done.stderr
        assert f"Run {run}: SIGKILL to tikv-1" in done.stdout
        assert "was restored later" in done.stdout
        assert await all_run(nodes)
        await no_guardian(shell.home)

        refused = await asyncio.to_thread(shell.run, "run", "kill tikv-1")
        assert refused.returncode == 3
        assert "Chaosbot is halted since" in refused.stderr
        dry = await asyncio.to_thread(shell.run, "run", "kill tikv-1", "--dry-run")
        assert dry.returncode == 3
        assert "is halted since" in dry.stdout

        assert (await asyncio.to_thread(shell.run, "resume")).returncode == 0
        twice = await asyncio.to_thread(shell.run, "resume")
        assert twice.returncode == 1
        assert twice.stderr == "chaosbot: Chaosbot is not halted.\n"
        dry = await asyncio.to_thread(shell.run, "run", "kill tikv-1", "--dry-run")
        assert dry.returncode == 0, dry.stdout


def test_a_fresh_home_can_be_halted_and_has_no_history(shell):
    assert shell.run("history").stdout == "There was no run yet.\n"
    assert shell.run("recover", "--dry-run").stdout == "Nothing was left behind.\n"
    done = shell.run("halt")
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["Nothing was left behind."]

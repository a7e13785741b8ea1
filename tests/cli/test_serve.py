"""`chaosbot serve` from one process to the next: a rolling restart, an ordered end, Slack away."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import pairwise

import pytest

from bot.sandbox.directory import CHAOS, STARTER
from tests.cli.serving import all_run, ground, guardians, no_guardian, twice


async def test_a_rolling_restart_with_an_open_approval_is_a_pause_and_nothing_else(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        run = await bot.begin()
        before, asked = await bot.report(run), await bot.button()

        assert await bot.end(signal.SIGTERM) == 0
        assert f"Run {run} is handed over" in bot.said
        assert "the guardian restores tikv-1 (store" in bot.said
        assert not await all_run(nodes)
        stood = [m["ts"] for m in await bot.thread()]

        await bot.start()
        assert f"Run {run} was left unfinished: it goes on waiting for an approval." in bot.said
        assert await bot.button() == asked
        after = await bot.report(run)
        assert after.deadline == before.deadline
        assert [m["ts"] for m in await bot.thread()] == stood

        await bot.approve()
        await bot.until("run_finished", outcome="recovered")
        messages = await bot.painted()
        assert twice(messages) == []
        assert [m["ts"] for m in messages][: len(stood)] == stood
        assert await all_run(nodes)
        assert (await bot.report(run)).approval.by


@pytest.mark.parametrize("stage", ["detecting", "restoring"])
async def test_a_run_goes_on_after_a_restart_at_another_stage(shell, stage):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        await bot.slack.user(STARTER).command("/chaos kill tikv-1", CHAOS)
        if stage == "restoring":
            await bot.until("stage_entered", stage="awaiting approval")
            await bot.approve()
        await bot.until("stage_entered", stage=stage)
        assert await bot.end(signal.SIGTERM) == 0
        await bot.start()
        if stage == "detecting":
            await bot.until("stage_entered", stage="awaiting approval")
            await bot.approve()
        await bot.until("run_finished", outcome="recovered")
        assert await all_run(nodes)
        assert twice(await bot.painted()) == []
        stages = [s.stage for s in (await bot.report()).stages]
        assert all(list(type(a)).index(a) <= list(type(b)).index(b) for a, b in pairwise(stages))


async def test_ctrl_c_restores_everything_and_leaves_no_guardian(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        assert len(guardians(shell.home)) == 1
        await bot.begin()
        assert await bot.end(signal.SIGINT) == 0
        assert await all_run(nodes)
        assert (await bot.report()).outcome == "aborted"
        await no_guardian(shell.home, 5)


async def test_without_its_guardian_a_bot_hands_nothing_over(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        await bot.begin()
        for guardian in guardians(shell.home):
            os.kill(guardian, signal.SIGKILL)
        await no_guardian(shell.home)
        assert await bot.end(signal.SIGTERM) == 0
        assert "every node is restored first" in bot.said
        assert await all_run(nodes)


async def test_a_guardian_that_has_died_gets_a_successor(shell):
    async with ground(shell) as (bot, _):
        await bot.start()
        [first] = guardians(shell.home)
        os.kill(first, signal.SIGKILL)
        await bot.until_said("another one is started")
        async with asyncio.timeout(5):
            while not guardians(shell.home):
                await asyncio.sleep(0.02)
        assert guardians(shell.home) != [first]


async def test_while_slack_is_away_a_run_goes_on_and_its_thread_is_told_afterwards(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        await bot.begin()
        await bot.child.kill()
        async with bot.sandbox.away():
            await bot.start(connected=False)
            await bot.until_said("It is tried again in 1 s: runs go on.")
            assert await bot.end(signal.SIGTERM) == 0  # it ends the waiting at once
            assert not await all_run(nodes)
            await bot.start(connected=False)
            await bot.until_said("It is tried again in 2 s: runs go on.")
        await bot.slack.until_connected(timeout=60)
        await bot.approve()
        await bot.until("run_finished", outcome="recovered")
        assert twice(await bot.painted()) == []
        assert await all_run(nodes)


async def test_a_bot_that_finds_slack_away_restores_after_its_time(shell):
    async with ground(shell, CHAOSBOT_DEADMAN_SECONDS="5") as (bot, nodes):
        await bot.start()
        run = await bot.begin()
        await bot.child.kill()
        async with bot.sandbox.away():
            await bot.start(connected=False)
            await bot.until("run_finished", outcome="aborted")
            assert await all_run(nodes)
        await bot.slack.until_connected(timeout=60)
        await bot.painted()
        assert "nothing was heard of Slack" in (await bot.report(run)).why


async def test_with_nothing_in_flight_slack_away_is_the_end(shell):
    async with ground(shell) as (bot, _):
        async with bot.sandbox.away():
            await bot.start(connected=False)
            assert await bot.child.ended() == 2
        assert "cannot be reached" in bot.said
        assert len(bot.said.strip().splitlines()) == 1


async def test_a_cluster_that_is_away_is_waited_for_if_something_is_left_in_it(shell):
    async with ground(shell) as (bot, nodes):
        await bot.start()
        run = await bot.begin()
        await bot.child.kill()
        socket, hidden = shell.home / "playground.sock", shell.home / "hidden.sock"
        socket.rename(hidden)
        await bot.start(connected=False)
        await bot.until_said("No playground answers at")
        assert "It is tried again: runs are unfinished." in bot.said
        assert await bot.end(signal.SIGTERM) == 0  # it ends the waiting at once
        await bot.start(connected=False)
        await bot.until_said("No playground answers at", times=2)
        hidden.rename(socket)
        await bot.slack.until_connected(timeout=60)
        assert bot.said.count("No playground answers at") == 2
        await bot.approve()
        await bot.until("run_finished", outcome="recovered")
        assert (await bot.report(run)).outcome == "recovered"
        assert await all_run(nodes)


async def test_over_http_with_a_port_of_its_own(shell):
    async with ground(shell, SLACK_SIGNING_SECRET="of the sandbox") as (bot, _):
        await bot.start("--http", "0", connected=False)
        await bot.until_said("Serving Sandbox as")
        assert " at port " in bot.said
        assert await bot.end(signal.SIGTERM) == 0

"""The guardian: the bot is killed with its fault in, and nobody, or somebody, starts it again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.cli.serving import all_run, ground, guardians, no_guardian


async def until_all_run(nodes, seconds=30):
    async with asyncio.timeout(seconds):
        while not await all_run(nodes):
            await asyncio.sleep(0.05)


async def test_it_restores_what_a_killed_bot_has_left_and_the_journal_says_so(shell):
    async with ground(shell, CHAOSBOT_GUARDIAN_SECONDS="1") as (bot, nodes):
        await bot.start()
        run = await bot.begin()
        os.killpg(bot.child._process.pid, signal.SIGKILL)  # its whole process group
        await bot.child.ended()
        assert not await all_run(nodes)
        await until_all_run(nodes)
        await bot.until("run_finished", outcome="failed")
        await no_guardian(shell.home)
        report = await bot.report(run)
        assert "was restored later" in report.why
        assert not report.broken
        log = (shell.home / "guardian.log").read_text()
        assert f"UTC: Run {run}: SIGKILL to tikv-1" in log
        assert len(log.splitlines()) == 1

        await bot.start()  # the thread is told as soon as somebody can
        assert "was left unfinished" not in bot.said


async def test_a_bot_that_comes_back_in_time_sends_it_away(shell):
    async with ground(shell, CHAOSBOT_GUARDIAN_SECONDS="10") as (bot, nodes):
        await bot.start()
        await bot.begin()
        [first] = guardians(shell.home)
        await bot.child.kill()
        await bot.start()
        async with asyncio.timeout(5):
            while first in guardians(shell.home):
                await asyncio.sleep(0.05)
        assert len(guardians(shell.home)) == 1
        assert not await all_run(nodes)
        await bot.approve()
        await bot.until("run_finished", outcome="recovered")
        assert (shell.home / "guardian.log").read_text() == ""


async def test_it_tries_until_what_runs_the_nodes_answers(shell):
    async with ground(shell, CHAOSBOT_GUARDIAN_SECONDS="0.5") as (bot, nodes):
        await bot.start()
        await bot.begin()
        playground = supervisor(shell.home)
        os.kill(playground, signal.SIGSTOP)
        try:
            await bot.child.kill()
            async with asyncio.timeout(60):
                while "did not answer" not in (shell.home / "guardian.log").read_text():
                    await asyncio.sleep(0.05)
        finally:
            os.kill(playground, signal.SIGCONT)
        await until_all_run(nodes)
        await bot.until("run_finished", outcome="failed")
        await no_guardian(shell.home)


async def test_signals_of_a_terminal_do_not_end_it_and_it_takes_little_memory(shell):
    async with ground(shell) as (bot, _):
        await bot.start()
        [guardian] = guardians(shell.home)
        assert os.getsid(guardian) == guardian
        status = Path(f"/proc/{guardian}/status").read_text()
        kilobytes = next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)
        assert int(kilobytes) < 25 * 1024
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            os.kill(guardian, number)
        await asyncio.sleep(0.1)
        assert guardians(shell.home) == [guardian]


def supervisor(home):
    """The process id of the playground that serves a home."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if b"playground" in words and str(home).encode() in environment:
            return int(process.name)
    raise AssertionError("there is no playground")

from __future__ import annotations

import asyncio
import time

import pytest

from bot.schedule import Schedule
from tests.cluster.polling import seen


async def test_it_checks_at_once_and_then_again_and_again():
    times: list[float] = []

    async def check() -> None:
        times.append(time.monotonic())

    began = time.monotonic()
    async with Schedule(check, seconds=0.1, failed=pytest.fail):
        await seen(lambda: len(times) >= 4)
    assert times[0] - began < 0.1
    assert 0.2 < times[3] - times[0] < 1.0


async def test_checks_never_overlap():
    release = asyncio.Event()
    calls = running = most = 0

    async def check() -> None:
        nonlocal calls, running, most
        calls, running = calls + 1, running + 1
        most = max(most, running)
        await release.wait()
        running -= 1

    async with Schedule(check, seconds=0.02, failed=pytest.fail):
        await seen(lambda: calls == 1)
        await asyncio.sleep(0.1)
        assert calls == 1
        release.set()
        await seen(lambda: calls >= 3)
    assert most == 1


async def test_an_error_is_told_and_the_next_check_comes():
    told: list[Exception] = []

    async def check() -> None:
        raise RuntimeError(f"check {len(told)}")

    async with Schedule(check, seconds=0.02, failed=told.append):
        await seen(lambda: len(told) >= 3)
    assert [str(e) for e in told[:3]] == ["check 0", "check 1", "check 2"]


async def test_stopping_waits_for_a_check_that_is_under_way():
    started, ended = asyncio.Event(), asyncio.Event()

    async def check() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    schedule = Schedule(check, seconds=60, failed=pytest.fail)
    schedule.start()
    schedule.start()
    await started.wait()
    await schedule.stop()
    assert ended.is_set()
    await schedule.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}

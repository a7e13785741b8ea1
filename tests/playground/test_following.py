"""Followers of the supervisor's events end when they are told to, whatever comes at that moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bot.playground.supervisor import Supervisor

EVENT = {"at": datetime.now(UTC).isoformat(), "event": "die", "node": "tikv-1"}


@pytest.mark.parametrize("turns", range(5))
async def test_an_event_that_comes_with_the_cancellation_does_not_undo_it(turns):
    supervisor = Supervisor([])
    lines = supervisor.follow(None)
    assert await anext(lines) == b"\n"

    async def follow():
        async for _ in lines:
            pass

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.01)
    for queue in supervisor._followers:
        queue.put_nowait(EVENT)
    for _ in range(turns):
        await asyncio.sleep(0)
    following.cancel()
    done, _ = await asyncio.wait([following], timeout=1)
    following.cancel()
    assert done

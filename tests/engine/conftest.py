"""An engine on a small world, with a real journal."""

from __future__ import annotations

from random import Random

import pytest

from bot.domain.approval import Policy
from bot.domain.experiment import Timings
from bot.engine.chaos import Chaos
from bot.journal import Journal
from tests.clocks import ManualClock
from tests.engine.world import World


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def world(clock):
    return World(clock)


@pytest.fixture
async def journal(tmp_path, clock):
    async with await Journal.open(tmp_path / "journal.sqlite3") as opened:
        yield clock.busy.watching(opened)


@pytest.fixture
async def chaos(world, journal, clock):
    made = Chaos(
        [world.cluster()],
        journal,
        clock,
        timings=Timings(detection=40, settling=15),
        policy=Policy(),
        random=Random(7),
    )
    yield made
    await clock.until(made.close())

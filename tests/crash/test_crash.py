"""The bot is killed after every kind of event; nothing is lost, nothing is left, nothing is doubled."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bot.domain.experiment import Stage
from bot.engine.patience import cancelled
from tests.crash.book import KINDS
from tests.crash.ground import Ground, ground
from tests.crash.killing import ACKNOWLEDGED, Moment, play, play_any, settle, until
from tests.crash.scenes import APPROVED, SCENES, Act
from tests.crash.slack_away import a_way
from tests.crash.torn import tear
from tests.crash.verdict import Verdict, judge

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
STAGES = [stage for stage in Stage if stage is not Stage.FINISHED]
BARREN = 3  # runs of a scene that may bring none of what is waited for
LANES = 2


def moments_of(scene):
    """One for each kind for which the scene is there; one for each stage in the ordinary one."""
    found = [Moment(kind=kind) for kind in sorted(scene.brings & KINDS - {"stage_entered"})]
    if scene is APPROVED:
        found += [Moment(kind="stage_entered", stage=stage.value) for stage in STAGES]
        found.append(ACKNOWLEDGED)
    return found


async def test_every_kind_of_event_has_its_scene():
    brought = frozenset().union(*(scene.brings for scene in SCENES))
    assert brought >= KINDS, f"no scene brings {sorted(KINDS - brought)}"


async def killed_at(made, scene, pending):
    """Runs of a scene until the bot was killed at each moment."""
    barren = 0
    while pending:
        before = len(pending)
        if scene.dies_first_at:
            first = Moment(kind=scene.dies_first_at)
            story = await play(made, scene, [first, *pending])
            pending = [m for m in pending if m not in story.kills]
        else:
            story = await play_any(made, scene, pending, most=8)
        assert story.verdict.fine, story.told(made)
        barren = barren + 1 if len(pending) == before else 0
        missed = ", ".join(map(str, pending))
        assert barren < BARREN, f"these do not come: {missed}\n{story.told(made)}"


async def lane(number):
    """A share of all moments, on a ground of its own."""
    async with ground() as made:
        await killed_at(made, APPROVED, moments_of(APPROVED)[number::LANES])
        for scene in [s for s in SCENES if s is not APPROVED][number::LANES]:
            await killed_at(made, scene, moments_of(scene))
    assert made.left == []


async def test_killed_after_every_kind_of_event():
    async with asyncio.TaskGroup() as lanes:
        for number in range(LANES):
            lanes.create_task(lane(number))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def way():
    """The way from the bot to Slack."""
    async with a_way() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(way):
    """One ground for all tests below; at their end nothing of it may be left."""
    async with ground(through=way) as made:
        yield made
    assert made.left == []


@pytest_asyncio.fixture(loop_scope="module")
async def made(shared, way):
    """The ground, with all as it was before each test."""
    yield shared
    shared.cluster.thaw()
    await way.restore()
    await settle(shared)


@dataclass
class Death:
    """A run that goes on while the bot is dead."""

    made: Ground
    act: Act
    after: int

    async def ends_well(self):
        """The bot was started again: the run ends as if nothing had been."""
        await until(self.made, self.act, (), self.after)
        await self.made.until_connected()
        verdict = Verdict()
        await judge(self.made, self.act.run, verdict)
        plot = self.made.book.of(self.act.run)
        assert verdict.fine, (verdict, plot.told(), self.made.bot.said(-10_000))


@asynccontextmanager
async def death(made, moment):
    """A run in which the bot has just been killed."""
    act = Act(made, APPROVED)
    after = made.book.end()
    await act.begin()
    playing = asyncio.create_task(act.play())
    try:
        came, after = await until(made, act, [moment], after)
        assert came == moment
        await made.bot.kill()
        yield Death(made, act, after)
        await playing
    finally:
        await cancelled(playing)


async def test_killed_at_random_times(made):
    dice = random.Random(17)
    plan = [Moment(seconds=dice.uniform(0.2, 2.0)) for _ in range(3)]
    story = await play(made, APPROVED, plan)
    assert story.verdict.fine, story.told(made)


async def test_killed_again_and_again_while_it_takes_up_its_runs(made):
    async with death(made, Moment(kind="fault_injected")) as dead:
        for seconds in (0.7, 1.1):
            await made.restart()
            await asyncio.sleep(seconds)  # somewhere between its first line and its first look
            await made.bot.kill()
        await made.restart()
        await dead.ends_well()


async def test_slack_is_away_at_the_restart(made, way):
    waiting = Moment(kind="stage_entered", stage=Stage.AWAITING_APPROVAL.value)
    async with death(made, waiting) as dead:
        await way.cut()
        await made.restart()
        await asyncio.sleep(3)
        assert made.bot.alive, made.bot.said()
        await way.restore()
        await dead.ends_well()


async def test_the_supervisor_of_the_nodes_is_away_at_the_restart(made):
    async with death(made, Moment(kind="fault_injected")) as dead:
        made.cluster.freeze()
        await made.restart()
        await asyncio.sleep(3)
        made.cluster.thaw()
        assert made.bot.alive, made.bot.said()
        await dead.ends_well()


@pytest.mark.parametrize("kind", ["fault_injected", "fault_rolled_back", "run_finished"])
async def test_the_last_write_to_the_journal_was_torn(made, kind):
    async with death(made, Moment(kind=kind)) as dead:
        run = dead.act.run
        written = made.book.of(run).last(kind)
        for _ in range(10):
            made.book.close()
            tear(made.book.path)
            if made.book.of(run).last(kind) < written:
                break
        else:
            pytest.fail("nothing was torn")
        dead.after = made.book.end()
        await made.restart()
        await dead.ends_well()

"""Halt: it holds while Slack limits us and while PD is silent, is seen everywhere, and outlasts us."""

from __future__ import annotations

from random import Random

import pytest

from bot.domain.experiment import Outcome, Timings
from bot.engine.chaos import Chaos
from bot.sandbox.directory import APP_TOKEN, APPROVER, BOT_TOKEN, ONLOOKER, STARTER
from bot.sandbox.faults import Fault
from bot.slack import Access, SlackBot
from bot.slack.buttons import Action

STORM = {"method": "*", "status": 429, "retry_after": 30, "lasting": 60}
AT_ONCE = 2.0  # seconds in which the node is back


def said(blocks):
    return str(blocks)


async def home(stage, user, *words):
    """The Home tab of a user, once it has all these words in it."""
    await stage.user(user).open_home()
    seen = ""
    for _ in range(60):
        await stage.clock.advance(1)
        seen = said(await stage.user(user).home())
        if all(word in seen for word in words):
            return seen
    raise AssertionError(seen)


async def halted_says_so(stage):
    """Status, the Home tab and the run's thread name who halted, and why."""
    who = f"<@{ONLOOKER}>"
    await stage.user(STARTER).command("/chaos status")
    found = await stage.user(STARTER).until_ephemeral(
        lambda m: m.get("blocks") and "Chaosbot is halted" in m["text"]
    )
    assert who in said(found["blocks"])
    assert "the shop is slow" in said(found["blocks"])
    await home(stage, APPROVER, "Chaosbot is halted", who, "the shop is slow", Action.RESUME)


@pytest.mark.parametrize("weather", ["429", "pd", "both", "the backend too"])
@pytest.mark.parametrize("stood", ["loading", "detecting", "awaiting approval"])
async def test_it_restores_at_once_and_everything_says_so(stage, weather, stood):
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: stage.chaos.living and stage.chaos.living[0].report.stage == stood)
    down = stood != "loading"
    assert stage.world.nodes_["tikv-1"].running is not down
    if weather != "pd":
        stage.sandbox.slack.faults.add(Fault(**STORM))
    stage.world.pd_silent = weather != "429"
    stage.world.backend_silent = weather == "the backend too"
    await stage.user(ONLOOKER).command("/chaos halt the shop is slow")
    await stage.told(ONLOOKER, "Chaosbot is halted: run 1 is being aborted", "`/chaos resume`")
    await stage.clock.advance(AT_ONCE)
    assert stage.world.nodes_["tikv-1"].running
    stage.world.backend_silent = False
    report = await stage.clock.until(stage.chaos.wait(1))
    assert report.outcome is Outcome.ABORTED
    assert report.aborted_by == ONLOOKER
    assert stage.world.log.count("rollback tikv-1") == down
    await stage.user(APPROVER).command("/chaos kill tikv-2")
    await stage.told(APPROVER, "Chaosbot is halted", f"<@{ONLOOKER}>", "the shop is slow")
    await stage.until(lambda: stage.message("result"))
    who = f"<@{ONLOOKER}>, who halted everything: the shop is slow"
    for key in ("root", "live", "result"):
        await stage.until(lambda key=key: who in stage.message(key).text)
    assert "Chaosbot is halted" in said(stage.message("result").blocks)
    await halted_says_so(stage)
    assert await stage.chaos.journal.latest(5) == [1]


async def test_it_brings_back_what_was_kept_down(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos keep 1")
    await stage.until(lambda: stage.chaos.living == ())
    assert not stage.world.nodes_["tikv-1"].running
    stage.sandbox.slack.faults.add(Fault(**STORM))
    await stage.user(ONLOOKER).command("/chaos halt the shop is slow")
    await stage.told(ONLOOKER, "Chaosbot is halted")
    await stage.clock.advance(AT_ONCE)
    assert stage.world.nodes_["tikv-1"].running


async def test_only_an_approver_resumes(stage):
    await stage.user(ONLOOKER).command("/chaos halt the shop is slow")
    await stage.told(ONLOOKER, "Chaosbot is halted")
    await stage.client.deactivate(APPROVER)
    for user in (ONLOOKER, APPROVER):
        await stage.user(user).command("/chaos resume")
        await stage.until(lambda: stage.chaos.halted)
    await stage.told(ONLOOKER, "You may not decide this")
    await stage.told(APPROVER, "is deactivated")
    assert stage.chaos.halted
    await stage.client.reactivate(APPROVER)
    await stage.user(STARTER).command("/chaos resume")
    await stage.told(STARTER, "Runs may be started again.")
    assert stage.chaos.halted is None
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: stage.message("root"))


async def test_a_resume_that_is_refused_is_recorded(stage):
    await stage.user(ONLOOKER).command("/chaos halt")
    await stage.told(ONLOOKER, "Chaosbot is halted")
    await stage.user(ONLOOKER).command("/chaos resume")
    await stage.told(ONLOOKER, "You may not decide this")
    kept = [(e.event.by, e.event.wanted) for e in await stage.chaos.journal.rejections(5)]
    assert kept == [(ONLOOKER, "resume")]


async def test_it_outlasts_the_bot(stage, journal, policy, sandbox):
    clock, world = stage.clock, stage.world
    await stage.asked()
    await stage.user(ONLOOKER).command("/chaos halt the shop is slow")
    await stage.told(ONLOOKER, "Chaosbot is halted")
    await stage.until(lambda: stage.message("result"))
    halt = stage.chaos.halted
    await clock.until(stage.chaos.close())
    await clock.until(stage.bot.close())
    assert len(sandbox.slack.sockets) == 0

    later = Chaos(
        [world.cluster("staging")],
        journal,
        clock,
        timings=Timings(warm_up=5, detection=40, settling=15),
        policy=policy,
        random=Random(7),
    )
    assert await later.take_up() == []
    assert (later.halted.by, later.halted.why, later.halted.since) == (
        halt.by,
        halt.why,
        halt.since,
    )
    access = Access(bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url=f"{sandbox.url}/api")
    bot = SlackBot(later, access)
    await bot.start()
    await stage.client.until_connected()
    stage.chaos, stage.bot = later, bot
    await stage.user(STARTER).command("/chaos kill tikv-2")
    await stage.told(STARTER, "Chaosbot is halted", f"<@{ONLOOKER}>", "the shop is slow")
    await halted_says_so(stage)
    assert Action.AGAIN not in stage.offered("result")
    await stage.user(ONLOOKER).command("/chaos resume")
    await stage.told(ONLOOKER, "You may not decide this")
    await stage.user(APPROVER).command("/chaos resume")
    await stage.told(APPROVER, "Runs may be started again.")
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    await stage.user(STARTER).command("/chaos kill tikv-2")
    await stage.until(lambda: stage.message("root", run=2))
    await clock.until(later.close())
    await clock.until(bot.close())

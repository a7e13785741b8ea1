"""Votes and the halt, over real sockets: who decides, what counts, and what is refused."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.approval import Decision, Policy
from bot.domain.events import Decided, VoteCast, VoteRefused
from bot.domain.experiment import Stage
from bot.sandbox.directory import APPROVER, APPROVERS, CHAOS, GENERAL, ONLOOKER, STARTER
from bot.sandbox.faults import Fault
from bot.slack.buttons import Action

TWO = Policy(approvers=frozenset({STARTER, APPROVER}), needed=2)
ANYBODY = Policy()


async def events(stage, kind, run=1):
    """The events of a kind in a run's history."""
    history = await stage.chaos.journal.history(run)
    return [r.event for r in history if isinstance(r.event, kind)]


async def refused(stage, run=1):
    """Who was refused what in a run."""
    return [(e.by, e.wanted) for e in await events(stage, VoteRefused, run)]


def shown(stage, key, run=1):
    return str(stage.message(key, run).blocks)


@pytest.mark.parametrize("policy", [TWO])
async def test_two_approvals_that_come_in_two_ways_restore_once(stage):
    await stage.asked()
    assert "it takes 2 votes" in shown(stage, "diagnosis")
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.told(APPROVER, "1 of 2: your approval counts; one more is needed.")
    await stage.until(lambda: f"1 of 2: approved by <@{APPROVER}>" in shown(stage, "diagnosis"))
    assert {Action.APPROVE, Action.KEEP_DOWN} <= stage.offered("diagnosis")
    assert "Waiting for approval, 1 of 2." in stage.message("root").text
    await stage.user(STARTER).command("/chaos approve 1")
    await stage.told(STARTER, "The node of run 1 is being restored")
    await stage.until(lambda: stage.message("result"))
    both = f"Restore approved by <@{APPROVER}> and <@{STARTER}>"
    await stage.until(lambda: both in shown(stage, "diagnosis"))
    assert len(await events(stage, Decided)) == 1
    assert stage.world.log.count("rollback tikv-1") == 1


@pytest.mark.parametrize("policy", [ANYBODY])
async def test_a_hundred_clicks_at_once_are_one_decision(stage):
    await stage.asked()
    ts = stage.message("diagnosis").ts
    people = (STARTER, APPROVER, ONLOOKER)
    await asyncio.gather(
        *(
            stage.user(people[n % 3]).click(ts, (Action.APPROVE, Action.KEEP_DOWN)[n % 2])
            for n in range(100)
        )
    )
    while len(await refused(stage)) < 99:
        await stage.client.get("views", user=STARTER)
    assert len(await events(stage, Decided)) == 1
    assert len(await events(stage, VoteCast)) == 1
    assert len(await refused(stage)) == 99


@pytest.mark.parametrize("policy", [Policy(groups=frozenset({APPROVERS}))])
async def test_a_vote_of_a_user_group_counts(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.told(APPROVER, "The node of run 1 is being restored")
    (decided,) = await events(stage, Decided)
    assert (decided.decision, decided.by) == (Decision.APPROVED, APPROVER)


@pytest.mark.parametrize("policy", [Policy(groups=frozenset({APPROVERS}), starter=False)])
async def test_who_may_not_is_told_who_may(stage):
    await stage.asked()
    assert f"<!subteam^{APPROVERS}> may decide, but not <@{STARTER}>" in shown(stage, "diagnosis")
    await stage.user(ONLOOKER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.told(ONLOOKER, "You may not decide this", f"<!subteam^{APPROVERS}> may.")
    assert await refused(stage) == [(ONLOOKER, "approved")]


@pytest.mark.parametrize("policy", [Policy(starter=False)])
async def test_the_starter_may_not_decide_where_the_policy_says_so(stage):
    await stage.asked()
    await stage.user(STARTER).command("/chaos keep 1")
    await stage.told(STARTER, "started the run, and may not decide about it")
    assert await refused(stage) == [(STARTER, "kept down")]


async def test_a_deactivated_user_decides_nothing(stage):
    await stage.asked()
    await stage.client.deactivate(APPROVER)
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.told(APPROVER, "is deactivated in Slack")
    assert await refused(stage) == [(APPROVER, "approved")]


async def test_from_another_channel_nothing_is_decided(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve 1", GENERAL)
    await stage.told(APPROVER, "is decided in the channel of its thread")
    assert await refused(stage) == [(APPROVER, "approved")]


@pytest.mark.parametrize("policy", [TWO])
async def test_nobody_votes_twice(stage):
    await stage.asked()
    for _ in range(2):
        await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.told(APPROVER, "has voted about run 1 already")
    assert await refused(stage) == [(APPROVER, "approved")]
    assert not await events(stage, Decided)


async def test_after_an_abort_nothing_is_decided(stage):
    await stage.asked()
    await stage.user(STARTER).click(stage.message("live").ts, Action.ABORT)
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE, old_screen=True)
    await stage.told(APPROVER, "Run 1 is", "aborted")
    assert await refused(stage) == [(APPROVER, "approved")]


@pytest.mark.parametrize("approval", [20])
async def test_after_the_deadline_nothing_is_decided(stage):
    await stage.asked()
    await stage.clock.advance(21)
    await stage.user(APPROVER).click(
        stage.message("diagnosis").ts, Action.KEEP_DOWN, old_screen=True
    )
    await stage.told(APPROVER, "Run 1 is already decided: expired by deadline")
    assert await refused(stage) == [(APPROVER, "kept down")]


@pytest.mark.parametrize(
    "forged", [{"message_ts": "1.000001"}, {"channel": GENERAL}], ids=["message", "channel"]
)
async def test_a_click_from_another_message_is_refused(stage, forged):
    await stage.asked()
    ts = stage.message("diagnosis").ts
    await stage.user(APPROVER).click(ts, Action.APPROVE, forged=forged)
    await stage.told(APPROVER, "does not come from the message of run 1")
    assert await refused(stage) == [(APPROVER, "approved")]
    assert not await events(stage, VoteCast)


async def test_a_click_for_a_run_that_there_is_not_is_refused_and_kept(stage):
    await stage.asked()
    ts = stage.message("diagnosis").ts
    await stage.user(APPROVER).click(ts, Action.APPROVE, forged={"value": "99"})
    await stage.told(APPROVER, "There is no run 99")
    (kept,) = await stage.chaos.journal.rejections(5)
    assert (kept.event.by, kept.event.wanted) == (APPROVER, "approved 99")
    await stage.user(APPROVER).click(ts, Action.APPROVE, forged={"value": "' OR 1=1"})
    await stage.told(APPROVER, "That button names no run")


@pytest.mark.parametrize("policy", [TWO])
async def test_a_click_that_is_replayed_counts_once_and_is_recorded_once(stage):
    await stage.asked()
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE, times=4)
    await stage.told(APPROVER, "heard before")
    assert len(await events(stage, VoteCast)) == 1
    assert await refused(stage) == [(APPROVER, "approved")]


async def test_a_command_that_is_replayed_is_refused_and_recorded(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve 1")
    *_, sent = await stage.client.deliveries("slash_commands")
    for _ in range(3):
        await stage.client.deliver("slash_commands", sent["payload"])
    await stage.told(APPROVER, "heard before")
    assert await refused(stage) == [(APPROVER, "approved")]
    assert len(await events(stage, Decided)) == 1


async def test_without_a_run_to_decide_about_it_says_so_and_keeps_it(stage):
    await stage.user(APPROVER).command("/chaos approve")
    await stage.told(APPROVER, "No run waits for an approval.")
    await stage.user(APPROVER).command("/chaos restore")
    await stage.told(APPROVER, "No node is kept down.")
    kept = [(e.event.by, e.event.wanted) for e in await stage.chaos.journal.rejections(5)]
    assert kept == [(APPROVER, "restore"), (APPROVER, "approved")]


async def test_kept_down_by_a_command_it_comes_back_by_a_command(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos keep it down")
    await stage.told(APPROVER, "The node of run 1 stays down. `/chaos restore 1` brings it back.")
    await stage.until(lambda: Action.RESTORE in stage.offered("result"))
    await stage.user(APPROVER).command("/chaos restore")
    await stage.told(APPROVER, "The node of run 1 is being restored")
    await stage.until(lambda: "Recovered" in stage.message("root").text)


async def test_a_forged_restore_restores_nothing(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos keep 1")
    await stage.until(lambda: Action.RESTORE in stage.offered("result"))
    forged = {"message_ts": stage.message("root").ts}
    await stage.user(APPROVER).click(stage.message("result").ts, Action.RESTORE, forged=forged)
    await stage.told(APPROVER, "does not come from the message of run 1")
    assert not stage.world.nodes_["tikv-1"].running
    assert await refused(stage) == [(APPROVER, "restore")]


@pytest.mark.parametrize(("policy", "approval"), [(Policy(at_deadline="keep down"), 20)])
async def test_a_deadline_that_keeps_down_says_so_before_and_after(stage):
    await stage.asked()
    assert "unless its restore is approved" in shown(stage, "diagnosis")
    assert "then it stays down" in shown(stage, "live")
    await stage.until(lambda: stage.message("result"))
    assert "is kept down, as nobody decided in time" in stage.message("result").text
    assert "Nobody decided within 20 s, so it stays down." in shown(stage, "diagnosis")


async def test_slack_that_does_not_say_who_it_is_decides_nothing(stage):
    await stage.asked()
    stage.sandbox.slack.faults.add(Fault(method="users.info", status=500, times=5))
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.told(APPROVER, "Slack does not say")
    assert await refused(stage) == [(APPROVER, "approved")]
    assert not await events(stage, VoteCast)


# Halt


async def test_halt_works_while_slack_limits_us_and_says_what_it_did(stage):
    await stage.asked()
    stage.sandbox.slack.faults.add(Fault(method="*", status=429, retry_after=30, lasting=60))
    await stage.user(ONLOOKER).command("/chaos halt the shop is slow")
    await stage.told(ONLOOKER, "Chaosbot is halted: run 1 is being aborted", "`/chaos resume`")
    await stage.clock.advance(1)
    assert stage.world.nodes_["tikv-1"].running
    await stage.until(lambda: stage.message("result"))
    who = f"Aborted by <@{ONLOOKER}>, who halted everything: the shop is slow."
    for key in ("root", "live", "result"):
        await stage.until(lambda key=key: who in stage.message(key).text)
    assert Action.AGAIN not in stage.offered("result")
    assert "Chaosbot is halted" in shown(stage, "result")


async def test_while_halted_nothing_starts_until_an_approver_resumes(stage):
    await stage.user(ONLOOKER).command('/chaos halt "enough for today"')
    await stage.told(ONLOOKER, "no run was going on")
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.told(STARTER, "Chaosbot is halted", "enough for today")
    await stage.user(STARTER).command("/chaos status")
    found = await stage.user(STARTER).until_ephemeral(lambda m: "staging" in m["text"])
    assert found["text"].startswith("Chaosbot is halted. ")
    first = found["blocks"][0]["text"]["text"]
    assert first.startswith("✗ *Chaosbot is halted.*")
    assert f"<@{ONLOOKER}>: enough for today" in first
    await stage.user(ONLOOKER).command("/chaos resume")
    await stage.told(ONLOOKER, "You may not decide this")
    await stage.user(APPROVER).command("/chaos resume")
    await stage.told(APPROVER, "Runs may be started again.")
    await stage.user(APPROVER).command("/chaos resume")
    await stage.told(APPROVER, "Chaosbot is not halted.")
    assert stage.messages() == []
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: stage.message("root"))


async def test_after_the_halt_run_again_is_offered_again(stage):
    await stage.asked()
    await stage.user(ONLOOKER).command("/chaos halt")
    await stage.until(lambda: stage.message("result"))
    await stage.clock.advance(20)
    assert Action.AGAIN not in stage.offered("result")
    assert await stage.chaos.journal.unsettled() == [1]
    await stage.user(APPROVER).command("/chaos resume")
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    await stage.clock.advance(5)
    assert await stage.chaos.journal.unsettled() == []


async def test_history_shows_the_newest_runs_with_their_threads(stage):
    await stage.user(STARTER).command("/chaos history")
    await stage.told(STARTER, "There was no run yet.")
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.until(lambda: stage.chaos.living == ())
    await stage.user(STARTER).command("/chaos history")
    found = await stage.user(STARTER).until_ephemeral(
        lambda m: "Newest runs" in str(m.get("blocks"))
    )
    line = found["blocks"][1]["text"]["text"]
    assert f"{CHAOS}/{stage.message('root').ts}|Run 1: kill tikv-1> · Recovered" in line
    assert "<!date^" in line


async def test_late_refusals_change_no_message(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos approve")
    await stage.until(lambda: stage.chaos.living == ())
    await stage.clock.advance(30)
    said = [message.text for message in stage.messages()]
    before = stage.sandbox.slack.calls[-1].at
    await stage.user(STARTER).command("/chaos keep 1")
    await stage.told(STARTER, "Run 1 is over")
    await stage.clock.advance(30)
    assert [message.text for message in stage.messages()] == said
    later = [c.method for c in stage.sandbox.slack.calls if c.at > before]
    assert not {"chat.update", "chat.postMessage"} & set(later)
    assert await stage.chaos.journal.unsettled() == []
    report = await stage.chaos.report(1)
    assert report.stage is Stage.FINISHED
    assert "Refused to" in report.timeline[-1].text

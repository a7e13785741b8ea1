"""The bot as people meet it: commands and clicks over real sockets, an engine on a small world."""

from __future__ import annotations

import pytest

from bot.domain.command import USAGE
from bot.sandbox import payloads
from bot.sandbox.directory import APP_TOKEN, APPROVER, BOT_TOKEN, CHAOS, ONLOOKER, STARTER
from bot.sandbox.faults import Fault
from bot.slack import Access, SlackBot
from bot.slack.buttons import Action


async def test_a_run_from_the_command_to_recovered(stage):
    assert (stage.bot.team, stage.bot.name) == ("Sandbox", "chaosbot")
    await stage.asked()
    assert stage.message("root").text.startswith("Run 1: kill tikv-1. Waiting for approval.")
    diagnosis = stage.message("diagnosis")
    await stage.user(ONLOOKER).click(diagnosis.ts, Action.APPROVE)
    told = await stage.told(ONLOOKER, "You may not decide")
    assert f"<@{APPROVER}>, <@{STARTER}> may." in told
    await stage.user(APPROVER).click(diagnosis.ts, Action.APPROVE)
    await stage.user(STARTER).click(diagnosis.ts, Action.KEEP_DOWN)
    told = await stage.told(STARTER, "already decided")
    assert f"approved by <@{APPROVER}>" in told
    await stage.until(lambda: stage.message("result"))
    assert "Recovered" in stage.message("result").text
    await stage.until(lambda: "Recovered" in stage.message("root").text)
    await stage.until(lambda: not {Action.APPROVE, Action.KEEP_DOWN} & stage.offered("diagnosis"))
    assert len(stage.messages()) == 4
    assert stage.message("result").thread_ts == stage.message("root").ts


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("/chaos", ["no command", "`/chaos kill tikv`", "`/chaos help`"]),
        ("/chaos kil tikv", ["kil", "*kill*", "`/chaos help`"]),
        ("/chaos kill tikv-1 tikv-2", ["two targets"]),
        ("/chaos kill", ["needs a target", "`/chaos kill tikv`"]),
        ("/chaos kill tkiv", ["tkiv"]),
        ("/chaos kill tikv-9", ["no node", "tikv-9", "tikv-1"]),
        ("/chaos kill tikv in production", ["no cluster", "production", "staging"]),
        ("/chaos abort 99", ["There is no run 99"]),
        ("/chaos abort", ["No run is going on"]),
        ("/chaos restore 99", ["There is no run 99"]),
        ("/chaos abort x", ["no run number", "`/chaos abort 17`"]),
        ("/chaos <!channel>", ["&lt;!channel&gt;"]),
        ("/chaos kill <!channel>", ["&lt;!channel&gt;"]),
        ("/chaos kill *_~`", ["cannot be the name"]),
        ("/chaos " + "k" * 4000, ["4,000 characters"]),
    ],
)
async def test_wrong_words_get_an_answer_for_one_person_and_start_nothing(stage, typed, words):
    await stage.user(STARTER).command(typed)
    told = await stage.told(STARTER, *words)
    assert "<!" not in told
    assert len(told) < 3000
    assert await stage.chaos.journal.latest(1) == []
    assert stage.messages() == []
    assert await stage.user(ONLOOKER).ephemerals() == []


async def test_help_lists_everything_that_can_be_typed(stage):
    await stage.user(STARTER).command("/chaos help")
    told = await stage.told(STARTER, "`/chaos kill tikv`", "`/chaos restore 17`")
    assert len(told.splitlines()) == 1 + len(USAGE)


async def test_status_says_how_the_cluster_stands_and_links_to_the_run(stage):
    await stage.user(STARTER).command("/chaos status")
    await stage.told(STARTER, "staging: is in steady state")
    await stage.asked()
    stage.world.pd_silent = True
    await stage.user(APPROVER).command("/chaos status")
    found = await stage.user(APPROVER).until_ephemeral(lambda m: "is not in" in m["text"])
    shown = str(found["blocks"])
    assert "PD did not answer" in shown
    assert f"/#{CHAOS}/{stage.message('root').ts}|Run 1: kill tikv-1>" in shown


async def test_a_second_run_on_the_cluster_is_refused_with_a_word(stage):
    await stage.asked()
    await stage.user(APPROVER).command("/chaos kill tikv-2")
    told = await stage.told(APPROVER, "Run 1 (kill tikv-1) is on staging")
    assert f"started by <@{STARTER}>" in told
    assert "`/chaos abort 1`" in told
    assert await stage.chaos.journal.latest(5) == [1]


async def test_abort_by_the_button_restores_and_says_who(stage):
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: Action.ABORT in stage.offered("live"))
    await stage.user(APPROVER).click(stage.message("live").ts, Action.ABORT)
    await stage.until(lambda: stage.message("result"))
    assert f"Aborted by <@{APPROVER}>" in stage.message("result").text
    await stage.until(lambda: Action.ABORT not in stage.offered("live"))


async def test_abort_by_the_command_is_answered(stage):
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: stage.message("live"))
    await stage.user(STARTER).command("/chaos abort")
    await stage.told(STARTER, "Run 1 is being aborted")
    await stage.until(lambda: stage.message("result"))


async def test_kept_down_it_comes_back_by_its_button(stage):
    await stage.asked()
    await stage.user(STARTER).click(stage.message("diagnosis").ts, Action.KEEP_DOWN)
    await stage.until(lambda: Action.RESTORE in stage.offered("result"))
    assert not stage.world.nodes_["tikv-1"].running
    await stage.clock.advance(300)
    await stage.user(STARTER).click(stage.message("result").ts, Action.RESTORE)
    await stage.until(lambda: "Recovered" in stage.message("root").text)
    assert stage.world.nodes_["tikv-1"].running
    await stage.user(STARTER).command("/chaos restore 1")
    await stage.told(STARTER, "nothing to restore")


async def test_a_click_on_a_run_that_has_ended_gets_a_word_and_has_no_effect(stage):
    await stage.asked()
    diagnosis = stage.message("diagnosis")
    old_screen = {"channel": CHAOS, "blocks": [dict(b) for b in diagnosis.blocks]}
    await stage.user(APPROVER).click(diagnosis.ts, Action.APPROVE)
    await stage.until(lambda: stage.message("result"))
    await stage.until(lambda: Action.APPROVE not in stage.offered("diagnosis"))
    diagnosis.blocks = old_screen["blocks"]
    await stage.user(STARTER).click(diagnosis.ts, Action.KEEP_DOWN)
    told = await stage.told(STARTER, "Run 1 is over: recovered")
    assert f"approved by <@{APPROVER}>" in told
    assert len(stage.messages()) == 4


async def test_run_again_is_a_new_run_in_the_channel(stage):
    await stage.asked()
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.until(lambda: Action.AGAIN in stage.offered("result"))
    await stage.user(ONLOOKER).click(stage.message("result").ts, Action.AGAIN)
    dialog = await stage.user(ONLOOKER).until_view()
    assert "*Kill tikv-1*" in str(dialog["blocks"])
    await stage.user(ONLOOKER).submit(dialog["id"])
    await stage.until(lambda: stage.message("root", run=2))
    assert f"<@{ONLOOKER}>" in str(stage.message("root", run=2).blocks)
    assert "a test" in str(stage.message("root", run=2).blocks)


async def test_evidence_and_report_open_as_modals(stage):
    await stage.asked()
    await stage.user(ONLOOKER).click(stage.message("diagnosis").ts, Action.EVIDENCE)
    evidence = await stage.user(ONLOOKER).until_view()
    assert "tikv-1 exited" in str(evidence["blocks"])
    assert "cited" in str(evidence["blocks"])
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.until(lambda: Action.REPORT in stage.offered("result"))
    await stage.user(STARTER).click(stage.message("result").ts, Action.REPORT)
    report = await stage.user(STARTER).until_view()
    assert "Timeline" in str(report["blocks"])
    assert f"<@{STARTER}> asked to kill tikv-1" in str(report["blocks"])


async def test_an_answer_does_not_wait_for_the_refusal_behind_it(stage):
    """Bolt takes an acknowledgement back when its listener raises; Slack then says timeout."""
    for typed in ("/chaos abort 99", "/chaos kill tikv-9", "/chaos restore 99"):
        await stage.user(STARTER).command(typed)
    said = [message["text"] for message in await stage.user(STARTER).ephemerals()]
    assert not [text for text in said if "operation_timeout" in text]


async def test_a_modal_that_slack_does_not_open_is_told(stage):
    await stage.asked()
    stage.sandbox.slack.faults.add(Fault(method="views.open", error="expired_trigger_id"))
    await stage.user(ONLOOKER).click(stage.message("diagnosis").ts, Action.EVIDENCE)
    await stage.told(ONLOOKER, "`chaosbot report 1`")


async def test_an_envelope_that_is_sent_again_starts_no_second_run(stage):
    slack = stage.sandbox.slack
    channel = slack.workspace.channels[CHAOS]
    payload = payloads.command(slack, "/chaos", "kill tikv-1", STARTER, channel)
    for _ in range(3):
        await slack.sockets.deliver("slash_commands", payload, accepts_response=True)
    await stage.until(lambda: stage.message("live"))
    assert await stage.chaos.journal.latest(5) == [1]
    assert await stage.user(STARTER).ephemerals() == []


async def test_a_defect_is_a_sentence_to_the_user_and_a_line_in_the_log(stage, caplog):
    stage.world.defect = True
    await stage.user(STARTER).command("/chaos kill tikv-1")
    told = await stage.told(STARTER, "a defect of mine")
    assert "secret" not in told
    assert "Traceback" not in told
    assert "A listener failed." in caplog.text
    stage.world.defect = False
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: stage.message("root"))


async def test_where_it_cannot_post_the_starter_is_told_how_to_see_the_run(stage):
    stage.sandbox.slack.faults.add(
        Fault(method="chat.postMessage", error="not_in_channel", times=1)
    )
    await stage.user(STARTER).command("/chaos kill tikv-1")
    told = await stage.told(STARTER, "Run 1 goes on", "not in this channel")
    assert "`/chaos abort 1`" in told


async def test_a_button_from_before_a_restart_still_works(stage, clock, sandbox):
    await stage.asked()
    await clock.until(stage.bot.close())
    access = Access(bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url=f"{sandbox.url}/api/")
    later = SlackBot(stage.chaos, access)
    await later.start()
    await stage.client.until_connected()
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.until(lambda: stage.message("result"))
    await stage.until(lambda: "Recovered" in stage.message("root").text)
    assert len(stage.messages()) == 4
    await clock.until(stage.chaos.close())
    await clock.until(later.close())

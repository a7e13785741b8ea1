"""What is said to the bot by its name, over real sockets, and in which thread."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.command import parse
from bot.domain.errors import CommandError
from bot.domain.events import VoteRefused
from bot.sandbox.directory import APPROVER, BOT_USER, CHAOS, ONLOOKER, STARTER
from bot.sandbox.faults import Fault
from bot.slack.buttons import Action
from bot.slack.listeners.mentions import words

ME = f"<@{BOT_USER}>"


def event(text, *, identity="Ev0000000001", user=STARTER, **more):
    said = {"type": "app_mention", "user": user, "text": text, "channel": CHAOS, "ts": "1.000001"}
    return {"type": "event_callback", "event_id": identity, "event": said | more}


async def test_in_its_thread_a_run_is_approved_without_its_number(stage):
    await stage.asked()
    thread = stage.message("root").ts
    await stage.user(APPROVER).say(f"{ME} approve", thread_ts=thread)
    await stage.told(APPROVER, "The node of run 1 is being restored")
    (told,) = await stage.user(APPROVER).ephemerals()
    assert told["thread_ts"] == thread
    await stage.until(lambda: stage.message("result"))
    assert f"approved by <@{APPROVER}>" in str(stage.message("diagnosis").blocks)


async def test_kept_down_and_restored_in_the_thread(stage):
    await stage.asked()
    thread = stage.message("root").ts
    await stage.user(APPROVER).say(f"please {ME} keep it down", thread_ts=thread)
    told = await stage.told(APPROVER, "please")
    assert "no command" in told
    await stage.user(APPROVER).say(f"{ME} keep it down", thread_ts=thread)
    await stage.until(lambda: Action.RESTORE in stage.offered("result"))
    await stage.user(APPROVER).say(f"{ME} restore", thread_ts=thread)
    await stage.until(lambda: "Recovered" in stage.message("root").text)


async def test_abort_in_the_thread_is_about_its_run(stage):
    await stage.user(STARTER).say(f"{ME} kill tikv-1 “a mention”")
    await stage.until(lambda: Action.ABORT in stage.offered("live"))
    assert "a mention" in str(stage.message("root").blocks)
    await stage.user(ONLOOKER).say(f"{ME} abort", thread_ts=stage.message("root").ts)
    await stage.told(ONLOOKER, "Run 1 is being aborted")
    await stage.until(lambda: stage.message("result"))


async def test_a_refusal_is_told_in_the_thread_and_recorded(stage):
    await stage.asked()
    await stage.user(ONLOOKER).say(f"{ME} approve", thread_ts=stage.message("root").ts)
    await stage.told(ONLOOKER, "You may not decide this")
    history = await stage.chaos.journal.history(1)
    (refused,) = [r.event for r in history if isinstance(r.event, VoteRefused)]
    assert (refused.by, refused.wanted) == (ONLOOKER, "approved")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("help", ["`/chaos kill tikv`", "`/chaos approve 17`"]),
        ("status", ["staging: is in steady state"]),
        ("history", ["There was no run yet."]),
        ("", ["There is no command in that"]),
        ("kil tikv", ["*kill*"]),
        ("kill <http://tikv-9.example.com|tikv-9.example.com>", ["no node", "tikv-9.example.com"]),
        ("kill &lt;!channel&gt;", ["&lt;!channel&gt;"]),
        ("halt it &amp; me", ["Chaosbot is halted"]),
        ("`approve 99`", ["There is no run 99"]),
    ],
)
async def test_all_words_are_answered_to_the_one_who_said_them(stage, said, found):
    await stage.user(STARTER).say(f"{ME} {said}")
    await stage.told(STARTER, *found)
    assert await stage.user(ONLOOKER).ephemerals() == []
    assert [m.user for m in stage.messages()] == [STARTER]


async def test_a_mention_that_slack_sends_again_is_heard_once(stage):
    for attempt in range(3):
        heard = event(f"{ME} kill tikv-1")
        await stage.client.deliver("events_api", heard, attempt=attempt, reason="timeout")
    await stage.until(lambda: stage.message("live"))
    assert await stage.chaos.journal.latest(5) == [1]
    assert await stage.user(STARTER).ephemerals() == []


async def test_bots_and_edits_are_not_heard(stage):
    text = f"{ME} halt"
    for number, more in enumerate(
        (
            {"bot_id": "B0OTHERBOT"},
            {"subtype": "bot_message"},
            {"subtype": "message_changed"},
            {"edited": {"user": STARTER, "ts": "2.000000"}},
        )
    ):
        await stage.client.deliver("events_api", event(text, identity=f"Ev{number}", **more))
    await stage.user(STARTER).say(f"{ME} status")
    await stage.told(STARTER, "staging")
    assert stage.chaos.halted is None


@pytest.mark.parametrize(
    "body",
    [
        {"type": "event_callback", "event": {"type": "app_mention"}},
        {"type": "event_callback", "event": {"type": "app_mention", "text": None, "user": None}},
        event(f"{ME} approve", thread_ts="not a time"),
        event("\x00 \ud7ff <@> <@U|", user="U0STRANGER"),
    ],
)
async def test_no_event_is_a_defect(stage, body, caplog):
    await stage.client.deliver("events_api", body)
    await stage.user(STARTER).say(f"{ME} history")
    await stage.told(STARTER, "There was no run yet.")
    assert "A listener failed" not in caplog.text


async def test_an_answer_that_slack_does_not_take_is_a_line_in_the_log(stage, caplog):
    stage.sandbox.slack.faults.add(Fault(method="chat.postEphemeral", error="user_not_in_channel"))
    await stage.user(STARTER).say(f"{ME} halt")
    while "could not be answered" not in caplog.text:
        await stage.client.get("views", user=STARTER)
    assert stage.chaos.halted


def test_our_name_goes_and_slacks_escapes_too():
    assert words(f"{ME} kill tikv", BOT_USER) == "kill tikv"
    assert words(f"<@{BOT_USER}|chaosbot> `kill tikv`", BOT_USER) == "kill tikv"
    assert words(f'kill tikv "a &lt;b&gt; &amp;amp; c" {ME}', BOT_USER) == (
        'kill tikv "a <b> &amp; c"'
    )
    assert words("<@U0OTHER123> approve", BOT_USER) == "<@U0OTHER123> approve"


@given(st.text(max_size=400))
def test_whatever_is_said_it_is_a_command_or_an_error_of_ours(text):
    with suppress(CommandError):
        parse(words(f"{ME} {text}", BOT_USER))

"""The painter: what stands in Slack, whatever happens on the way, and how often it calls."""

import itertools
from collections import Counter

import pytest

from bot.domain.control import Halt
from bot.domain.errors import JournalError
from bot.domain.events import Happening, Record
from bot.domain.experiment import Stage
from bot.engine.stream import Stream
from bot.sandbox.directory import CHAOS
from bot.sandbox.faults import Fault
from bot.slack.thread import Key
from tests import histories

KEYS = [key.value for key in Key]


def keys(studio):
    return [message.metadata["event_payload"]["key"] for message in studio.messages()]


def brief(records):
    """A history without its load samples: a tenth of the records, in the same time."""
    return [record for record in records if record.event.event != "load_sampled"]


def recovered():
    return brief(histories.recovered())


def up_to(stage):
    return histories.until(recovered(), stage)


def most_in_a_minute(calls):
    times = sorted(call.at for call in calls)
    return max((sum(at <= t <= at + 60 for t in times) for at in times), default=0)


async def test_a_whole_run_stands_in_four_messages_one_in_the_channel(studio):
    await studio.painter()
    run = await studio.tell(recovered())
    await studio.clock.advance(5)
    assert keys(studio) == KEYS
    root, *replies = studio.messages()
    assert root.thread_ts in {None, root.ts}
    assert {reply.thread_ts for reply in replies} == {root.ts}
    assert "Recovered in 10.5 s" in root.text
    assert "Recovered in 10.5 s" in replies[-1].text
    for message in studio.messages():
        key = message.metadata["event_payload"]["key"]
        assert await studio.journal.message(run, key) == (CHAOS, message.ts)
        assert message.edited is None
    assert not studio.calls("chat.update", "ratelimited")
    assert not studio.calls("chat.postMessage", "ratelimited")


async def test_the_countdown_is_seen_to_go_down(studio):
    await studio.painter()
    await studio.tell(up_to(Stage.DETECTING))
    await studio.clock.advance(12)
    live = studio.messages()[1]
    said = [v["text"] for v in live.versions if "detecting" in v["text"]]
    assert len(said) >= 4
    assert len(set(said)) == len(said)


async def test_no_update_while_nothing_counts_down(studio):
    await studio.painter()
    await studio.tell(recovered())
    await studio.clock.advance(10)
    before = len(studio.sandbox.slack.calls)
    await studio.clock.advance(600)
    assert len(studio.sandbox.slack.calls) == before


async def test_four_runs_at_once_stay_below_forty_updates_a_minute(studio):
    await studio.painter()
    told = up_to(Stage.AWAITING_APPROVAL)
    runs = [await studio.begin(told) for _ in range(4)]
    for run in runs:
        await studio.go_on(run, told)
    await studio.clock.advance(100)
    updates = studio.calls("chat.update")
    assert 25 <= most_in_a_minute(updates) < 40
    assert not studio.calls("chat.update", "ratelimited")
    assert not studio.calls("chat.postMessage", "ratelimited")
    for message in studio.messages():
        times = [version["at"] for version in message.versions[1:]]
        assert all(b - a >= 0.999 for a, b in itertools.pairwise(times))
    posts = [call.at for call in studio.calls("chat.postMessage")]
    assert all(c - a >= 0.999 for a, _, c in zip(posts, posts[1:], posts[2:], strict=False))
    # None of them starves.
    asked = Counter(call.arguments["ts"] for call in updates if call.at > posts[-1] + 30)
    lives = [m.ts for m in studio.messages() if m.metadata["event_payload"]["key"] == "live"]
    assert min(asked[ts] for ts in lives) >= 3


async def test_what_happens_goes_before_the_ticks(studio):
    """With four countdowns spending the budget, a decision is seen within two seconds."""
    await studio.painter()
    whole = recovered()
    told = up_to(Stage.AWAITING_APPROVAL)
    runs = [await studio.begin(told) for _ in range(4)]
    for run in runs:
        await studio.go_on(run, told)
    await studio.clock.advance(60)
    decided = next(r for r in whole if r.event.event == "decided")
    record = await studio.journal.append(runs[-1], decided.event, studio.clock.now())
    studio.stream.publish(record)
    await studio.clock.advance(2)
    assert any(f"Run {runs[-1]}" in t and "Restore approved" in t for t in studio.texts())


async def test_a_429_is_waited_out_and_then_all_is_as_it_should_be(studio):
    await studio.painter()
    told = up_to(Stage.DETECTING)
    run = await studio.begin(told)
    await studio.go_on(run, told)
    await studio.clock.advance(2)
    studio.sandbox.slack.faults.add(
        Fault(method="chat.update", status=429, retry_after=17, times=1)
    )
    await studio.clock.advance(6)
    (refused,) = studio.calls("chat.update", "ratelimited")
    await studio.clock.advance(40)
    later = [c.at for c in studio.calls("chat.update", "ok") if c.at > refused.at]
    assert later
    assert later[0] >= refused.at + 17


async def test_a_storm_of_429_for_posts_posts_each_message_once(studio):
    studio.sandbox.slack.faults.add(
        Fault(method="chat.postMessage", status=429, retry_after=3, times=4)
    )
    await studio.painter()
    await studio.tell(recovered())
    await studio.clock.advance(30)
    assert keys(studio) == KEYS


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_update_mends_itself(studio, after):
    await studio.painter()
    studio.sandbox.slack.faults.add(Fault(method="chat.update", status=503, times=6, after=after))
    await studio.tell(recovered())
    await studio.clock.advance(120)
    assert keys(studio) == KEYS
    assert all("Recovered" in text for text in studio.texts() if "died abruptly" not in text)


@pytest.mark.parametrize("times", [1, 3])
async def test_a_post_whose_answer_was_lost_is_found_again_and_not_posted_twice(studio, times):
    studio.sandbox.slack.faults.add(
        Fault(method="chat.postMessage", status=500, after=True, times=times)
    )
    await studio.painter()
    run = await studio.tell(recovered())
    await studio.clock.advance(120)
    assert keys(studio) == KEYS
    for message in studio.messages():
        key = message.metadata["event_payload"]["key"]
        assert await studio.journal.message(run, key) == (CHAOS, message.ts)


class Forgetful:
    """A journal that notes no message: the process is killed between a post and its note."""

    def __init__(self, journal):
        self._journal = journal

    def __getattr__(self, name):
        return getattr(self._journal, name)

    async def remember_message(self, run, key, channel, ts):
        raise JournalError("killed")


class Unwilling(Forgetful):
    """A journal that does not even note what is meant to be posted."""

    async def intend_message(self, run, key, channel):
        raise JournalError("the disk is full")


async def killed_in_the_middle(studio, whole, told):
    """A process posts all messages of a run so far, and dies before it has noted where."""
    lost = Stream()
    await studio.painter(journal=Forgetful(studio.journal), stream=lost)
    studio.stream, kept = lost, studio.stream
    run = await studio.begin(whole)
    await studio.go_on(run, told)
    await studio.clock.advance(5)
    lost.close()
    await studio.clock.until(studio.painters.pop().close())
    studio.stream = kept
    return run


async def test_killed_between_post_and_note_the_next_process_posts_nothing_twice(studio):
    whole, told = recovered(), up_to(Stage.AWAITING_APPROVAL)
    run = await killed_in_the_middle(studio, whole, told)
    assert keys(studio) == KEYS[:3]
    await studio.painter()
    await studio.go_on(run, whole[len(told) - 1 :])
    await studio.clock.advance(30)
    assert keys(studio) == KEYS
    assert "Recovered in 10.5 s" in studio.texts()[0]


async def test_what_was_meant_to_be_posted_and_was_not_is_posted_once(studio):
    """Killed between the intent and the post."""
    whole = recovered()
    run = await studio.begin(whole)
    await studio.go_on(run, whole)
    for key in KEYS:
        await studio.journal.intend_message(run, key, CHAOS)
    await studio.painter()
    await studio.clock.advance(60)
    assert keys(studio) == KEYS
    assert len(studio.calls("conversations.history")) == 1
    assert len(studio.calls("conversations.replies")) == 3


async def test_where_slack_does_not_let_us_look_nothing_is_posted_twice(studio, caplog):
    whole, told = recovered(), up_to(Stage.AWAITING_APPROVAL)
    run = await killed_in_the_middle(studio, whole, told)
    root = studio.messages()[0]
    await studio.journal.remember_message(run, "root", CHAOS, root.ts)
    studio.sandbox.slack.faults.add(
        Fault(method="conversations.*", error="missing_scope", times=10_000)
    )
    await studio.painter()
    await studio.go_on(run, whole[len(told) - 1 :])
    await studio.clock.advance(130)
    # Live and diagnosis are left as they stand; what came later is painted.
    assert keys(studio) == KEYS
    assert "Recovered" in studio.texts()[0]
    assert "Recovered" in studio.texts()[-1]
    said = [r.getMessage() for r in caplog.records if "missing_scope" in r.getMessage()]
    assert len(said) == 1
    assert f"Run {run}: live may stand already" in said[0]


async def test_a_root_that_may_stand_and_cannot_be_looked_for_is_not_posted_twice(studio):
    whole, told = recovered(), up_to(Stage.AWAITING_APPROVAL)
    run = await killed_in_the_middle(studio, whole, told)
    fault = Fault(method="conversations.history", error="missing_scope", times=1)
    studio.sandbox.slack.faults.add(fault)
    painter = await studio.painter()
    assert await studio.clock.until(painter.appeared(run, 5.0)) == "missing_scope"
    await studio.clock.advance(5)
    assert keys(studio) == KEYS[:3]
    await studio.go_on(run, whole[len(told) - 1 :])
    await studio.clock.advance(120)  # somebody has granted the scope
    assert keys(studio) == KEYS
    assert "Recovered" in studio.texts()[0]


async def test_a_journal_that_takes_no_intent_loses_no_message(studio, caplog):
    await studio.painter(journal=Unwilling(studio.journal))
    await studio.tell(recovered())
    await studio.clock.advance(30)
    assert keys(studio) == KEYS
    assert "that root is to be posted was not noted: the disk is full" in caplog.text


async def test_a_thread_that_says_its_last_word_is_settled_and_left_alone(studio):
    await studio.painter()
    run = await studio.tell(recovered())
    assert await studio.journal.unsettled() == [run]
    await studio.clock.advance(30)
    assert await studio.journal.unsettled() == []
    await studio.clock.until(studio.painters.pop().close())
    calls = len(studio.sandbox.slack.calls)
    await studio.painter()
    await studio.clock.advance(30)
    assert len(studio.sandbox.slack.calls) == calls


async def test_what_ended_while_nobody_painted_is_painted_however_long_ago(studio):
    old = Stream()
    await studio.painter(stream=old)
    whole, told = recovered(), up_to(Stage.DETECTING)
    studio.stream, new = old, studio.stream
    run = await studio.begin(told)
    await studio.go_on(run, told)
    await studio.clock.advance(2)
    old.close()
    await studio.clock.until(studio.painters.pop().close())
    studio.stream = new
    await studio.go_on(run, whole[len(told) - 1 :])
    await studio.clock.advance(86_400)
    await studio.painter()
    await studio.clock.advance(30)
    assert keys(studio) == KEYS
    assert await studio.journal.unsettled() == []


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived"])
async def test_a_channel_that_is_gone_is_tried_at_one_start_and_no_more(studio, code):
    run = await studio.tell(recovered())
    fault = Fault(method="chat.postMessage", error=code, times=10_000)
    studio.sandbox.slack.faults.add(fault)
    for tried in (1, 1):
        painter = await studio.painter()
        await studio.clock.advance(300)
        assert len(studio.calls("chat.postMessage")) == tried
        assert await studio.journal.unsettled() == []
        await studio.clock.until(painter.close())
    assert run == 1


async def test_one_that_may_be_mended_is_tried_at_each_start(studio):
    run = await studio.tell(recovered())
    studio.sandbox.slack.faults.add(
        Fault(method="chat.postMessage", error="not_in_channel", times=1)
    )
    painter = await studio.painter()
    await studio.clock.advance(300)
    assert await studio.journal.unsettled() == [run]
    await studio.clock.until(painter.close())
    await studio.painter()
    await studio.clock.advance(30)
    assert keys(studio) == KEYS


async def test_after_a_start_what_goes_on_is_not_kept_waiting_by_what_is_over(studio):
    quiet = Stream()
    studio.stream, kept = quiet, studio.stream
    for _ in range(12):
        await studio.tell(brief(histories.aborted_before_harm()))
    told = up_to(Stage.DETECTING)
    run = await studio.begin(told)
    await studio.go_on(run, told)
    studio.stream = kept
    for number in range(1, 14):
        for at, key in enumerate(KEYS[:2] if number == run else [*KEYS[:2], "result"]):
            await studio.journal.remember_message(number, key, CHAOS, f"{number}.00000{at}")
    await studio.painter()
    await studio.clock.advance(6)
    asked = [c.arguments["ts"] for c in studio.calls("chat.update")]
    assert [ts.partition(".")[0] for ts in asked[:2]] == [str(run)] * 2


async def test_a_run_that_cannot_be_read_hides_no_other(studio, caplog):
    class Torn(Forgetful):
        async def history(self, run, after=0):
            if run == 1:
                raise JournalError(
                    "Event 3 of run 1 is of a kind that this Chaosbot does not know."
                )
            return await self._journal.history(run, after)

        async def remember_message(self, *where):
            await self._journal.remember_message(*where)

    await studio.tell(recovered())
    await studio.tell(recovered())
    await studio.painter(journal=Torn(studio.journal))
    await studio.clock.advance(30)
    assert {m.metadata["event_payload"]["run"] for m in studio.messages()} == {2}
    assert "Run 1 cannot be taken up: Event 3 of run 1" in caplog.text


async def test_an_event_of_an_unknown_kind_is_passed_over(studio):
    class Dreamt(Happening):
        event: str = "dreamt"

    await studio.painter()
    told = up_to(Stage.DETECTING)
    run = await studio.begin(told)
    await studio.go_on(run, told)
    dreamt = Record.model_construct(
        run=run, seq=len(told) + 1, at=studio.clock.now(), event=Dreamt()
    )
    studio.stream.publish(dreamt)
    await studio.clock.advance(5)
    assert keys(studio) == KEYS[:2]


async def test_while_halted_there_is_no_run_again_and_after_it_there_is(studio):
    painter = await studio.painter()
    studio.halted = Halt(since=studio.clock.now(), by="U0ONLOOKER")
    run = await studio.tell(brief(histories.halted()))
    await studio.clock.advance(30)
    assert "Run again" not in str(studio.messages()[-1].blocks)
    assert await studio.journal.unsettled() == [run]
    studio.halted = None
    painter.look()
    await studio.clock.advance(5)
    assert "Run again" in str(studio.messages()[-1].blocks)
    assert await studio.journal.unsettled() == []


async def test_a_new_process_paints_on_where_the_old_one_stood(studio):
    old = Stream()
    await studio.painter(stream=old)
    whole = recovered()
    told = up_to(Stage.DETECTING)
    studio.stream, new = old, studio.stream
    run = await studio.begin(told)
    await studio.go_on(run, told)
    await studio.clock.advance(2)
    old.close()
    await studio.clock.until(studio.painters.pop().close())
    studio.stream = new
    # While nobody paints, the run goes on.
    await studio.go_on(run, whole[len(told) - 1 :])
    await studio.painter()
    await studio.clock.advance(30)
    assert keys(studio) == KEYS
    assert "Recovered" in studio.texts()[1]
    # What nobody meant to post is not looked for.
    assert not studio.calls("conversations.replies")
    assert await studio.journal.unsettled() == []


async def test_a_deleted_message_is_posted_anew_once(studio):
    await studio.painter()
    recovered()
    told = up_to(Stage.DETECTING)
    run = await studio.begin(told)
    await studio.go_on(run, told)
    await studio.clock.advance(2)
    channel = studio.sandbox.slack.workspace.channels[CHAOS]
    for _ in range(2):
        live = [m for m in studio.messages() if m.metadata["event_payload"]["key"] == "live"]
        for message in live:
            studio.sandbox.slack.workspace.delete(channel, message)
        await studio.clock.advance(6)
    posted = [c.arguments["metadata"] for c in studio.calls("chat.postMessage")]
    assert sum(m["event_payload"]["key"] == "live" for m in posted) == 2


@pytest.mark.parametrize("code", ["channel_not_found", "is_archived", "invalid_auth"])
async def test_what_cannot_mend_itself_is_said_once_and_not_tried_hotly(studio, code, caplog):
    studio.sandbox.slack.faults.add(Fault(method="chat.postMessage", error=code, times=10_000))
    painter = await studio.painter()
    told = up_to(Stage.DETECTING)
    run = await studio.begin(told)
    await studio.go_on(run, told)
    assert await studio.clock.until(painter.appeared(run, 5.0)) == code
    await studio.clock.advance(300)
    assert len(studio.calls("chat.postMessage")) <= 7
    assert [r.levelname for r in caplog.records if code in r.getMessage()] == ["ERROR"]


async def test_invited_in_the_end_the_thread_appears(studio):
    studio.sandbox.slack.faults.add(
        Fault(method="chat.postMessage", error="not_in_channel", times=1)
    )
    painter = await studio.painter()
    told = up_to(Stage.DETECTING)
    run = await studio.begin(told)
    await studio.go_on(run, told)
    await studio.clock.advance(70)
    assert keys(studio) == KEYS[:2]
    assert await studio.clock.until(painter.appeared(run, 5.0)) == ""


async def test_a_content_that_slack_refuses_is_tried_a_few_times_and_then_left(studio):
    await studio.painter()
    whole = brief(histories.aborted())
    run = await studio.begin(whole)
    await studio.go_on(run, whole[:-1])
    await studio.clock.advance(20)
    fault = Fault(method="chat.*", error="invalid_blocks", times=10_000)
    studio.sandbox.slack.faults.add(fault)
    await studio.go_on(run, whole[-2:])
    await studio.clock.advance(600)
    refused = studio.calls("chat.update", "invalid_blocks")
    refused += studio.calls("chat.postMessage", "invalid_blocks")
    assert len(refused) <= 4 * len(KEYS)


async def test_a_content_that_slack_refuses_once_is_painted_soon(studio):
    await studio.painter()
    whole = brief(histories.aborted())
    run = await studio.begin(whole)
    await studio.go_on(run, whole[:-1])
    await studio.clock.advance(20)
    fault = Fault(method="chat.*", error="invalid_blocks", times=3)
    studio.sandbox.slack.faults.add(fault)
    await studio.go_on(run, whole[-2:])
    await studio.clock.advance(30)
    assert "Aborted" in studio.texts()[0]
    assert "Aborted" in studio.texts()[-1]


async def test_close_paints_the_last_state_first(studio):
    painter = await studio.painter()
    whole = brief(histories.aborted())
    run = await studio.begin(whole)
    await studio.go_on(run, whole)
    studio.stream.close()
    await studio.clock.until(painter.close())
    assert "Aborted" in studio.texts()[0]
    assert "Aborted" in studio.texts()[-1]


async def test_close_has_a_limit_when_slack_is_away(studio, caplog):
    studio.sandbox.slack.faults.add(Fault(method="*", status=500, times=10_000))
    painter = await studio.painter()
    run = await studio.tell(brief(histories.aborted()))
    studio.stream.close()
    began = studio.clock.monotonic()
    await studio.clock.until(painter.close(8.0))
    assert studio.clock.monotonic() - began <= 10
    assert f"The messages of runs [{run}] are not up to date." in caplog.text


async def test_a_node_that_was_kept_down_comes_back_in_the_same_thread(studio):
    await studio.painter()
    whole = brief(histories.kept_down_then_restored())
    told = brief(histories.kept_down())
    run = await studio.begin(whole)
    await studio.go_on(run, told)
    await studio.clock.advance(600)
    assert "kept down" in studio.texts()[0]
    await studio.go_on(run, whole[len(told) - 1 :])
    await studio.clock.advance(10)
    assert keys(studio) == KEYS
    assert "Recovered" in studio.texts()[0]


async def test_a_run_from_elsewhere_appears_only_where_a_channel_is_set(studio):
    await studio.painter()
    run = await studio.begin(recovered(), channel=None)
    await studio.go_on(run, recovered()[:9])
    await studio.clock.advance(5)
    assert studio.messages() == []


async def test_a_run_from_elsewhere_is_painted_into_the_set_channel(studio):
    await studio.painter(channel=CHAOS)
    await studio.begin(recovered(), channel=None)
    await studio.clock.advance(5)
    assert keys(studio) == KEYS[:2]

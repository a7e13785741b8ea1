"""What stands in a thread, as a function of the history alone."""

import itertools
import json

import pytest

from bot.domain.experiment import Stage
from bot.domain.fold import fold
from bot.sandbox.limits import check_message
from bot.slack.buttons import Action
from bot.slack.thread import Key
from tests import histories
from tests.slack.rendering import APPROVERS, MOMENTS, THREADS, rendered, standing


def shown(desired):
    return json.dumps(desired.blocks, ensure_ascii=False)


def buttons(desired):
    return {
        element["action_id"]: element
        for block in desired.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }


@pytest.mark.parametrize("name", MOMENTS)
def test_the_thread_reads_as_it_was_reviewed(name):
    """After a change of words: `python -m tests.slack.rendering`, and read the difference."""
    reviewed = (THREADS / f"{name}.txt").read_text(encoding="utf-8")
    assert rendered(MOMENTS[name]()) == reviewed


@pytest.mark.parametrize("name", ["not_detected", "kept_down_then_restored", "not_steady"])
def test_at_every_other_record_slack_would_take_every_message(name):
    records = MOMENTS[name]()
    for end in range(1, len(records) + 1, 2):
        for desired in standing(records[:end]).values():
            assert desired.text
            check_message(desired.text, list(desired.blocks), update=True)


def test_the_root_changes_a_handful_of_times_in_a_whole_run():
    records = histories.recovered()
    roots = [standing(records[:end])[Key.ROOT] for end in range(1, len(records) + 1)]
    changes = sum(a.essence != b.essence for a, b in itertools.pairwise(roots))
    assert changes <= 8


def test_a_second_less_is_a_tick_and_no_change():
    records = histories.until(histories.recovered(), Stage.DETECTING)
    now, later = standing(records, 1)[Key.LIVE], standing(records, 2)[Key.LIVE]
    assert now != later
    assert now.essence == later.essence


def test_approve_and_keep_down_are_there_only_while_somebody_has_to_decide():
    records = histories.recovered()
    choice = {Action.APPROVE, Action.KEEP_DOWN}
    for end in range(1, len(records) + 1):
        desired = standing(records[:end]).get(Key.DIAGNOSIS)
        if desired is None:
            continue
        report = fold(records[:end])
        asked = report.stage is Stage.AWAITING_APPROVAL and report.approval is None
        assert (choice <= set(buttons(desired))) is asked
        assert Action.EVIDENCE in buttons(desired)


def test_every_button_carries_the_run_and_the_dangerous_ones_ask_first():
    seen = {}
    for made in MOMENTS.values():
        for desired in standing(made()).values():
            seen |= buttons(desired)
    elsewhere = {Action.RUN, Action.DRY_RUN, Action.HALT, Action.RESUME}
    assert set(seen) == set(Action) - elsewhere
    assert {b["value"] for b in seen.values()} == {"17"}
    harmless = {Action.EVIDENCE, Action.REPORT, Action.AGAIN}  # a dialog of ours asks
    assert {a for a, b in seen.items() if "confirm" not in b} == harmless
    assert seen[Action.APPROVE]["style"] == "primary"
    assert seen[Action.ABORT]["style"] == "danger"


def test_who_decided_stays_when_the_buttons_are_gone():
    assert "approved by <@U0APPROVE>, 41.0 s" in shown(
        standing(histories.recovered())[Key.DIAGNOSIS]
    )
    assert "Nobody decided" in shown(standing(histories.expired())[Key.DIAGNOSIS])


def test_the_loudest_ending_names_node_command_and_people_in_root_and_result():
    loud = standing(histories.not_recovered())
    for key in (Key.ROOT, Key.RESULT):
        first = loud[key].blocks[0]["text"]["text"]
        assert first.startswith("✗ *Not recovered: tikv-1 (store 4) is still down.*")
        assert f"`{histories.MEND}`" in first
        for user in ("U024BE7LH", *APPROVERS):
            assert f"<@{user}>" in first
    assert Action.RESTORE in buttons(loud[Key.RESULT])


def test_a_kept_down_node_says_how_it_comes_back():
    result = standing(histories.kept_down())[Key.RESULT]
    assert "`/chaos restore 17`" in shown(result)
    assert Action.RESTORE in buttons(result)
    later = standing(histories.kept_down_then_restored())[Key.RESULT]
    assert Action.RESTORE not in buttons(later)


def test_who_diagnosed_and_why_is_said():
    assert "by the rules, because no Claude key is set" in rendered(MOMENTS["awaiting_by_rules"]())
    assert "by Claude" in rendered(MOMENTS["awaiting_by_claude"]())


def test_nobody_is_mentioned_who_started_a_run_elsewhere():
    records = histories.started(by="terminal").records
    root = standing(records)[Key.ROOT]
    assert "<@" not in shown(root)
    assert "started by terminal" in shown(root)

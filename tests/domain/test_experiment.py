"""The one table of transitions, and who may decide."""

from __future__ import annotations

import pytest

from bot.domain import events as e
from bot.domain.approval import Policy, Voter
from bot.domain.errors import NotAllowed
from bot.domain.experiment import PERMITTED, Signal, Stage
from tests import histories


def test_every_stage_is_in_the_table_and_can_be_reached() -> None:
    assert set(PERMITTED) == {None, *Stage}
    assert set().union(*PERMITTED.values()) == set(Stage)


def test_every_stage_can_come_to_an_end() -> None:
    ends = {Stage.FINISHED}
    while more := {s for s, after in PERMITTED.items() if s and after & ends} - ends:
        ends |= more
    assert ends == set(Stage)


def test_once_harm_may_be_done_the_way_out_leads_through_the_restore() -> None:
    for stage in (Stage.DETECTING, Stage.DIAGNOSING):
        assert Stage.RESTORING in PERMITTED[stage]
        assert Stage.FINISHED not in PERMITTED[stage]


def test_nothing_is_restored_before_it_is_harmed() -> None:
    for stage in (None, Stage.CHECKING, Stage.LOADING):
        assert Stage.RESTORING not in PERMITTED[stage]


@pytest.mark.parametrize("name", sorted(histories.RUNS))
def test_the_histories_of_these_tests_keep_to_the_table(name: str) -> None:
    before: Stage | None = None
    for record in histories.RUNS[name]():
        match record.event:
            case e.StageEntered(stage=stage):
                assert stage in PERMITTED[before]
                before = stage
            case e.RunFinished():
                assert Stage.FINISHED in PERMITTED[before]
                before = Stage.FINISHED
    assert before is Stage.FINISHED


def test_every_signal_has_words() -> None:
    assert len({s.words for s in Signal}) == len(Signal)


def test_without_a_list_everybody_may_decide() -> None:
    Policy().allow(Voter(user="U1"))


def test_with_a_list_only_those_on_it() -> None:
    policy = Policy(approvers=frozenset({"U2", "U1"}))
    policy.allow(Voter(user="U1"))
    with pytest.raises(NotAllowed) as wrong:
        policy.allow(Voter(user="U3"))
    assert wrong.value.whole == "U3 may not decide this. U1, U2 may."

"""The signals that PD shows, by comparing two looks."""

from __future__ import annotations

import pytest

from bot.domain.cluster import Member, Store, StoreState, View
from bot.domain.experiment import Signal
from bot.domain.fault import Fault
from bot.domain.signals import expected, shown
from tests.domain.views import members, node, store, view
from tests.histories import START

TARGET = node("tikv-1")


def leading(leaders: int, state: StoreState = StoreState.UP) -> Store:
    return store(4, state).model_copy(update={"leaders": leaders})


def looks(leaders: int, state: StoreState = StoreState.UP) -> View:
    return view(stores=(leading(leaders, state), store(5), store(6)))


BEFORE = looks(2)


@pytest.mark.parametrize(
    ("before", "loaded", "without"),
    [
        (BEFORE, True, set()),
        (BEFORE, False, {Signal.CLIENT_IMPACT}),
        (looks(0), True, {Signal.CLIENT_IMPACT, Signal.LEADERS_MOVED}),
        (View(at=START), True, {Signal.CLIENT_IMPACT, Signal.LEADERS_MOVED}),
    ],
)
def test_expected_of_a_store(before: View, *, loaded: bool, without: set[Signal]) -> None:
    signals = expected(TARGET, before, loaded=loaded)
    others = {Signal.PD_MEMBER_LOST, Signal.NODE_PAUSED, Signal.NODE_CUT_OFF}
    assert set(signals) == set(Signal) - others - without


def test_expected_of_a_pd() -> None:
    signals = expected(node("pd-1"), BEFORE, loaded=True)
    assert set(signals) == {Signal.NODE_EXIT, Signal.PD_MEMBER_LOST, Signal.TICKET_OPENED}


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        (BEFORE, set()),
        (looks(1), set()),
        (looks(0), {Signal.LEADERS_MOVED}),
        (looks(2, StoreState.DISCONNECTED), {Signal.PD_DISCONNECTED}),
        (looks(0, StoreState.DOWN), {Signal.LEADERS_MOVED, Signal.PD_DISCONNECTED}),
        (view(stores=None), set()),
        (view(stores=(store(5), store(6))), set()),
    ],
)
def test_shown_of_a_store_in_whatever_order(now: View, seen: set[Signal]) -> None:
    assert set(shown(TARGET, BEFORE, now, settled=True)) == seen


def test_a_fresh_pd_leader_is_not_believed_about_stores() -> None:
    now = looks(2, StoreState.DISCONNECTED)
    assert shown(TARGET, BEFORE, now, settled=False) == {}


def test_a_store_that_never_led_moves_no_leaders() -> None:
    assert shown(TARGET, looks(0), looks(0), settled=True) == {}


def test_a_pd_member_that_is_lost() -> None:
    now = view(members=members("pd-1"))
    assert shown(node("pd-1"), BEFORE, now, settled=False) == {Signal.PD_MEMBER_LOST: "member pd-1"}
    assert shown(node("pd-2"), BEFORE, now, settled=False) == {}
    assert shown(node("pd-1"), BEFORE, view(members=None), settled=True) == {}


@pytest.mark.parametrize(
    ("fault", "name", "wanted"),
    [
        (
            Fault.STOP,
            "tikv-1",
            [Signal.NODE_EXIT, Signal.LEADERS_MOVED, Signal.PD_DISCONNECTED, Signal.TICKET_OPENED],
        ),
        (Fault.RESTART, "tikv-1", [Signal.NODE_EXIT]),
        (Fault.RESTART, "pd-1", [Signal.NODE_EXIT]),
        (Fault.PAUSE, "pd-1", [Signal.NODE_PAUSED, Signal.PD_MEMBER_LOST, Signal.TICKET_OPENED]),
        (
            Fault.PARTITION,
            "tikv-1",
            [
                Signal.NODE_CUT_OFF,
                Signal.CLIENT_IMPACT,
                Signal.LEADERS_MOVED,
                Signal.PD_DISCONNECTED,
                Signal.TICKET_OPENED,
            ],
        ),
    ],
)
def test_what_is_expected_depends_on_the_fault(fault, name, wanted) -> None:
    assert list(expected(node(name), BEFORE, loaded=True, fault=fault)) == wanted


def test_a_member_is_known_by_its_own_name() -> None:
    renamed = node("pd-1").model_copy(update={"member": "main"})
    away = (Member(name="main"), Member(name="pd-2", healthy=True))
    seen = shown(renamed, BEFORE, view(members=away), settled=True)
    assert seen == {Signal.PD_MEMBER_LOST: "member main"}

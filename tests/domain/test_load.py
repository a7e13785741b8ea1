"""The stall of the recorded store kill, found from go-ycsb's own counters."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.load import LoadSample, baseline, first_stall
from tests.histories import START

RECORDED = Path(__file__).parent.parent / "data" / "load" / "store-kill.json"


def sample(t: float, ops: float, interval: float = 1.0, errors: int = 0) -> LoadSample:
    return LoadSample(at=START + timedelta(seconds=t), interval=interval, ops=ops, errors=errors)


def samples(*rates: float, first: float = 1.0) -> list[LoadSample]:
    return [sample(first + i, ops) for i, ops in enumerate(rates)]


def seconds(*rates: float, first: float = 1.0) -> tuple[float, float | None] | None:
    """When the stall began and ended, in seconds since the fault, at a baseline of 1,000."""
    stall = first_stall(samples(*rates, first=first), 1000.0, START)
    if stall is None:
        return None
    ended = (stall.ended_at - START).total_seconds() if stall.ended_at else None
    return (stall.began_at - START).total_seconds(), ended


@pytest.fixture(scope="module")
def recorded() -> list[LoadSample]:
    rows = json.loads(RECORDED.read_text())["rows"]
    pairs = pairwise(rows)
    return [
        sample(t, (count - count0) / (t - t0), round(t - t0, 3), errors - errors0)
        for (t0, count0, errors0), (t, count, errors) in pairs
    ]


def test_the_recorded_kill(recorded: list[LoadSample]) -> None:
    before = [s for s in recorded if s.at < START]
    base = baseline(before)
    assert base == pytest.approx(1050, abs=60)
    stall = first_stall(recorded, base, START)
    assert stall is not None
    assert stall.ended_at is not None
    assert (stall.began_at - START).total_seconds() == pytest.approx(0.3, abs=0.1)
    assert (stall.ended_at - START).total_seconds() == pytest.approx(18.9, abs=0.2)
    assert stall.seconds == pytest.approx(18.6, abs=0.3)


def test_while_it_lasts_it_has_no_end(recorded: list[LoadSample]) -> None:
    now = START + timedelta(seconds=10)
    stall = first_stall([s for s in recorded if s.at <= now], 1050, START)
    assert stall is not None
    assert (stall.ended_at, stall.seconds) == (None, None)


def test_the_trickle_of_conflicts_before_the_fault_is_no_stall(recorded: list[LoadSample]) -> None:
    before = [s for s in recorded if s.at < START]
    assert sum(s.errors for s in before) > 0
    assert first_stall(before, baseline(before), START - timedelta(seconds=20)) is None


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((1000, 1000, 1000), None),
        ((1000, 501, 1000), None),
        ((1000, 0, 0, 1000), (1.0, 3.0)),
        ((0, 0, 1000), (0.0, 2.0)),
        ((300, 0, 1000), (0.3, 2.0)),
        ((300, 0, 700), (0.3, 2.3)),
        ((1000, 0, 400, 1000), (1.0, 2.6)),
        ((1000, 0, 0), (1.0, None)),
        ((0, 1000, 0, 0, 0), (0.0, 1.0)),
        ((2000, 0, 3000), (1.0, 2.0)),
    ],
)
def test_stalls(rates: tuple[float, ...], expected: tuple[float, float | None] | None) -> None:
    found = seconds(*rates)
    assert found == (expected and pytest.approx(expected))


def test_a_stall_before_the_fault_is_not_its_doing() -> None:
    assert seconds(0, 0, 1000, 1000, first=-3.0) is None


def test_a_stall_never_begins_before_the_fault() -> None:
    assert seconds(0, 0, 1000, first=0.5) == pytest.approx((0.0, 1.5))


@pytest.mark.parametrize("base", [None, 0.0])
def test_without_a_baseline_there_is_no_stall(base: float | None) -> None:
    assert first_stall(samples(0, 0, 0), base, START) is None


@given(st.lists(st.floats(min_value=0, max_value=5000), max_size=30))
def test_a_stall_is_no_longer_than_the_time_since_the_fault(rates: list[float]) -> None:
    stall = first_stall(samples(*rates), 1000.0, START)
    if stall is not None and stall.seconds is not None:
        assert 0 <= stall.seconds <= len(rates)
        assert stall.began_at >= START


@pytest.mark.parametrize(
    ("rates", "ops"),
    [
        ((), None),
        ((0.0, 0.0), None),
        ((500.0,), 500.0),
        ((10.0, 1000.0), 1000.0),
        ((10.0, 1000.0, 1200.0, 20.0), 1000.0),
    ],
)
def test_baseline(rates: tuple[float, ...], ops: float | None) -> None:
    assert baseline(samples(*rates)) == ops

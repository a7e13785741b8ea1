"""A report is the fold of its history, at every moment of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from bot.domain import events as e
from bot.domain.events import EVENT, Record
from bot.domain.experiment import Outcome, Signal, Stage
from bot.domain.fold import advance, fold
from bot.domain.hypothesis import Verdict
from bot.domain.model import iso
from bot.domain.report import Report, schema
from tests import histories

names = st.sampled_from(sorted(histories.RUNS))
VALIDATOR = Draft202012Validator(schema())


@cache
def history(name: str) -> list[Record]:
    return histories.RUNS[name]()


@st.composite
def cuts(draw: st.DrawFn) -> tuple[list[Record], int]:
    records = history(draw(names))
    return records, draw(st.integers(1, len(records)))


@given(cuts())
def test_folding_goes_on_where_it_stopped(cut: tuple[list[Record], int]) -> None:
    records, at = cut
    report = fold(records[:at])
    for record in records[at:]:
        report = advance(report, record)
    assert report == fold(records)


@given(cuts())
def test_a_report_is_printed_and_read_back_unchanged(cut: tuple[list[Record], int]) -> None:
    records, at = cut
    report = fold(records[:at])
    assert Report.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("name", sorted(histories.RUNS))
def test_every_moment_fits_the_schema(name: str) -> None:
    report = None
    for record in history(name):
        report = advance(report, record)
        if not isinstance(record.event, e.LoadSampled):  # all alike, and most of a history
            VALIDATOR.validate(report.model_dump(mode="json"))


@pytest.mark.parametrize("name", sorted(histories.RUNS))
def test_every_record_is_written_and_read_back_unchanged(name: str) -> None:
    for record in history(name):
        assert EVENT.validate_json(EVENT.dump_json(record.event)) == record.event
        assert Record.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("name", sorted(histories.RUNS))
def test_one_stage_lasts_at_a_time(name: str) -> None:
    for at in range(1, len(history(name)) + 1):
        stages = fold(history(name)[:at]).stages
        assert all(s.seconds is not None for s in stages[:-1])


def test_the_schema_is_a_schema_and_demands_what_the_design_shows() -> None:
    Draft202012Validator.check_schema(schema())
    assert {"run", "outcome", "stages", "signals", "diagnosis", "recovery", "timeline"} <= set(
        schema()["required"]
    )


def test_the_numbers_of_a_whole_run() -> None:
    report = fold(history("recovered"))
    assert report.outcome is Outcome.RECOVERED
    assert report.finished
    assert not report.broken
    assert report.node_label == "tikv-1 (store 4)"
    assert [s.stage for s in report.stages] == [s for s in Stage if s is not Stage.FINISHED]
    assert sum(s.seconds or 0 for s in report.stages) == pytest.approx(report.seconds, abs=0.1)
    assert [s.signal for s in report.signals] == [
        Signal.NODE_EXIT,
        Signal.CLIENT_IMPACT,
        Signal.PD_DISCONNECTED,
        Signal.TICKET_OPENED,
        Signal.LEADERS_MOVED,
    ]
    assert report.detected is True
    hypothesis = report.hypothesis
    assert (hypothesis.before, hypothesis.during, hypothesis.after) == (
        Verdict.HELD,
        Verdict.DEVIATED,
        Verdict.HELD,
    )
    assert report.load is not None
    assert report.load.baseline_ops == histories.BASELINE
    assert report.load.lowest_ops == 0
    assert report.load.stall_seconds == pytest.approx(19, abs=0.3)
    assert report.load.errors > 0
    assert report.recovery is not None
    assert report.recovery.throughput_ratio == 0.98
    assert report.ticket is not None
    assert report.diagnosis is not None
    assert report.diagnosis.evidence == report.evidence
    assert report.diagnosis.grade is not None


def test_a_kept_down_run_goes_on() -> None:
    kept = fold(history("kept_down"))
    assert kept.finished
    assert kept.broken
    gone_on = fold(histories.until(history("kept_down_then_restored"), Stage.RESTORING))
    assert (gone_on.outcome, gone_on.finished_at, gone_on.seconds) == (None, None, None)
    assert not gone_on.finished
    back = fold(history("kept_down_then_restored"))
    assert back.outcome is Outcome.RECOVERED
    assert not back.broken


def test_a_failed_rollback_stays_broken_with_its_remedy_until_it_is_put_right() -> None:
    records = history("not_recovered")
    report = fold(records)
    assert report.broken
    assert report.mend == histories.MEND
    back = e.FaultRolledBack(took=1, what="Started tikv-1")
    last = records[-1]
    mended = advance(report, Record(run=17, seq=last.seq + 1, at=last.at, event=back))
    assert (mended.mend, mended.broken) == (None, False)


def test_what_was_never_planned_is_not_broken() -> None:
    assert not fold(history("refused")).broken
    assert not fold(history("aborted_before_harm")).broken


def test_an_unknown_probe_makes_the_hypothesis_unknown() -> None:
    assert fold(history("refused_unknown")).hypothesis.before is Verdict.UNKNOWN


def test_nothing_folds_to_nothing() -> None:
    with pytest.raises(ValueError, match="empty history"):
        fold([])
    with pytest.raises(ValueError, match="begins with stage_entered"):
        fold(history("recovered")[1:])


def test_events_out_of_place_hurt_no_fold() -> None:
    tape = histories.started().load(5).add(e.BaselineTaken(ops=5))
    assert fold(tape.records).load is None


@given(cuts())
def test_every_line_of_the_timeline_is_one_line(cut: tuple[list[Record], int]) -> None:
    records, at = cut
    for moment in fold(records[:at]).timeline:
        assert moment.text.strip()
        assert "\n" not in moment.text


def test_times_are_utc_to_the_millisecond_whatever_zone_they_came_in() -> None:
    tokyo = datetime(2026, 11, 22, 21, 33, 30, 102999, tzinfo=timezone(timedelta(hours=9)))
    record = Record(run=1, seq=1, at=tokyo, event=e.Noted(note="x"))
    assert record.at == datetime(2026, 11, 22, 12, 33, 30, 102000, tzinfo=UTC)
    assert record.model_dump(mode="json")["at"] == iso(tokyo) == "2026-11-22T12:33:30.102Z"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValidationError):
        Record(run=1, seq=1, at=datetime(2026, 11, 22), event=e.Noted(note="x"))  # noqa: DTZ001 - the point

"""The story: what a reader has to be told when one report becomes the next. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.experiment import Stage
from bot.domain.narrative import Alarm, abort_sentence, alarm, vote_sentences
from bot.domain.progress import SignalLine, StageLine, signal_lines, stage_lines
from bot.domain.report import DiagnosisReport, Report


@dataclass(frozen=True)
class Opening:
    """A run begins."""

    report: Report


@dataclass(frozen=True)
class Entered:
    """A stage begins."""

    stage: StageLine


@dataclass(frozen=True)
class Left:
    """A stage is over."""

    stage: StageLine


@dataclass(frozen=True)
class Seen:
    """A signal lit up."""

    signal: SignalLine


@dataclass(frozen=True)
class Diagnosed:
    """There is a diagnosis, with its grade if it was graded."""

    diagnosis: DiagnosisReport


@dataclass(frozen=True)
class Said:
    """Something a reader should know; `loud` for what changes the course of the run."""

    words: str
    loud: bool = False


@dataclass(frozen=True)
class Alarmed:
    """The node could not be put right."""

    alarm: Alarm


@dataclass(frozen=True)
class Finished:
    """The run is over."""

    report: Report


Item = Opening | Entered | Left | Seen | Diagnosed | Said | Alarmed | Finished


def told(before: Report | None, after: Report, now: datetime) -> list[Item]:
    """What is new in `after`, in the order in which it is to be told."""
    items: list[Item] = [Opening(after)] if before is None else []
    items += _said(before, after)
    known = {s.signal for s in before.signals} if before else set()
    items += [
        Seen(s) for s in signal_lines(after) if s.seconds is not None and s.signal not in known
    ]
    if after.diagnosis and _settled(after) and not (before and _settled(before)):
        items.append(Diagnosed(after.diagnosis))
    items += _stages(before, after, now)
    if after.mend and not (before and before.mend) and (loud := alarm(after)):
        items.append(Alarmed(loud))
    if after.outcome and not (before and before.outcome):
        items.append(Finished(after))
    return items


def _said(before: Report | None, after: Report) -> list[Item]:
    items: list[Item] = []
    if after.load and not (before and before.load):
        items.append(Said(f"Load: {after.load.described}"))
    if len(after.votes) > (len(before.votes) if before else 0) and after.policy.needed > 1:
        items += [Said(f"{vote}.") for vote in vote_sentences(after)]
    aborted = abort_sentence(after)
    if aborted and not (before and before.aborted_by):
        restoring = f" {after.node_label} is being restored." if after.broken else ""
        items.append(Said(f"{aborted}{restoring}", loud=True))
    notes = after.notes[len(before.notes) if before else 0 :]
    return items + [Said(note) for note in notes]


def _stages(before: Report | None, after: Report, now: datetime) -> list[Item]:
    lines = {line.stage: line for line in stage_lines(after, now)}
    entered = [s.stage for s in after.stages[len(before.stages) if before else 0 :]]
    if after.outcome and not (before and before.outcome):
        entered.append(Stage.FINISHED)
    items: list[Item] = []
    last = before.stage if before else None
    for stage in entered:
        if last in lines:
            items.append(Left(lines[last]))
        if stage in lines:
            items.append(Entered(lines[stage]))
        last = stage
    return items


def _settled(report: Report) -> bool:
    """Whether the diagnosis is whole: graded, or the run went on without a grade."""
    if report.diagnosis is None:
        return False
    return report.diagnosis.grade is not None or report.stage is not Stage.DIAGNOSING

"""The live message: stages, countdown, signals and throughput, edited all through a run."""

from __future__ import annotations

from datetime import datetime

from slack_sdk.models.blocks import Block

from bot.domain.experiment import Stage
from bot.domain.narrative import abort_sentence
from bot.domain.progress import (
    Glyph,
    SignalLine,
    StageLine,
    signal_lines,
    stage_lines,
    throughput_line,
)
from bot.domain.report import Report
from bot.slack import blocks, buttons
from bot.slack.mrkdwn import Markup, bold, code, cut, join, line, lines, said

_INDENT = "\N{NO-BREAK SPACE}" * 4
_DETAIL = 400  # characters of one detail
_STOPPABLE = frozenset(
    {
        Stage.CHECKING,
        Stage.LOADING,
        Stage.INJECTING,
        Stage.DETECTING,
        Stage.DIAGNOSING,
        Stage.AWAITING_APPROVAL,
    }
)


def live_blocks(report: Report, now: datetime) -> list[Block]:
    """The blocks of the live message."""
    made: list[Block] = [blocks.section(lines(*_stages(report, now)))]
    below = [] if report.finished else [_throughput(report)]
    if aborted := abort_sentence(report):
        below.append(cut(said(aborted), _DETAIL))
    below += [cut(line(note), _DETAIL) for note in report.notes[-5:]]
    if small := lines(*below):
        made.append(blocks.context(small))
    if stoppable(report):
        made.append(blocks.actions(buttons.abort(report)))
    return made


def stoppable(report: Report) -> bool:
    """Whether an abort would still change something."""
    return report.stage in _STOPPABLE and report.aborted_by is None and report.approval is None


def moment(report: Report) -> str:
    """All of the live message that is no tick: it changes when something happens."""
    happened = (
        report.stage,
        len(report.stages),
        report.signals,
        report.missing_signals,
        report.fault.node,
        report.aborted_by,
        report.approval,
        report.votes,
        report.mend,
        report.outcome,
        report.notes,
        report.load is not None and report.load.baseline_ops,
        report.diagnosis is not None,
    )
    return repr(happened)


def _stages(report: Report, now: datetime) -> list[Markup]:
    told: list[Markup] = []
    ahead: list[Markup] = []
    for stage in stage_lines(report, now):
        if stage.glyph in {Glyph.AHEAD, Glyph.SKIPPED} and stage.seconds is None:
            if stage.glyph is Glyph.AHEAD:
                ahead.append(Markup(f"{stage.glyph} {stage.name}"))
            continue
        told.append(_stage(stage))
        if stage.stage is Stage.DETECTING:
            told += _signals(signal_lines(report))
    return [*told, join("   ", ahead)]


def _stage(stage: StageLine) -> Markup:
    first = join(" ", (Markup(stage.glyph), bold(stage.name), Markup(stage.time)))
    return join(" · ", (first, cut(said(stage.detail), _DETAIL)))


def _signals(signals: tuple[SignalLine, ...]) -> list[Markup]:
    told = []
    for signal in signals:
        if signal.seconds is not None:
            first = join(" ", (Markup(f"{signal.glyph} {signal.words}"), bold(signal.time)))
            told.append(join(" · ", (first, cut(line(signal.detail), _DETAIL))))
    for glyph, words in ((Glyph.WAITING, "waiting for"), (Glyph.FAILED, "not noticed:")):
        rest = [Markup(s.words) for s in signals if s.seconds is None and s.glyph is glyph]
        if rest:
            told.append(Markup(f"{glyph} {words} {join(' · ', rest)}"))
    return [Markup(_INDENT + one) for one in told]


def _throughput(report: Report) -> Markup:
    now = throughput_line(report)
    return Markup(f"{code(now[0])} {line(now[1])}") if now else Markup("")

"""Progress: a run's stages, signals and throughput as lines, for every view. Pure functions.

A glyph never stands without its word; no view's markup is in a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from statistics import fmean

from bot.domain.approval import DEADLINE, Decision
from bot.domain.cluster import Role
from bot.domain.experiment import Outcome, Signal, Stage
from bot.domain.fault import Fault
from bot.domain.narrative import deciders, remaining, tally
from bot.domain.report import Report
from bot.domain.sentence import Sentence, exact, rough, sentence
from bot.domain.signals import awaited

NOTHING = Sentence(())
_BLOCKS = "▁▂▃▄▅▆▇█"


class Glyph(StrEnum):
    """How something stands, as one character."""

    DONE = "✓"
    NOW = "◔"
    AHEAD = "○"
    FAILED = "✗"
    SKIPPED = "–"  # noqa: RUF001 - it is meant
    WAITING = "…"


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """A stage: `seconds` it took, or `left` of the `whole` seconds that it may take."""

    stage: Stage
    glyph: Glyph
    name: str
    seconds: float | None = None
    left: float | None = None
    whole: float | None = None
    detail: Sentence = NOTHING

    @property
    def time(self) -> str:
        """The time that belongs to it: "0.2 s", "17 s left of 30 s", or ""."""
        if self.left is not None and self.whole is not None:
            return f"{rough(self.left)} left of {rough(self.whole)}"
        return "" if self.seconds is None else exact(self.seconds)


@dataclass(frozen=True, kw_only=True)
class SignalLine:
    """A signal that was seen `seconds` after the injection, or is waited for, or was missed."""

    signal: Signal
    glyph: Glyph
    words: str
    seconds: float | None = None
    detail: str = ""

    @property
    def time(self) -> str:
        """The time since the injection, with its sign: "+0.07 s", or ""."""
        return "" if self.seconds is None else f"+{exact(self.seconds)}"


@dataclass(frozen=True, kw_only=True)
class ChartPart:
    """A piece of the throughput's course, and in words what happened where it begins."""

    words: str
    blocks: str


def stage_lines(report: Report, now: datetime) -> tuple[StageLine, ...]:
    """All stages of a run, in their order: done, current, ahead, or never reached."""
    entered = {time.stage: time for time in report.stages}
    order = [stage for stage in Stage if stage is not Stage.FINISHED]
    reached = order.index(report.stage) if report.stage in order else len(order)
    lines = []
    for place, stage in enumerate(order):
        time = entered.get(stage)
        if time is None:
            glyph = Glyph.AHEAD if place > reached else Glyph.SKIPPED
            lines.append(StageLine(stage=stage, glyph=glyph, name=_name(stage)))
            continue
        current = stage is report.stage
        glyph = Glyph.NOW if current else Glyph.DONE
        left = remaining(report, now) if current else None
        whole = (time.deadline - time.started_at).total_seconds() if time.deadline else None
        lines.append(
            StageLine(
                stage=stage,
                glyph=Glyph.FAILED if _went_wrong(report, stage) else glyph,
                name=_name(stage),
                seconds=time.seconds,
                left=left,
                whole=whole if current else None,
                detail=_detail(report, stage) or _why_stopped(report, stage),
            )
        )
    return tuple(lines)


def signal_lines(report: Report) -> tuple[SignalLine, ...]:
    """The signals that were seen, by their time, then those that are waited for or were missed."""
    seen = [
        SignalLine(
            signal=s.signal,
            glyph=Glyph.DONE,
            words=s.signal.words,
            seconds=s.seconds,
            detail=s.detail,
        )
        for s in sorted(report.signals, key=lambda s: s.seconds)
    ]
    if report.fault.injected_at is None:
        return ()
    over = report.stage is not Stage.DETECTING
    others = report.missing_signals if over else _awaited(report)
    glyph = Glyph.FAILED if over else Glyph.WAITING
    missing = [
        SignalLine(signal=s, glyph=glyph, words=s.words) for s in others if report.signal(s) is None
    ]
    return (*seen, *missing)


def throughput_line(report: Report) -> tuple[str, str] | None:
    """What clients get now: a block and words, ("▁", "0 of 1,020 ops/s"); None without load."""
    if report.load is None or not report.load.samples:
        return None
    now, baseline = report.load.samples[-1].ops, report.load.baseline_ops
    if not baseline:
        return _BLOCKS[-1], f"{now:,.0f} ops/s"
    return spark([now], baseline), f"{now:,.0f} of {baseline:,.0f} ops/s"


def spark(values: Sequence[float], top: float) -> str:
    """Values as blocks of a height; `top` is the height of a full one."""
    last = len(_BLOCKS) - 1
    shares = (value / top if top > 0 else 0.0 for value in values)
    return "".join(_BLOCKS[max(0, min(last, round(share * last)))] for share in shares)


def chart(report: Report, width: int = 36) -> tuple[ChartPart, ...]:
    """The throughput over the whole run, cut where the fault came and where it went."""
    if report.load is None or not report.load.samples:
        return ()
    samples, fault = report.load.samples, report.fault
    top = max(report.load.baseline_ops or 0.0, *(s.ops for s in samples), 1.0)
    edges = [("before", None), ("injected", fault.injected_at), ("restored", fault.rolled_back_at)]
    parts = []
    for place, (words, begins) in enumerate(edges):
        if place and begins is None:
            continue
        ends = next((at for _, at in edges[place + 1 :] if at), None)
        within = [
            s.ops
            for s in samples
            if (begins is None or s.at > begins) and (ends is None or s.at <= ends)
        ]
        share = max(1, round(width * len(within) / len(samples)))
        if within:
            parts.append(ChartPart(words=words, blocks=spark(_squeezed(within, share), top)))
    return tuple(parts)


def _awaited(report: Report) -> tuple[Signal, ...]:
    role = Role.PD if report.fault.role == Role.PD.value else Role.TIKV
    return awaited(Fault(report.fault.kind), role, leads=True, loaded=report.load is not None)


def _name(stage: Stage) -> str:
    return "Approval" if stage is Stage.AWAITING_APPROVAL else stage.value.capitalize()


def _went_wrong(report: Report, stage: Stage) -> bool:
    match stage:
        case Stage.DETECTING if report.detected is False or report.missing_signals:
            return True
        case Stage.RESTORING if report.mend:
            return True
        case Stage.VERIFYING if report.recovery and not report.recovery.verified:
            return True
        case _:
            pass
    undoing = {Stage.RESTORING, Stage.VERIFYING, Stage.FINISHED}
    forward = [time.stage for time in report.stages if time.stage not in undoing]
    stopped = report.outcome in {Outcome.REFUSED, Outcome.FAILED} or report.aborted_by is not None
    return stopped and bool(forward) and forward[-1] is stage is not report.stage


def _detail(report: Report, stage: Stage) -> Sentence:  # noqa: C901, PLR0911 - one case a stage
    match stage:
        case Stage.CHECKING:
            return sentence(_checked(report))
        case Stage.LOADING if report.load:
            base = report.load.baseline_ops
            taken = f"{base:,.0f} ops/s baseline" if base else report.load.described
            return sentence(taken)
        case Stage.INJECTING if report.injection:
            return sentence(report.injection.text)
        case Stage.DETECTING if report.detected is not None:
            missing = ", ".join(s.words for s in report.missing_signals)
            return sentence(f"not seen: {missing}" if missing else "every signal was seen")
        case Stage.DIAGNOSING if report.diagnosis:
            by = report.diagnosis.by
            return sentence(f"{by}, confidence {report.diagnosis.confidence.value}")
        case Stage.DIAGNOSING if report.evidence:
            return sentence(f"{len(report.evidence)} items of evidence")
        case Stage.AWAITING_APPROVAL if report.approval:
            return _decided(report)
        case Stage.AWAITING_APPROVAL if report.stage is stage:
            restores = report.policy.at_deadline == "restore"
            becomes = "then it is restored by itself" if restores else "then it stays down"
            counted = tally(report)
            return sentence(f"{counted}, {becomes}" if counted else becomes)
        case Stage.RESTORING if report.mend:
            return sentence("the rollback failed")
        case Stage.VERIFYING if report.recovery:
            why = report.recovery.why or "not recovered"
            return sentence("the cluster is well" if report.recovery.verified else why)
        case _:
            return NOTHING


def _why_stopped(report: Report, stage: Stage) -> Sentence:
    stopped = report.aborted_by is not None and _went_wrong(report, stage)
    return sentence("aborted") if stopped else NOTHING


def _checked(report: Report) -> str:
    wrong = [g.text for g in report.guards if g.verdict != "held"]
    probes = {p.probe: p for p in report.hypothesis.probes if p.stage is Stage.CHECKING}
    wrong += [
        f"{p.probe} {p.verdict}: {p.observed}" for p in probes.values() if p.verdict != "held"
    ]
    if wrong:
        return "; ".join(text.removesuffix(".") for text in wrong)
    said = []
    if "stores_up" in probes:
        said.append(f"{probes['stores_up'].observed} stores up")
    if "pd_leader" in probes:
        said.append(f"PD led by {probes['pd_leader'].observed}")
    if report.guards and report.fault.node:
        said.append(f"quorum survives without {report.fault.node}")
    return ", ".join(said)


def _decided(report: Report) -> Sentence:
    if report.approval is None:
        return NOTHING
    kept = report.approval.decision is Decision.KEPT_DOWN
    if report.approval.by == DEADLINE:
        becomes = "stays down" if kept else "is restored by itself"
        return sentence(f"nobody decided, so it {becomes}")
    return sentence("kept down by " if kept else "approved by ", deciders(report))


def _squeezed(values: Sequence[float], width: int) -> list[float]:
    """The values in at most `width` groups, each its mean."""
    if len(values) <= width:
        return list(values)
    edges = [len(values) * place // width for place in range(width + 1)]
    return [fmean(values[a:b]) for a, b in pairwise(edges)]

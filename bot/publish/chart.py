"""A chart: throughput over a run in the coordinates of an SVG, with stage bands and signal marks.

Pure geometry; colours and words around it are the page's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.domain.experiment import Stage
from bot.domain.progress import signal_lines
from bot.domain.report import Report
from bot.domain.sentence import raised

WIDTH: Final = 760
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 42, 34
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_APART = 17  # units between two signal marks, so that their numbers can be read
_LETTER = 6.2  # units that a letter of a label takes


@dataclass(frozen=True)
class Band:
    """A stage, from x on and so wide; `label` is "" where there is no room for it."""

    x: float
    width: float
    stage: str
    label: str


@dataclass(frozen=True)
class Mark:
    """A signal: its time at `x`, its number at `at`."""

    x: float
    at: float
    number: int
    words: str


@dataclass(frozen=True)
class Tick:
    """A place on an axis and its label."""

    place: float
    label: str


@dataclass(frozen=True)
class Chart:
    """All that the page draws."""

    line: str
    area: str
    bands: tuple[Band, ...]
    marks: tuple[Mark, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    baseline: float | None
    broken: tuple[float, float] | None  # from x, so wide: while the node was as the fault left it
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    top: float = _TOP
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class _Scale:
    begin: datetime
    seconds: float
    most: float

    def x(self, at: datetime) -> float:
        share = (at - self.begin).total_seconds() / self.seconds
        return round(_LEFT + max(0.0, min(1.0, share)) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, ops: float) -> float:
        return round(HEIGHT - _BOTTOM - ops / self.most * (HEIGHT - _TOP - _BOTTOM), 1)


def chart(report: Report) -> Chart | None:
    """The chart of a report, None where there are fewer than two samples."""
    load = report.load
    if load is None or len(load.samples) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    samples = load.samples
    begin, end = samples[0].at, max(samples[-1].at, report.finished_at or samples[-1].at)
    span = (end - begin).total_seconds()
    if span <= 0:
        return None
    most = 1.08 * max(load.baseline_ops or 0.0, *(s.ops for s in samples), 1.0)
    scale = _Scale(begin, span, most)
    points = [(scale.x(s.at), scale.y(s.ops)) for s in samples]
    line = "M" + "L".join(f"{x},{y}" for x, y in points)
    floor = HEIGHT - _BOTTOM
    return Chart(
        line=line,
        area=f"{line}L{points[-1][0]},{floor}L{points[0][0]},{floor}Z",
        bands=_bands(report, scale),
        marks=_marks(report, scale),
        across=_across(scale, report.fault.injected_at or begin),
        up=tuple(Tick(scale.y(ops), f"{ops:,.0f}") for ops in _round_numbers(most)),
        baseline=scale.y(load.baseline_ops) if load.baseline_ops else None,
        broken=_broken(report, scale),
    )


def _bands(report: Report, scale: _Scale) -> tuple[Band, ...]:
    bands = []
    for stage in report.stages:
        if stage.stage in {Stage.CHECKING, Stage.FINISHED}:
            continue
        begin = stage.started_at.timestamp()
        until = begin + stage.seconds if stage.seconds is not None else None
        x = scale.x(stage.started_at)
        right = scale.x(datetime.fromtimestamp(until, stage.started_at.tzinfo)) if until else None
        width = round((WIDTH - _RIGHT if right is None else right) - x, 1)
        name = "Approval" if stage.stage is Stage.AWAITING_APPROVAL else raised(stage.stage.value)
        label = name if width > _LETTER * len(name) + 6 else ""
        if width > 0:
            bands.append(Band(x, width, name, label))
    return tuple(bands)


def _marks(report: Report, scale: _Scale) -> tuple[Mark, ...]:
    injected = report.fault.injected_at
    if injected is None:
        return ()
    marks: list[Mark] = []
    seen = [line for line in signal_lines(report) if line.seconds is not None]
    for number, line in enumerate(seen, start=1):
        at = datetime.fromtimestamp(injected.timestamp() + (line.seconds or 0), injected.tzinfo)
        x = scale.x(at)
        beside = marks[-1].at + _APART if marks else 0.0
        marks.append(Mark(x, max(x, beside), number, f"{line.words} {line.time}"))
    room = WIDTH - 10.0  # the last numbers move back where the first ones pushed them out
    for place in reversed(range(len(marks))):
        marks[place] = replace(marks[place], at=min(marks[place].at, room))
        room = marks[place].at - _APART
    return tuple(marks)


def _broken(report: Report, scale: _Scale) -> tuple[float, float] | None:
    injected, back = report.fault.injected_at, report.fault.rolled_back_at
    if injected is None:
        return None
    x = scale.x(injected)
    return x, round((scale.x(back) if back else WIDTH - _RIGHT) - x, 1)


def _across(scale: _Scale, zero: datetime) -> tuple[Tick, ...]:
    """Some eight times, counted from the injection."""
    step = next((s for s in _STEPS if scale.seconds / s <= 9), _STEPS[-1])  # noqa: PLR2004 - room
    offset = (zero - scale.begin).total_seconds()
    first = -int(offset // step)
    ticks = []
    for place in range(first, first + int(scale.seconds // step) + 2):
        seconds = place * step
        x = _LEFT + (offset + seconds) / scale.seconds * (WIDTH - _LEFT - _RIGHT)
        if _LEFT - 1 <= x <= WIDTH - _RIGHT:
            ticks.append(Tick(round(x, 1), _since(seconds, step)))
    return tuple(ticks)


def _since(seconds: int, step: int) -> str:
    if seconds == 0:
        return "0"
    by, unit = (60, "min") if step >= 60 else (1, "s")  # noqa: PLR2004 - seconds in a minute
    return f"{seconds / by:+g} {unit}".replace("-", "\N{MINUS SIGN}")


def _round_numbers(most: float) -> list[float]:
    """Zero and up to five round numbers below `most`."""
    step = 1.0
    while most / step > 5:  # noqa: PLR2004 - room for five
        step *= 2.5 if str(step)[0] == "2" else 2.0
    return [step * n for n in range(int(most / step) + 1)]

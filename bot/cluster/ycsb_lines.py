"""What go-ycsb prints, turned into samples.

    READ   - Takes(s): 10.0, Count: 5012, OPS: 501.1, Avg(us): 812, ...

Every value is cumulative, so an interval is the difference of two reports: a report is a run of
lines, one an operation, in alphabetical order (READ, TOTAL, UPDATE, UPDATE_ERROR). TOTAL counts
what succeeded; operations that failed have lines of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.load import LoadSample

_LINE: Final = re.compile(
    r"([A-Z][A-Z_]{0,40}) *- Takes\(s\): ([0-9]{1,9}\.[0-9]{1,6}|[0-9]{1,9}), "
    r"Count: ([0-9]{1,15}), OPS: ([0-9]{1,12}(?:\.[0-9]{1,6})?)(?:,|$)"
)
_MARK: Final = "Takes(s):"
_TOTAL: Final = "TOTAL"
_ERROR: Final = "_ERROR"
_ROUNDING: Final = 0.05  # Takes is printed with one decimal


@dataclass(frozen=True)
class _Counter:
    count: int
    seconds: float


class Tally:
    """Reads lines, and makes a sample of each report. `skipped` counts lines without sense."""

    def __init__(self) -> None:
        self.skipped = 0
        self._before: dict[str, _Counter] = {}
        self._report: dict[str, _Counter] = {}
        self._at: datetime | None = None

    @staticmethod
    def measures(line: str) -> bool:
        """Whether a line is one of go-ycsb's measurements, or was meant to be."""
        return _MARK in line

    @property
    def due(self) -> bool:
        """Whether the report that is being read already makes a sample."""
        return _TOTAL in self._report or (_TOTAL not in self._before and bool(self._report))

    def line(self, text: str, at: datetime) -> LoadSample | None:
        """Take in a line that was printed at `at`; the sample of the report that it ends, if any.

        A report ends with the first line of the next one: with an operation that it already has.
        """
        found = _LINE.match(text)
        if found is None:
            self.skipped += self.measures(text)
            return None
        operation, takes, count, ops = found.groups()
        sample = self.close() if operation in self._report else None
        if not self._report:
            self._at = at
        self._report[operation] = _Counter(int(count), _exact(float(takes), int(count), float(ops)))
        return sample

    def close(self) -> LoadSample | None:
        """End the report; its sample, None where it has none."""
        report, before, at = self._report, self._before, self._at
        self._report = {}
        if at is None or not report or (_TOTAL in before and _TOTAL not in report):
            return None
        if any(c.count < before[op].count for op, c in report.items() if op in before):
            before = {}  # it counts anew
        done, seconds = _done(report)
        done_before, seconds_before = _done(before)
        if seconds <= seconds_before or done < done_before:
            return None
        self._before = {**before, **report}
        interval = seconds - seconds_before
        return LoadSample(
            at=at,
            interval=interval,
            ops=(done - done_before) / interval,
            errors=_errors(self._before) - _errors(before),
        )


def _exact(takes: float, count: int, ops: float) -> float:
    """The seconds that Takes stands for: more exactly than printed, where the rate tells."""
    seconds = count / ops if ops else takes
    return min(max(seconds, takes - _ROUNDING), takes + _ROUNDING)


def _done(report: dict[str, _Counter]) -> tuple[int, float]:
    """How many operations succeeded, in how many seconds."""
    if _TOTAL in report:
        return report[_TOTAL].count, report[_TOTAL].seconds
    well = [c for operation, c in report.items() if not operation.endswith(_ERROR)]
    return sum(c.count for c in well), max((c.seconds for c in well), default=0.0)


def _errors(report: dict[str, _Counter]) -> int:
    return sum(c.count for operation, c in report.items() if operation.endswith(_ERROR))

"""A figure: what was measured over several tries, and the limit that it has to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

_GROUPS = 3  # in which pairs are taken for their spread


class SkippedError(Exception):
    """A figure has no business here; the text says why. That is no fault."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """The row of a figure that was not taken here, and why."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of the table.

    `measured` is the value that `limit` is held against; without a limit it is for information.
    `low` and `high` are the spread of what it was made of; `of` says what that was ("median of
    9"), `beside` what else a reader wants to know. All are in `unit`.
    """

    name: str
    what: str
    unit: str
    measured: float
    low: float
    high: float
    of: str
    limit: float | None = None
    beside: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        return None if self.limit is None else self.measured <= self.limit

    def as_json(self) -> dict[str, Any]:
        """The row for machines."""
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "limit": self.limit,
            "measured": rounded(self.measured),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "of": self.of,
            "met": self.met,
            "beside": self.beside,
        }


def of_median(values: Sequence[float], **fields: Any) -> Figure:
    """A figure whose measured value is the median."""
    fields.setdefault("of", f"median of {len(values)}")
    return Figure(measured=median(values), low=min(values), high=max(values), **fields)


def of_pairs(pairs: Sequence[tuple[float, float]], **fields: Any) -> Figure:
    """A figure that compares: the ratio of the medians of what was measured in pairs.

    The spread is that of so many groups of pairs, one after the other.
    """
    size = len(pairs) // _GROUPS
    groups = [_ratio(pairs[i * size : (i + 1) * size]) for i in range(_GROUPS)]
    fields.setdefault("of", f"medians of {len(pairs)} pairs; {size} each")
    return Figure(unit="x", measured=_ratio(pairs), low=min(groups), high=max(groups), **fields)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return median(o for o, _ in pairs) / median(b for _, b in pairs)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed, interpolated."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def rounded(value: float) -> float:
    """Three digits, which is more than noise leaves."""
    if value == 0:
        return 0.0
    return round(value, max(0, 2 - math.floor(math.log10(abs(value)))))


def written(value: float) -> str:
    """A value as the table shows it."""
    return f"{rounded(value):,g}"

"""Load: what clients get from the cluster, sampled from cumulative counters (YCSB).

A healthy cluster under transactions has a trickle of write conflicts, so an error by itself is
no client impact; the dip against the baseline is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from bot.domain.model import Instant, Seconds, Value

DIP = 0.5  # below this share of the baseline clients are hurt
BACK = 0.9  # from this share on they are served again


class LoadSample(Value):
    """One interval of the load: it ended at `at` and lasted `interval` seconds."""

    at: Instant
    interval: Seconds
    ops: float  # operations a second that succeeded
    errors: int = 0  # operations that failed in the interval


class Stall(Value):
    """A time in which clients got less than half of their baseline.

    Its edges are found within the intervals: an interval with a third of the baseline's
    operations is taken to have been served for a third of its length. `ended_at` is None while
    it lasts.
    """

    began_at: Instant
    ended_at: Instant | None = None

    @property
    def seconds(self) -> float | None:
        """How long it lasted, None while it lasts."""
        return None if self.ended_at is None else (self.ended_at - self.began_at).total_seconds()


def baseline(samples: Sequence[LoadSample]) -> float | None:
    """Operations a second before the fault: the median, without the first sample (warm-up)."""
    rates = [s.ops for s in samples[1:]] or [s.ops for s in samples]
    return median(rates) if rates and median(rates) > 0 else None


def first_stall(
    samples: Sequence[LoadSample], baseline_ops: float | None, since: Instant
) -> Stall | None:
    """The first stall that began after `since`, or None.

    It ends where clients are served again: in the first interval that is back above the dip, or
    in the one before, if some of that was served already.
    """
    if not baseline_ops:
        return None
    began: Instant | None = None
    resumed: Instant | None = None
    for sample in samples:
        if sample.at <= since:
            continue
        share = min(1.0, sample.ops / baseline_ops)
        unserved = timedelta(seconds=(1 - share) * sample.interval)
        start = sample.at - timedelta(seconds=sample.interval)
        if began is None:
            if share < DIP:
                began = max(since, sample.at - unserved)
        elif share >= DIP:
            return Stall(began_at=began, ended_at=max(began, resumed or start + unserved))
        else:
            resumed = start + unserved if share > 0 else None
    return None if began is None else Stall(began_at=began)

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
    stall: Stall | None = None
    before: LoadSample | None = None
    for sample in samples:
        stall = stall_with(stall, before, sample, baseline_ops, since)
        before = sample
    return stall


def stall_with(
    stall: Stall | None,
    before: LoadSample | None,
    sample: LoadSample,
    baseline_ops: float | None,
    since: Instant,
) -> Stall | None:
    """`first_stall` with one more sample; `stall` is what all samples to `before` gave."""
    if not baseline_ops or sample.at <= since or (stall and stall.ended_at):
        return stall
    unserved = _unserved(sample, baseline_ops)
    if sample.ops / baseline_ops < DIP:
        return stall or Stall(began_at=max(since, sample.at - unserved))
    if stall is None:
        return None
    resumed = sample.at - timedelta(seconds=sample.interval) + unserved
    if before and before.ops / baseline_ops > 0:
        opened = before.at - timedelta(seconds=before.interval)
        if opened > stall.began_at:  # else it is the one in which the stall began
            resumed = opened + _unserved(before, baseline_ops)
    return Stall(began_at=stall.began_at, ended_at=max(stall.began_at, resumed))


def _unserved(sample: LoadSample, baseline_ops: float) -> timedelta:
    return timedelta(seconds=(1 - min(1.0, sample.ops / baseline_ops)) * sample.interval)

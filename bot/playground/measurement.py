"""Measurements: latencies counted as go-ycsb counts them, and the lines in which it prints them."""

from collections.abc import Callable
from dataclasses import dataclass, field

PRECISION = 11
"""Bits of a latency that are kept; the rest is rounded up to the end of its bucket."""
PERCENTILES = {"50th": 50, "90th": 90, "95th": 95, "99th": 99, "99.9th": 99.9, "99.99th": 99.99}


def bucket(value: int) -> int:
    """The largest value that counts as equal to this one."""
    shift = max(0, value.bit_length() - PRECISION)
    return ((value >> shift) + 1 << shift) - 1


@dataclass(slots=True)
class Series:
    """One kind of operation since its first one; latencies are microseconds, times seconds."""

    began: float
    counts: dict[int, int] = field(default_factory=dict)
    count: int = 0
    total: int = 0
    smallest: int = 0
    largest: int = 0

    def add(self, latency: int) -> None:
        """Counts one operation."""
        top = bucket(latency)
        self.counts[top] = self.counts.get(top, 0) + 1
        self.smallest = min(self.smallest, latency) if self.count else latency
        self.largest = max(self.largest, top)
        self.count += 1
        self.total += latency

    def percentiles(self) -> dict[str, int]:
        """The latency under which so many operations stayed."""
        found, seen = {}, 0
        wanted = [(name, self.count * share / 100) for name, share in PERCENTILES.items()]
        for top in sorted(self.counts):
            seen += self.counts[top]
            while wanted and seen >= wanted[0][1]:
                found[wanted.pop(0)[0]] = top
        return found

    def text(self, now: float) -> str:
        """What go-ycsb prints after the name of the operation."""
        takes = max(now - self.began, 1e-6)
        words = {
            "Takes(s)": f"{takes:.1f}",
            "Count": self.count,
            "OPS": f"{self.count / takes:.1f}",
            "Avg(us)": self.total // self.count,
            "Min(us)": self.smallest,
            "Max(us)": self.largest,
        }
        words |= {f"{name}(us)": value for name, value in self.percentiles().items()}
        return ", ".join(f"{name}: {value}" for name, value in words.items())


class Measurement:
    """All operations of one run. Every value that it prints is cumulative."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives monotonic seconds."""
        self._clock = clock
        self._series: dict[str, Series] = {}

    def add(self, operation: str, latency: float, *, failed: bool = False) -> None:
        """Counts an operation that took so many seconds."""
        microseconds = max(1, round(latency * 1e6))
        names = [f"{operation}_ERROR"] if failed else [operation, "TOTAL"]
        for name in names:
            if name not in self._series:
                self._series[name] = Series(self._clock())
            self._series[name].add(microseconds)

    def lines(self) -> list[str]:
        """One line for each kind of operation, in the order of their names."""
        now = self._clock()
        return [f"{name:<6} - {series.text(now)}" for name, series in sorted(self._series.items())]

"""A store's metrics, in Prometheus' text format, under TiKV's names; only what is true here."""

import os
import resource
import sys
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from bot.playground.pd_metrics import family

BOUNDS = tuple(0.0005 * 2**n for n in range(16))
"""Upper bounds of the histograms' buckets, in seconds."""


@dataclass(slots=True)
class Histogram:
    """Durations in seconds, counted in buckets."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str, labels: str = "") -> str:
        """The samples of one histogram; `labels` is like `type="raw_get"`."""
        comma = "," if labels else ""
        bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
        sums = list(accumulate(self.counts))
        text = [
            f'{name}_bucket{{{labels}{comma}le="{bound}"}} {count}'
            for bound, count in zip(bounds, sums, strict=True)
        ]
        inside = f"{{{labels}}}" if labels else ""
        text += [f"{name}_sum{inside} {self.total:g}", f"{name}_count{inside} {sums[-1]}"]
        return "\n".join(text) + "\n"


@dataclass(slots=True)
class Figures:
    """What a store counts; sizes are bytes."""

    started_at: float = field(default_factory=time.time)
    append: Histogram = field(default_factory=Histogram)
    commit: Histogram = field(default_factory=Histogram)
    requests: dict[str, Histogram] = field(default_factory=dict)
    failed: int = 0
    unreachable: dict[int, int] = field(default_factory=dict)
    pd_reconnects: int = 0
    capacity: int = 0
    available: int = 0
    used: int = 0

    def served(self, kind: str, seconds: float) -> None:
        """Counts an answered request."""
        self.requests.setdefault(kind, Histogram()).observe(seconds)

    def text(self, leaders: int, regions: int) -> str:
        """All metrics of the store."""
        name = "tikv_grpc_msg_duration_seconds"
        requests = (
            f"# HELP {name} Bucketed histogram of grpc server messages\n# TYPE {name} histogram\n"
        )
        for kind, histogram in sorted(self.requests.items()):
            requests += histogram.lines(name, f'type="{kind}"')
        parts = [requests]
        for what, histogram in (("append", self.append), ("commit", self.commit)):
            name = f"tikv_raftstore_{what}_log_duration_seconds"
            parts.append(f"# HELP {name} Bucketed histogram of peer {what} log duration\n")
            parts.append(f"# TYPE {name} histogram\n" + histogram.lines(name))
        unreachable = [
            ({"type": "unreachable", "store_id": str(store)}, float(count))
            for store, count in sorted(self.unreachable.items())
        ]
        sizes = {"capacity": self.capacity, "available": self.available, "used": self.used}
        parts += [
            family(
                "tikv_grpc_msg_fail_total",
                "Total number of handle grpc message failure",
                [({"type": "raw"}, self.failed)],
                "counter",
            ),
            family(
                "tikv_raftstore_region_count",
                "Number of regions collected in region_collector",
                [({"type": "leader"}, leaders), ({"type": "region"}, regions)],
            ),
            family(
                "tikv_server_report_failure_msg_total",
                "Total number of reporting failure messages",
                unreachable,
                "counter",
            ),
            family(
                "tikv_pd_reconnect_total",
                "Total number of PD reconnections.",
                [({"type": "failure"}, self.pd_reconnects)],
                "counter",
            ),
            family(
                "tikv_store_size_bytes",
                "Size of storage.",
                [({"type": kind}, float(size)) for kind, size in sizes.items()],
            ),
            self._process(),
        ]
        return "".join(parts)

    def _process(self) -> str:
        times = os.times()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory = _resident() or peak * (1 if sys.platform == "darwin" else 1024)
        return (
            family(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
                [({}, times.user + times.system)],
                "counter",
            )
            + family(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
                [({}, float(memory))],
            )
            + f"# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n"
            f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {self.started_at:.2f}\n"
        )


def _resident() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0

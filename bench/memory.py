"""Memory: what `chaosbot serve` holds while it is connected and nothing happens."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.figure import Figure, of_median, written
from bench.surroundings import empty_home, playground, sandbox, serving

_IDLE = 12.0  # seconds, in which the monitor looks at the cluster more than once
_LOOKS = 5
_MEGABYTE = 1e6


async def measure() -> Figure:
    async with (
        empty_home() as home,
        playground(home),
        sandbox() as slack,
    ):
        async with serving(home, slack):
            pass  # warm: who compiles its modules holds more
        async with serving(home, slack) as serve:
            await asyncio.sleep(_IDLE)
            held = []
            for _ in range(_LOOKS):
                held.append(_held(serve.pid))
                await asyncio.sleep(1)
    return of_median(
        [rss for rss, _ in held],
        name="memory",
        what="`chaosbot serve`, idle: RSS",
        unit="MB",
        limit=120,
        beside=f"PSS {written(held[-1][1])} MB",
    )


def _held(pid: int) -> tuple[float, float]:
    """RSS and PSS in megabytes."""
    told = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, amount, _ = line.split()
        told[name] = int(amount) * 1024 / _MEGABYTE
    return told["Rss:"], told["Pss:"]

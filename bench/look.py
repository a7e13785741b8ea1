"""Look: one whole look at the cluster, as the monitor makes it: the nodes and PD, side by side."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench.figure import Figure, percentile, written
from bench.surroundings import NotMeasuredError, empty_home, playground
from bot.cluster.pd import Pd
from bot.engine.clock import SystemClock

_LOOKS = 200
_BETWEEN = 0.02


async def measure() -> Figure:
    times = []
    async with (
        empty_home() as home,
        playground(home) as nodes,
        Pd((await nodes.info()).pd, clock=SystemClock()) as pd,
    ):
        await pd.look()  # warm
        for _ in range(_LOOKS):
            began = time.perf_counter()
            _, view = await asyncio.gather(nodes.nodes(), pd.look())
            times.append(1000 * (time.perf_counter() - began))
            if view.unanswered:
                raise NotMeasuredError(f"PD did not answer: {view.unanswered}")
            await asyncio.sleep(_BETWEEN)
    return Figure(
        name="look",
        what="a look at the whole cluster: p95",
        unit="ms",
        measured=percentile(times, 95),
        low=min(times),
        high=max(times),
        of=f"{_LOOKS} looks",
        beside=f"median {written(median(times))} ms",
    )

"""Docker look: one whole look at a cluster in containers: the engine and PD, side by side."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench.containers import cluster, project
from bench.figure import Figure, percentile, written
from bench.surroundings import NotMeasuredError
from bot.cluster.docker import Docker, Project
from bot.cluster.docker_discovery import pd_addresses
from bot.cluster.engine import Engine
from bot.cluster.pd import Pd
from bot.domain.cluster import StoreState
from bot.engine.clock import SystemClock

_LOOKS = 200
_BETWEEN = 0.02
_STORES = 3
_UP_WITHIN = 60.0
_SETTLED = 2.0


async def measure() -> Figure:
    together, engine, stores = [], [], []
    with project() as made:
        cluster(made)
        async with Docker(
            Engine(made.place), Project(name=made.project), clock=SystemClock()
        ) as nodes:
            urls = pd_addresses(await nodes.containers(), made.place.host)
            async with Pd(urls, clock=SystemClock()) as pd:
                await _up(pd)
                await asyncio.gather(nodes.nodes(), pd.look())  # warm
                for _ in range(_LOOKS):
                    began = time.perf_counter()
                    _, view = await asyncio.gather(nodes.nodes(), pd.look())
                    together.append(1000 * (time.perf_counter() - began))
                    if view.unanswered:
                        raise NotMeasuredError(f"PD did not answer: {view.unanswered}")
                    await asyncio.sleep(_BETWEEN)
                    began = time.perf_counter()
                    await nodes.nodes()
                    engine.append(1000 * (time.perf_counter() - began))
                    began = time.perf_counter()
                    await pd.look()
                    stores.append(1000 * (time.perf_counter() - began))
                    await asyncio.sleep(_BETWEEN)
    return Figure(
        name="docker-look",
        what="a look at a whole cluster in containers, the engine and PD: p95",
        unit="ms",
        measured=percentile(together, 95),
        low=min(together),
        high=max(together),
        of=f"{_LOOKS} looks",
        beside=f"median {written(median(together))} ms; alone, the engine "
        f"{written(median(engine))} ms and PD {written(median(stores))} ms",
    )


async def _up(pd: Pd) -> None:
    """Wait until all stores are Up, and some time has passed."""
    try:
        async with asyncio.timeout(_UP_WITHIN):
            while True:
                view = await pd.look()
                if [s.state for s in view.stores or ()] == [StoreState.UP] * _STORES:
                    break
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise NotMeasuredError("The cluster in containers does not become ready.") from None
    await asyncio.sleep(_SETTLED)

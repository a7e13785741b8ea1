"""Docker events: how long after the engine's own time of a death Chaosbot hears of it.

The engine stamps its `die` event when it has dealt with the exit, and the clocks are the same: it
runs on this machine. How long the engine took until then, a pidfd tells.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from statistics import median

from docker.models.containers import Container

from bench.containers import idle, project, watched
from bench.figure import Figure, of_median, percentile, written
from bench.surroundings import NotMeasuredError
from bot.cluster.docker import Docker, Project
from bot.cluster.engine import Engine
from bot.domain.fault import Fault
from bot.engine.clock import SystemClock

_DEATHS = 30
_SETTLED = 0.3  # seconds between a container's start and its next death
_HEARD_WITHIN = 10.0


async def measure() -> Figure:
    with project() as made:
        container = idle(made)
        async with Docker(
            Engine(made.place), Project(name=made.project), clock=SystemClock()
        ) as nodes:
            heard: asyncio.Queue[tuple[float, float]] = asyncio.Queue()
            listening = asyncio.create_task(_listen(nodes, heard))
            try:
                await _death(nodes, container, heard)  # warm
                told = [await _death(nodes, container, heard) for _ in range(_DEATHS)]
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    delays = [1000 * delay for delay, _ in told]
    since = [1000 * seconds for _, seconds in told if seconds is not None]
    beside = f"p99 {written(percentile(delays, 99))} ms"
    if since:
        beside += (
            f"; from the process's death {written(median(since))} ms, "
            f"p99 {written(percentile(since, 99))} ms"
        )
    return of_median(
        delays,
        name="docker-events",
        what="from the engine's own time of a death until the event is here",
        unit="ms",
        beside=beside,
    )


async def _listen(nodes: Docker, heard: asyncio.Queue[tuple[float, float]]) -> None:
    """Note of each death when it was, by the engine, and when it was heard."""
    async with aclosing(nodes.events()) as events:
        async for event in events:
            if event.event == "die":
                heard.put_nowait((event.at.timestamp(), time.time()))


async def _death(
    nodes: Docker, container: Container, heard: asyncio.Queue[tuple[float, float]]
) -> tuple[float, float | None]:
    """Seconds from the event's own time, and from the process's death, until the event is here."""
    await asyncio.sleep(_SETTLED)
    (node,) = await nodes.nodes()
    injection = await nodes.plan(Fault.KILL, node)
    dying = watched(container, time.time)
    await nodes.inject(injection)
    try:
        at, arrived = await asyncio.wait_for(heard.get(), _HEARD_WITHIN)
    except TimeoutError:
        raise NotMeasuredError("The event stream does not tell of a death.") from None
    died = None if dying is None else await dying
    await nodes.rollback(injection)
    return arrived - at, None if died is None else arrived - died

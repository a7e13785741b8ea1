"""Docker kill: how much longer a container takes to die through Chaosbot than by the raw API.

Both kill the same container, in pairs of alternating order. The clock starts before the call and
stops when the kernel says, on a pidfd that a thread waits for, that the process is dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from docker.models.containers import Container

from bench.containers import idle, project, watched
from bench.figure import Figure, of_pairs, written
from bot.cluster.docker import Docker, Project
from bot.cluster.engine import Engine
from bot.domain.fault import Fault, Injection
from bot.engine.clock import SystemClock

_PAIRS = 30
_SETTLED = 0.3  # seconds between a container's start and its next death


async def measure() -> Figure:
    with project() as made:
        container = idle(made)
        async with Docker(
            Engine(made.place), Project(name=made.project), clock=SystemClock()
        ) as nodes:
            bench = _Bench(nodes, container)
            for kill in (bench.through_chaosbot, bench.plainly):
                await bench.death(kill)  # warm
            bench.returns = []
            pairs = [await bench.pair(turn) for turn in range(_PAIRS)]
    until = "its process is dead" if bench.seen else "the call returns (its process is hidden)"
    return of_pairs(
        pairs,
        name="docker-kill",
        what=f"injection into a container until {until}, against the raw API",
        limit=1.2,
        beside=f"{written(1000 * median(o for o, _ in pairs))} ms against "
        f"{written(1000 * median(b for _, b in pairs))} ms; "
        f"until the calls return {written(1000 * bench.returned(bench.through_chaosbot))} ms "
        f"against {written(1000 * bench.returned(bench.plainly))} ms",
    )


class _Bench:
    def __init__(self, nodes: Docker, container: Container) -> None:
        self._nodes = nodes
        self._container = container
        self.seen = True
        self.returns: list[tuple[Callable[[Injection], Awaitable[None]], float]] = []

    async def pair(self, turn: int) -> tuple[float, float]:
        """The container both ways, the one first and then the other."""
        if turn % 2:
            ours = await self.death(self.through_chaosbot)
            return ours, await self.death(self.plainly)
        bare = await self.death(self.plainly)
        return await self.death(self.through_chaosbot), bare

    async def through_chaosbot(self, injection: Injection) -> None:
        await self._nodes.inject(injection)

    async def plainly(self, injection: Injection) -> None:  # noqa: ARG002
        self._container.kill()

    async def death(self, kill: Callable[[Injection], Awaitable[None]]) -> float:
        """Seconds until the container's process is dead; it runs again when this returns."""
        await asyncio.sleep(_SETTLED)
        (node,) = await self._nodes.nodes()
        injection = await self._nodes.plan(Fault.KILL, node)
        died = watched(self._container, time.perf_counter)
        began = time.perf_counter()
        await kill(injection)
        returned = time.perf_counter()
        self.returns.append((kill, returned - began))
        self.seen = self.seen and died is not None
        ended = returned if died is None else await died
        await self._nodes.rollback(injection)
        return ended - began

    def returned(self, kill: Callable[[Injection], Awaitable[None]]) -> float:
        """The median of the seconds until the call came back."""
        return median(seconds for one, seconds in self.returns if one == kill)

"""Kill: how much longer a node takes to die through Chaosbot than by a plain `os.kill`.

Both kill nodes of the same playground, in pairs of alternating order. The clock starts before the
call and stops when the kernel says, on a pidfd watched by this process, that the node is dead.
Before each kill the node has been up again, by PD's word, for the same time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import httpx

from bench.figure import Figure, of_pairs, written
from bench.surroundings import empty_home, playground
from bot.cluster.pd import Pd
from bot.cluster.processes import Processes
from bot.domain.cluster import Node, StoreState, with_stores
from bot.domain.fault import Fault, Injection
from bot.engine.clock import SystemClock

_PAIRS = 30
_NODES = ("tikv-1", "tikv-2", "tikv-3")
_SETTLED = 0.5  # seconds between a node's return and its next death


async def measure() -> Figure:
    async with empty_home() as home, playground(home) as nodes:
        urls = (await nodes.info()).pd
        async with Pd(urls, clock=SystemClock()) as pd, _supervisor(nodes.socket) as supervisor:
            bench = _Bench(nodes, pd, supervisor)
            for kill in (bench.through_chaosbot, bench.plainly):
                await bench.death(_NODES[0], kill)  # warm
            pairs = [await bench.pair(turn) for turn in range(_PAIRS)]
    ours, bare = [o for o, _ in pairs], [b for _, b in pairs]
    return of_pairs(
        pairs,
        name="kill",
        what="injection to a dead process, against `os.kill`",
        limit=1.2,
        beside=f"{written(1000 * median(ours))} ms against {written(1000 * median(bare))} ms",
    )


class _Bench:
    def __init__(self, nodes: Processes, pd: Pd, supervisor: httpx.AsyncClient) -> None:
        self._nodes = nodes
        self._pd = pd
        self._supervisor = supervisor

    async def pair(self, turn: int) -> tuple[float, float]:
        """The same node both ways, the one first and then the other."""
        name = _NODES[turn // 2 % len(_NODES)]
        if turn % 2:
            ours = await self.death(name, self.through_chaosbot)
            return ours, await self.death(name, self.plainly)
        bare = await self.death(name, self.plainly)
        return await self.death(name, self.through_chaosbot), bare

    async def through_chaosbot(self, injection: Injection, pid: int) -> None:  # noqa: ARG002
        await self._nodes.inject(injection)

    async def plainly(self, injection: Injection, pid: int) -> None:  # noqa: ARG002
        os.kill(pid, signal.SIGKILL)

    async def death(self, name: str, kill: Callable[[Injection, int], Awaitable[None]]) -> float:
        """Seconds until the node is dead; it is back when this returns."""
        node, pid = await self._whole(name)
        injection = await self._nodes.plan(Fault.KILL, node)
        loop = asyncio.get_running_loop()
        died: asyncio.Future[float] = loop.create_future()
        watched = os.pidfd_open(pid)

        def dead() -> None:
            loop.remove_reader(watched)
            died.set_result(time.perf_counter())

        try:
            loop.add_reader(watched, dead)
            began = time.perf_counter()
            await kill(injection, pid)
            async with asyncio.timeout(5):
                seconds = await died - began
        finally:
            loop.remove_reader(watched)
            os.close(watched)
        await self._nodes.rollback(injection)
        return seconds

    async def _whole(self, name: str) -> tuple[Node, int]:
        """The node and its process, once PD has heard of it again and some time has passed."""
        async with asyncio.timeout(30):
            while True:
                view = await self._pd.look()
                node = {n.name: n for n in with_stores(await self._nodes.nodes(), view.stores)}[
                    name
                ]
                store = view.store(node.store)
                back = node.started_at or datetime.now(UTC)
                if (
                    store is not None
                    and store.state is StoreState.UP
                    and store.last_heartbeat is not None
                    and store.last_heartbeat > back
                ):
                    break
                await asyncio.sleep(0.05)
        await asyncio.sleep(_SETTLED)
        described = (await self._supervisor.get(f"/nodes/{name}")).json()
        return node, int(described["pid"])


def _supervisor(socket: Path) -> httpx.AsyncClient:
    """A second connection, to learn process ids; the backend has no use for them."""
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://playground"
    )

"""Clusters: what is harmed, and how it stands, asked of those who run it and not of the bot."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bot.cluster.pd import Pd
from bot.cluster.processes import Processes
from bot.domain.cluster import Node, NodeState, View
from bot.domain.errors import ClusterError
from bot.domain.hypothesis import Verdict, steady_state
from bot.engine.clock import SystemClock
from bot.standins import Child, playground_ready

NODES = 6
# A playground whose failures show within a second, and heal as soon.
TIMERS = {
    "store_heartbeat": 0.1,
    "region_heartbeat": 0.5,
    "disconnected_after": 0.5,
    "election": 0.3,
    "election_max": 0.5,
    "raft_heartbeat": 0.1,
    "pd_election": 0.4,
    "pd_election_max": 0.7,
    "pd_raft_heartbeat": 0.1,
    "health": 0.5,
    "redirect": 0.5,
    "pd_request": 0.4,
    "balance": 0.2,
    "balance_settle": 0.5,
    "stop": 0.5,
}
_LOAD = (
    f"{sys.executable} -m bot.playground.load run tikv -P workloada -p tikv.pd={{pd}} "
    "-p tikv.type=raw -p operationcount=1000000000 -p silence=false "
    "--threads 4 --target 50 --interval 0.1 --stop-on-eof"
)
_OLDEST_HEARTBEAT = 1.0  # seconds


class Cluster(Protocol):
    """The nodes that are harmed."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What tells the bot where they are."""

    async def broken(self) -> list[str]:
        """The nodes that do not run, each with its state; what could not be asked, too."""

    async def unwell(self) -> list[str]:
        """What PD still says against the cluster; a run would be refused."""


class Playground:
    """Six nodes under a supervisor, as processes."""

    def __init__(self, home: Path) -> None:
        self.socket = home / "playground.sock"
        self._nodes = Processes(self.socket, clock=SystemClock())
        self._child: Child | None = None
        self._frozen = False

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "CHAOSBOT_CLUSTER": "playground",
            "CHAOSBOT_PLAYGROUND_SOCKET": str(self.socket),
            "CHAOSBOT_YCSB_COMMAND": _LOAD,
        }

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        timing = [f"--timer={name}={seconds}" for name, seconds in TIMERS.items()]
        words = ["bot.playground", "--socket", str(self.socket), "--stop-on-eof", *timing]
        self._child = await Child.start(
            "the playground", words, self.socket.with_suffix(".log"), {}
        )
        await playground_ready(self.socket, self._child)

    async def stop(self) -> None:
        """End it, with all of its nodes."""
        self.thaw()
        await self._nodes.aclose()
        if self._child is not None:
            await self._child.stop()

    def freeze(self) -> None:
        """Take the supervisor away: it answers nobody until `thaw`. Its nodes go on."""
        self._signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        """Let the supervisor answer again."""
        if self._frozen:
            self._signal(signal.SIGCONT)
            self._frozen = False

    async def broken(self) -> list[str]:
        try:
            nodes = await self._nodes.nodes()
        except ClusterError as error:
            return [str(error)]
        down = [f"{n.name} {n.state.value}" for n in nodes if n.state is not NodeState.RUNNING]
        return down if len(nodes) == NODES else [*down, f"{len(nodes)} of {NODES} nodes"]

    async def unwell(self) -> list[str]:
        try:
            async with Pd((await self._nodes.info()).pd, clock=SystemClock()) as pd:
                return deviations(await pd.look(), await self._nodes.nodes())
        except ClusterError as error:
            return [str(error)]

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            os.kill(self._child._process.pid, number)


def deviations(view: View, nodes: Sequence[Node]) -> list[str]:
    """What does not hold of the steady state, with what was seen."""
    seen = view.model_copy(update={"nodes": tuple(nodes)})
    probes = steady_state(seen, oldest_heartbeat=_OLDEST_HEARTBEAT)
    return [f"{p.probe}: {p.observed}" for p in probes if p.verdict is not Verdict.HELD]

"""Restart: a node is shut down in good order and started again at once, as in a rolling upgrade.

It lasts no longer than that: what is undone is a restart that was cut short in the middle.
"""

from __future__ import annotations

from bot.cluster.faults.anywhere import Anywhere
from bot.cluster.faults.reviving import about_to, revive
from bot.cluster.faults.runtime import Remedy, Runtime, still_it
from bot.cluster.faults.stop import STOPPING
from bot.domain.cluster import NodeState
from bot.domain.fault import Injection


class Restart(Anywhere):
    """A stop with its grace period, and a start."""

    remedy = Remedy.START

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Stop the node and start it; comes back when it has been started."""
        still_it(injection.node, await runtime.node(injection.node.name))
        await runtime.stop(injection.node.name)
        await runtime.start(injection.node.name)

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Start the node if it was stopped and not started."""
        node = injection.node
        await about_to(runtime, node, lambda now: now.state is NodeState.EXITED, STOPPING)
        await revive(runtime, node.name)

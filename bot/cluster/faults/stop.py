"""Stop: a node is shut down in good order and stays away until it is started again.

It is given its own grace period, the one that whoever runs the cluster has set for it; only after
that it is killed, as any stop of it would.
"""

from __future__ import annotations

from typing import Final

from bot.cluster.faults.anywhere import Anywhere
from bot.cluster.faults.reviving import about_to, revive
from bot.cluster.faults.runtime import Remedy, Runtime, still_it
from bot.domain.cluster import NodeState
from bot.domain.fault import Injection

# Seconds that an undoing waits for a stop that a bot began which has ended since. A stop can take
# longer; then verifying notices a node that is not there.
STOPPING: Final = 3.0


class Stop(Anywhere):
    """SIGTERM (or the container's own stop signal), and a start to undo it."""

    remedy = Remedy.START

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Stop the node; comes back when it has ended."""
        still_it(injection.node, await runtime.node(injection.node.name))
        await runtime.stop(injection.node.name)

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Start the node, once a stop that is still going on is over."""
        node = injection.node
        await about_to(runtime, node, lambda now: now.state is NodeState.EXITED, STOPPING)
        await revive(runtime, node.name)

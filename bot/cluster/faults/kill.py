"""Kill: SIGKILL to a node, which ends at once and stays away until it is started again."""

from __future__ import annotations

from typing import Final

from bot.cluster.faults.anywhere import Anywhere
from bot.cluster.faults.reviving import about_to, revive
from bot.cluster.faults.runtime import Remedy, Runtime
from bot.domain.cluster import NodeState
from bot.domain.fault import Injection

_DYING: Final = 0.5  # seconds within which a killed process is surely gone


class Kill(Anywhere):
    """SIGKILL, and a start to undo it."""

    remedy = Remedy.START

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Send SIGKILL, and nothing before it."""
        await runtime.kill(injection.node)

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Start the node if it has exited; let it run on if somebody has paused it meanwhile."""
        node = injection.node
        await about_to(runtime, node, lambda now: now.state is NodeState.EXITED, _DYING)
        await revive(runtime, node.name)

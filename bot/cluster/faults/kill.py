"""Kill: SIGKILL to a node, which ends at once and stays away until it is started again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from signal import Signals
from typing import Final

from bot.cluster.faults.runtime import Runtime
from bot.domain.cluster import Node, NodeState
from bot.domain.fault import Support

_DYING: Final = 0.5  # seconds within which a killed process is surely gone


class Kill:
    """SIGKILL, and a start to undo it."""

    def supported_by(self, runtime: Runtime) -> Support:  # noqa: ARG002 - the same for all of them
        """Every runtime sends signals and starts nodes."""
        return Support(supported=True)

    async def inject(self, runtime: Runtime, node: Node) -> None:
        """Send SIGKILL, and nothing before it."""
        await runtime.send(node.name, Signals.SIGKILL)

    async def undo(self, runtime: Runtime, node: Node) -> None:
        """Start the node if it has exited; let it run on if somebody has paused it meanwhile."""
        now = await runtime.node(node.name)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DYING):
                # The very process that was to be killed may be about to die.
                while now.state is not NodeState.EXITED and now.started_at == node.started_at:
                    await asyncio.sleep(0.02)
                    now = await runtime.node(node.name)
        if now.state is NodeState.EXITED:
            await runtime.start(node.name)
        elif now.state is NodeState.PAUSED and node.state is NodeState.RUNNING:
            await runtime.send(node.name, Signals.SIGCONT)

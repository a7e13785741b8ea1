"""Kill: SIGKILL to a node, which ends at once and stays away until it is started again."""

from __future__ import annotations

from typing import Final

from bot.cluster.faults.reviving import about_to, revive
from bot.cluster.faults.runtime import Remedy, Runtime
from bot.domain.cluster import NodeState
from bot.domain.fault import Injection, Support

_DYING: Final = 0.5  # seconds within which a killed process is surely gone


class Kill:
    """SIGKILL, and a start to undo it."""

    remedy = Remedy.START

    def supported_by(self, runtime: Runtime) -> Support:  # noqa: ARG002 - the same for all of them
        """Every runtime sends signals and starts nodes."""
        return Support(supported=True)

    def obstacle(self, injection: Injection) -> str:  # noqa: ARG002 - the same for all of them
        """Whatever runs can be killed."""
        return ""

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Send SIGKILL, and nothing before it."""
        await runtime.kill(injection.node)

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Start the node if it has exited; let it run on if somebody has paused it meanwhile."""
        node = injection.node
        await about_to(runtime, node, lambda now: now.state is NodeState.EXITED, _DYING)
        await revive(runtime, node.name)

"""Pause: a node is frozen. It exists, its connections stay open, and it does nothing.

Processes are frozen by SIGSTOP, containers by the engine (the freezer of their control group).
"""

from __future__ import annotations

from typing import Final

from bot.cluster.faults.anywhere import Anywhere
from bot.cluster.faults.reviving import about_to, revive
from bot.cluster.faults.runtime import Remedy, Runtime, still_it
from bot.domain.cluster import NodeState
from bot.domain.fault import Injection

_FREEZING: Final = 0.5  # seconds within which a pause that was asked for surely holds


class Pause(Anywhere):
    """A freeze, and a thaw to undo it."""

    remedy = Remedy.UNPAUSE

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Freeze the node."""
        still_it(injection.node, await runtime.node(injection.node.name))
        await runtime.pause(injection.node.name)

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Let the node run on; start it if somebody has ended it while it was frozen."""
        node = injection.node
        await about_to(runtime, node, lambda now: now.state is NodeState.PAUSED, _FREEZING)
        await revive(runtime, node.name)

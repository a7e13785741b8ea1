"""Reviving: what every undoing ends with, whatever somebody else did to the node meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bot.cluster.faults.runtime import Runtime
from bot.domain.cluster import Node, NodeState

_LOOK: Final = 0.02  # seconds between two looks at a node that is about to change


async def about_to(
    runtime: Runtime, node: Node, happened: Callable[[Node], bool], seconds: float
) -> None:
    """Wait until a harm that is still on its way has happened, for so many seconds at most.

    Whoever injected it may have been stopped before the node was. A node that was started anew
    since (`node` is as it was before) has nothing to wait for.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                now = await runtime.node(node.name)
                gone = now.state is NodeState.EXITED
                if happened(now) or gone or now.started_at != node.started_at:
                    return
                await asyncio.sleep(_LOOK)


async def revive(runtime: Runtime, name: str) -> None:
    """Start the node if it has exited; let it run on if it is paused."""
    now = await runtime.node(name)
    if now.state is NodeState.EXITED:
        await runtime.start(name)
    elif now.state is NodeState.PAUSED:
        await runtime.unpause(name)

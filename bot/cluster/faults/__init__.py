"""Faults: what is done to a node, one file each, in terms of what any runtime can do to it.

A fault and what runs the nodes are independent: a fault is written once, against `Runtime`, and
works on processes and containers alike. To add one, write its file, and name it in `deed_of`.
"""

from __future__ import annotations

from typing import Protocol, assert_never

from bot.cluster.faults.kill import Kill
from bot.cluster.faults.runtime import Runtime
from bot.domain.cluster import Node
from bot.domain.fault import Fault, Support

__all__ = ["Deed", "Runtime", "deed_of"]


class Deed(Protocol):
    """How a fault is put in place and undone."""

    def supported_by(self, runtime: Runtime) -> Support:
        """Whether that runtime can do it, and if not, why not."""

    async def inject(self, runtime: Runtime, node: Node) -> None:
        """Harm the node. Raises ClusterError; it may then be half harmed."""

    async def undo(self, runtime: Runtime, node: Node) -> None:
        """Put the node right, whatever state it is in; `node` is as it was before the fault.

        Idempotent. Raises ClusterError.
        """


def deed_of(fault: Fault) -> Deed:
    """What a fault does."""
    match fault:
        case Fault.KILL:
            return Kill()
        case _:  # a fault without its file does not pass mypy
            assert_never(fault)

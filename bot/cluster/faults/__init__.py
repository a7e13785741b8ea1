"""Faults: what is done to a node, one file each, in terms of what any runtime can do to it.

A fault and what runs the nodes are independent: a fault is written once, against `Runtime`, and
works on processes and containers alike. To add one, write its file, and name it in `deed_of`.
"""

from __future__ import annotations

from typing import Protocol, assert_never

from bot.cluster.faults.kill import Kill
from bot.cluster.faults.partition import Partition
from bot.cluster.faults.pause import Pause
from bot.cluster.faults.restart import Restart
from bot.cluster.faults.runtime import Remedy, Runtime
from bot.cluster.faults.stop import Stop
from bot.domain.fault import Fault, Injection, Support

__all__ = ["Deed", "Remedy", "Runtime", "deed_of"]


class Deed(Protocol):
    """How a fault is put in place and undone; `remedy` is what undoes it by hand."""

    remedy: Remedy

    def supported_by(self, runtime: Runtime) -> Support:
        """Whether that runtime can do it, and if not, why not."""

    def obstacle(self, injection: Injection) -> str:
        """Why the node of a receipt cannot have this fault; "" if it can."""

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Harm the node. Raises ClusterError; it may then be half harmed."""

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Put the node right, whatever state it is in; the receipt says how it was before.

        Idempotent. Raises ClusterError.
        """


def deed_of(fault: Fault) -> Deed:
    """What a fault does."""
    match fault:
        case Fault.KILL:
            return Kill()
        case Fault.STOP:
            return Stop()
        case Fault.PAUSE:
            return Pause()
        case Fault.RESTART:
            return Restart()
        case Fault.PARTITION:
            return Partition()
        case _:  # a fault without its file does not pass mypy
            assert_never(fault)

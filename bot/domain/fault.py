"""A fault: what is done to a node. An injection: the receipt that suffices to undo it."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.cluster import Node
from bot.domain.model import Value


class Fault(StrEnum):
    """The faults that can be injected; the value is the word in a command."""

    KILL = "kill"

    @property
    def deed(self) -> str:
        """What is done, as in "SIGKILL to tikv-1"."""
        return {Fault.KILL: "SIGKILL"}[self]


class Injection(Value):
    """The receipt of a fault, journalled before the fault is injected.

    It alone suffices to undo the fault: `backend` names the kind of backend that wrote it
    ("processes"), `endpoint` where that backend is reached, `before` the node as it was.
    `mend` is a command that puts the node right by hand.
    """

    backend: str
    endpoint: str
    fault: Fault
    node: Node
    mend: str

    @property
    def text(self) -> str:
        """What it does, for people: "SIGKILL to tikv-1 (store 4)"."""
        return f"{self.fault.deed} to {self.node.label}"


class Support(Value):
    """Whether a backend can inject a fault, and if not, why not."""

    supported: bool
    why_not: str = ""

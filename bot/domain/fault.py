"""A fault: what is done to a node. An injection: the receipt that suffices to undo it."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.cluster import Node
from bot.domain.model import Value


class Fault(StrEnum):
    """The faults that can be injected; the value is the word in a command."""

    KILL = "kill"
    STOP = "stop"
    PAUSE = "pause"
    RESTART = "restart"
    PARTITION = "partition"

    @property
    def deed(self) -> str:
        """What is done, as in "SIGKILL to tikv-1"."""
        return _DEEDS[self]

    @property
    def lasts(self) -> bool:
        """Whether the node stays broken until it is put right; after a restart it runs again."""
        return self is not Fault.RESTART


_DEEDS = {
    Fault.KILL: "SIGKILL to",
    Fault.STOP: "Graceful stop of",
    Fault.PAUSE: "Pause of",
    Fault.RESTART: "Restart of",
    Fault.PARTITION: "Network taken from",
}


class Attachment(Value):
    """How a container hangs on one network: all that is needed to hang it there again.

    `network` is the network's id and `name` its name; `ipv4` and `ipv6` are the addresses that it
    had, and `fixed` whether somebody had chosen them.
    """

    network: str
    name: str
    aliases: tuple[str, ...] = ()
    ipv4: str | None = None
    ipv6: str | None = None
    fixed: bool = False
    links: tuple[str, ...] = ()
    link_local: tuple[str, ...] = ()
    options: dict[str, str] | None = None


class Container(Value):
    """The container that a node ran in: how to find it again, or the one made in its place."""

    id: str
    name: str
    project: str
    service: str
    number: int = 1
    networks: tuple[Attachment, ...] = ()


class Injection(Value):
    """The receipt of a fault, journalled before the fault is injected.

    It alone suffices to undo the fault: `backend` names the kind of backend that wrote it
    ("processes", "docker"), `endpoint` where that backend is reached, `node` the node as it was,
    `container` what it ran in, if that was a container. `mend` is a command that puts the node
    right by hand, `does` one that would break it as the fault does ("" in receipts of older
    versions).
    """

    backend: str
    endpoint: str
    fault: Fault
    node: Node
    mend: str
    does: str = ""
    container: Container | None = None

    @property
    def text(self) -> str:
        """What it does, for people: "SIGKILL to tikv-1 (store 4)"."""
        return f"{self.fault.deed} {self.node.label}"


class Support(Value):
    """Whether a backend can inject a fault, and if not, why not."""

    supported: bool
    why_not: str = ""

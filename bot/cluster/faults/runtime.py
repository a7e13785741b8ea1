"""A runtime: what runs the nodes, and what can be done there to one of them."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from bot.domain.cluster import Node, NodeState
from bot.domain.errors import BadAnswer
from bot.domain.fault import Attachment, Container, Injection


class Remedy(Enum):
    """What puts a node right by hand."""

    START = auto()
    UNPAUSE = auto()
    CONNECT = auto()


class Runtime(Protocol):
    """Processes under a supervisor, containers under an engine. All methods raise ClusterError.

    `kind` is the word for it in receipts, `endpoint` where it is reached. `no_networks` says why
    nodes cannot be taken off their networks there; "" where they can.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102 - see above
    @property
    def endpoint(self) -> str: ...  # noqa: D102 - see above
    @property
    def no_networks(self) -> str: ...  # noqa: D102 - see above

    async def node(self, name: str) -> Node:
        """The node as it is now."""

    async def container(self, name: str) -> Container | None:
        """The container that the node runs in, with its networks; None if it runs in none."""

    async def kill(self, node: Node) -> None:
        """SIGKILL to the very process that `node` describes, without delay.

        A node that is not running, or was started anew since, is a BadAnswer.
        """

    async def start(self, name: str) -> None:
        """Start a node that has exited; one that runs is left alone."""

    async def stop(self, name: str) -> None:
        """Shut a node down in good order, and wait for its end; kill it after its grace period."""

    async def pause(self, name: str) -> None:
        """Freeze a running node."""

    async def unpause(self, name: str) -> None:
        """Let a frozen node run on; one that runs is left alone."""

    async def detach(self, name: str, attachment: Attachment) -> None:
        """Take a node off a network; one that is not on it is left alone."""

    async def attach(self, name: str, attachment: Attachment) -> None:
        """Hang a node on a network as it was; one that already is on it so is left alone."""

    def by_hand(self, remedy: Remedy, injection: Injection) -> str:
        """The command that does it by hand."""

    def doing(self, injection: Injection) -> str:
        """The command that would put the fault in place by hand."""


def still_it(planned: Node, now: Node) -> None:
    """Whether a node is as it was when its harm was planned: running, and not started anew.

    Raises:
        BadAnswer: it is not.
    """
    if now.state is not NodeState.RUNNING:
        raise BadAnswer(f"{now.name} is not running, it is {now.state.value}")
    if now.started_at != planned.started_at:
        raise BadAnswer("somebody has started it anew since the plan")

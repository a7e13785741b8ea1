"""A target: which node a fault is for, as a selector: a role, PD's leader, or a node by its name."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from bot.domain.cluster import Node, NodeState, Role
from bot.domain.errors import CommandError
from bot.domain.model import Value

PD_LEADER: Final = "pd leader"


class Target(Value):
    """A role ("tikv": any one node of it) or a node's name; exactly one of the two.

    With `leader` it is the one node of the role PD that leads when the cluster is checked.
    """

    role: Role | None = None
    name: str | None = None
    leader: bool = False

    @classmethod
    def parse(cls, words: str) -> Target:
        """The target that words name; whether such a node exists, only the cluster knows."""
        folded = " ".join(words.lower().split())
        if folded == PD_LEADER:
            return cls(role=Role.PD, leader=True)
        if folded in set(Role):
            return cls(role=Role(folded))
        return cls(name=folded)

    def __str__(self) -> str:
        if self.leader:
            return PD_LEADER
        return self.role.value if self.role else str(self.name)

    def candidates(self, nodes: Sequence[Node], pd_leader: str | None = None) -> list[Node]:
        """The running nodes that the target means; `pd_leader` is the member that leads PD.

        Where nobody knows who leads, any PD may be PD's leader.

        Raises:
            CommandError: no node has that name or role, or none of them is running.
        """
        meant = [n for n in nodes if self.role == n.role or self.name == n.name.lower()]
        if self.leader and pd_leader is not None:
            meant = [n for n in meant if pd_leader == (n.member or n.name)]
        if not meant:
            named = ", ".join(sorted(n.name for n in nodes)) or "none"
            raise CommandError(
                f'The cluster has no node "{self}".', word=str(self), mend=f"It has: {named}."
            )
        running = [n for n in meant if n.state is NodeState.RUNNING]
        if not running:
            states = ", ".join(f"{n.name} is {n.state.value}" for n in meant)
            raise CommandError(
                f'No node that "{self}" means is running ({states}).',
                word=str(self),
                mend="Start it first.",
            )
        return sorted(running, key=lambda n: n.name)

    def choose(self, nodes: Sequence[Node], random: Random, pd_leader: str | None = None) -> Node:
        """One of the candidates.

        Raises:
            CommandError: as `candidates`.
        """
        return random.choice(self.candidates(nodes, pd_leader))

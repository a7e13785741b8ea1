"""A target: which node a fault is for, as a selector (a role, or one node by its name)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from bot.domain.cluster import Node, NodeState, Role
from bot.domain.errors import CommandError
from bot.domain.model import Value


class Target(Value):
    """A role ("tikv": any one node of it) or a node's name; exactly one of the two."""

    role: Role | None = None
    name: str | None = None

    @classmethod
    def parse(cls, word: str) -> Target:
        """The target that a word names; whether such a node exists, only the cluster knows."""
        folded = word.lower()
        if folded in set(Role):
            return cls(role=Role(folded))
        return cls(name=folded)

    def __str__(self) -> str:
        return self.role.value if self.role else str(self.name)

    def candidates(self, nodes: Sequence[Node]) -> list[Node]:
        """The running nodes that the target means.

        Raises:
            CommandError: no node has that name or role, or none of them is running.
        """
        meant = [n for n in nodes if self.role == n.role or self.name == n.name.lower()]
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

    def choose(self, nodes: Sequence[Node], random: Random) -> Node:
        """One of the candidates.

        Raises:
            CommandError: as `candidates`.
        """
        return random.choice(self.candidates(nodes))

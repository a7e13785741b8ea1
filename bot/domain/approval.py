"""An approval: who decided what becomes of the broken node, and when. Decided once."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.errors import NotAllowed
from bot.domain.model import Value


class Decision(StrEnum):
    """What was decided. `EXPIRED` is the deadline's decision: restore."""

    APPROVED = "approved"
    KEPT_DOWN = "kept down"
    EXPIRED = "expired"


class Policy(Value):
    """Who may decide: the user ids in `approvers`, or everybody where it is empty."""

    approvers: frozenset[str] = frozenset()

    def allow(self, user: str) -> None:
        """Let a user decide.

        Raises:
            NotAllowed: the user is none of the approvers.
        """
        if self.approvers and user not in self.approvers:
            raise NotAllowed(user, tuple(sorted(self.approvers)))

"""An approval: who decided what becomes of the broken node, and when. Decided once.

A policy says who may vote and how many votes it takes; a vote is refused with a reason, or counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, PlainSerializer

from bot.domain.errors import NotAllowed, Undecidable
from bot.domain.model import Instant, Value

Ids = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str], when_used="json")]
DEADLINE: Final = "deadline"  # who decides when nobody has


class Decision(StrEnum):
    """What was decided. `EXPIRED` is the deadline's decision to restore."""

    APPROVED = "approved"
    KEPT_DOWN = "kept down"
    EXPIRED = "expired"


class Voter(Value):
    """Somebody who votes, and where.

    `groups` are the user groups that the user is in, as far as the policy asks for them;
    `channel` is where the vote came from, None where that means nothing (a terminal).
    """

    user: str
    groups: frozenset[str] = frozenset()
    deactivated: bool = False
    channel: str | None = None


class Vote(Value):
    """A vote that counts."""

    decision: Decision
    by: str
    at: Instant


class Policy(Value):
    """Who may decide, how many of them it takes, and what the deadline does.

    Without `approvers` (user ids) and `groups` (user group ids) everybody may.
    """

    approvers: Ids = frozenset()
    groups: Ids = frozenset()
    needed: int = Field(default=1, ge=1)
    starter: bool = True  # whether the one who started the run may vote
    at_deadline: Literal["restore", "keep down"] = "restore"

    @property
    def named(self) -> tuple[str, ...]:
        """The ids of all who may, users and groups; empty: everybody."""
        return (*sorted(self.approvers), *sorted(self.groups))

    @property
    def expiry(self) -> Decision:
        """What the deadline decides."""
        return Decision.EXPIRED if self.at_deadline == "restore" else Decision.KEPT_DOWN

    def allow(self, voter: Voter, *, started_by: str | None = None) -> None:
        """Let somebody decide; `started_by` is who started what is decided about.

        Raises:
            NotAllowed: the user is none of the approvers.
            Undecidable: the user is deactivated, or started the run and may not decide about it.
        """
        if voter.deactivated:
            raise Undecidable(f"{voter.user} is deactivated in Slack and decides nothing.")
        if self.named and voter.user not in self.approvers and not voter.groups & self.groups:
            raise NotAllowed(voter.user, self.named)
        if not self.starter and voter.user == started_by:
            raise Undecidable(
                f"{voter.user} started the run, and may not decide about it.",
                mend="Somebody else has to.",
            )

    def decided(self, votes: Sequence[Vote]) -> Decision | None:
        """What the votes, in their order, decide; None while there are too few of one kind."""
        for decision in (Decision.APPROVED, Decision.KEPT_DOWN):
            if sum(vote.decision is decision for vote in votes) >= self.needed:
                return decision
        return None

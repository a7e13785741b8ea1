"""A diagnosis: what is broken and how, as claims that cite evidence. A grade: how right it was."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bot.domain.cluster import Node
from bot.domain.evidence import Evidence
from bot.domain.fault import Fault
from bot.domain.model import Value


class Confidence(StrEnum):
    """How sure the diagnosis is of itself."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Claim(Value):
    """One sentence and the ids of the evidence that it rests on; `against` speaks against it."""

    text: str
    evidence: tuple[str, ...]
    against: bool = False


class Diagnosis(Value):
    """What is broken (`component`, a node's name, or None) and how (`fault`, a word, or None).

    `by` is "claude" or "rules"; `why` says why it was the rules ("no Claude key is set").
    """

    by: str
    why: str = ""
    component: str | None
    fault: str | None
    confidence: Confidence
    summary: str
    claims: tuple[Claim, ...]
    next_step: str = ""


class Mark(StrEnum):
    """How one part of a diagnosis compares with the truth."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_NAMED = "not named"


class Grade(Value):
    """A diagnosis held against the fault that was injected."""

    component: Mark
    fault: Mark
    claims_grounded: int
    claims: int


def grounded(claim: Claim, evidence: Sequence[Evidence]) -> bool:
    """Whether a claim cites evidence, and only evidence that exists."""
    ids = {e.id for e in evidence}
    return bool(claim.evidence) and set(claim.evidence) <= ids


def grade(diagnosis: Diagnosis, evidence: Sequence[Evidence], fault: Fault, node: Node) -> Grade:
    """Hold a diagnosis against the truth."""

    def mark(said: str | None, truth: str) -> Mark:
        if said is None:
            return Mark.NOT_NAMED
        return Mark.RIGHT if said.strip().lower() == truth else Mark.WRONG

    return Grade(
        component=mark(diagnosis.component, node.name.lower()),
        fault=mark(diagnosis.fault, fault.value),
        claims_grounded=sum(grounded(c, evidence) for c in diagnosis.claims),
        claims=len(diagnosis.claims),
    )

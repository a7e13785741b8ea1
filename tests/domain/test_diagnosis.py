"""A diagnosis held against the truth, and its claims against the evidence."""

from __future__ import annotations

import pytest

from bot.domain.diagnosis import Claim, Confidence, Diagnosis, Mark, grade, grounded
from bot.domain.evidence import Evidence
from bot.domain.fault import Fault
from tests.histories import NODE, START

EVIDENCE = [Evidence(id=f"E{i}", source="pd", at=START, text="…") for i in (1, 2, 3)]


def claim(*ids: str) -> Claim:
    return Claim(text="It died", evidence=ids)


def diagnosis(component: str | None, fault: str | None, *claims: Claim) -> Diagnosis:
    return Diagnosis(
        by="rules",
        component=component,
        fault=fault,
        confidence=Confidence.HIGH,
        summary="It died",
        claims=claims,
    )


@pytest.mark.parametrize(
    ("ids", "is_grounded"),
    [
        (("E1",), True),
        (("E1", "E3"), True),
        (("E1", "E4"), False),
        (("e1",), False),
        ((), False),
    ],
)
def test_grounded(ids: tuple[str, ...], *, is_grounded: bool) -> None:
    assert grounded(claim(*ids), EVIDENCE) is is_grounded


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        (("tikv-1", "kill"), (Mark.RIGHT, Mark.RIGHT)),
        ((" TiKV-1 ", "KILL"), (Mark.RIGHT, Mark.RIGHT)),
        (("tikv-2", "kill"), (Mark.WRONG, Mark.RIGHT)),
        (("tikv-1", "pause"), (Mark.RIGHT, Mark.WRONG)),
        ((None, None), (Mark.NOT_NAMED, Mark.NOT_NAMED)),
        (("", "kill"), (Mark.WRONG, Mark.RIGHT)),
    ],
)
def test_marks(said: tuple[str | None, str | None], mark: tuple[Mark, Mark]) -> None:
    graded = grade(diagnosis(*said), EVIDENCE, Fault.KILL, NODE)
    assert (graded.component, graded.fault) == mark


def test_claims_are_counted() -> None:
    said = diagnosis("tikv-1", "kill", claim("E1"), claim("E9"), claim())
    graded = grade(said, EVIDENCE, Fault.KILL, NODE)
    assert (graded.claims_grounded, graded.claims) == (1, 3)

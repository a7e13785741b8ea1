"""An answer of a model, checked by code: what it names exists, what it cites exists.

A claim that cites an item that does not exist loses all its citations: it stays visible, counts
as ungrounded in the grade, and never shows an invention as evidence. An answer in which no claim
rests on evidence is no diagnosis.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from bot.diagnosis.case import MOST_CLAIMS
from bot.diagnosis.prompt import AnswerForm, ClaimForm
from bot.diagnosis.redact import LONGEST, cut, redact
from bot.domain.diagnosis import Claim, Confidence, Diagnosis
from bot.domain.errors import DiagnosisError
from bot.domain.evidence import Evidence

_SUMMARY: Final = 160  # characters
_STEP: Final = 300
_MOST_CITED: Final = 12


def check(form: AnswerForm, evidence: Sequence[Evidence], components: Collection[str]) -> Diagnosis:
    """The diagnosis that an answer makes, cut to the lengths that a message can show.

    Raises:
        DiagnosisError: it names a component that does not exist, says nothing, or rests on nothing.
    """
    component = _component(form.component, components)
    summary = cut(redact(form.summary).rstrip("."), _SUMMARY)
    if not summary:
        raise DiagnosisError("Claude's answer has no summary")
    ids = {e.id for e in evidence}
    claims = tuple(_claim(c, ids) for c in form.claims if redact(c.text))[:MOST_CLAIMS]
    if not claims:
        raise DiagnosisError("Claude's answer makes no claims")
    if not any(c.evidence for c in claims):
        raise DiagnosisError("None of Claude's claims rests on evidence that exists")
    return Diagnosis(
        by="claude",
        component=component,
        fault=form.fault.value if form.fault and component else None,
        confidence=Confidence(form.confidence),
        summary=summary,
        claims=claims,
        next_step=cut(redact(form.next_step), _STEP),
    )


def _component(said: str | None, components: Collection[str]) -> str | None:
    if said is None or not said.strip():
        return None
    name = next((c for c in components if c.lower() == said.strip().lower()), None)
    if name is None:
        raise DiagnosisError(
            f'Claude named a component that does not exist, "{cut(redact(said), 60)}"'
        )
    return name


def _claim(form: ClaimForm, ids: Collection[str]) -> Claim:
    cited = tuple(dict.fromkeys(i.strip() for i in form.evidence))
    real = cited if set(cited) <= set(ids) else ()
    return Claim(
        text=cut(redact(form.text), LONGEST), evidence=real[:_MOST_CITED], against=form.against
    )

"""An observation: one thing seen, before it has an id. Renders to evidence.

The texts of observations are written by our own code around values from the cluster; all of
them pass through the same redaction and the same limits on their way to becoming evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.diagnosis.redact import blind, cut
from bot.domain.evidence import Evidence, Fact, FactKind

MOST: Final = 60  # items of evidence


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was seen (`text`), where (`source`: see Evidence) and when, and what it means."""

    source: str
    at: datetime
    text: str
    facts: tuple[Fact, ...] = ()


def unasked(
    source: str, what: str, at: datetime, reason: str, node: str | None = None
) -> Observation:
    """Something that could not be asked: that, too, is evidence."""
    return Observation(
        source=source,
        at=at,
        text=f"{what} could not be asked: {reason.rstrip('. ') or 'no answer'}.",
        facts=(Fact(kind=FactKind.UNASKED, node=node, other=what),),
    )


def at_most(observations: Sequence[Observation], most: int, what: str) -> list[Observation]:
    """The first `most` of them; the last of these says how many more there were."""
    if len(observations) <= most:
        return list(observations)
    kept, rest = observations[: most - 1], observations[most - 1 :]
    said = Observation(
        source=rest[0].source, at=rest[0].at, text=f"{len(rest)} more {what} are left out here."
    )
    return [*kept, said]


def render(observations: Iterable[Observation], names: Collection[str]) -> tuple[Evidence, ...]:
    """Evidence with ids E1, E2, ... in the order given; `names` are those of the nodes."""
    return tuple(
        Evidence(
            id=f"E{number}",
            source=seen.source,
            at=seen.at,
            text=cut(blind(seen.text, names)),
            facts=seen.facts,
        )
        for number, seen in enumerate(list(observations)[:MOST], start=1)
    )


def clock_time(moment: datetime) -> str:
    """A moment as people read it beside others of the same minute: "14:02:11.3" (UTC)."""
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-5]


def listed(names: Iterable[str], most: int = 6) -> str:
    """Words as a sentence lists them: "a", "a and b", "a, b and c", "a, b and 5 more"."""
    words = list(names)
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)

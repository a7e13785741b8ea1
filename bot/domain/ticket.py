"""A ticket: a violated invariant, deduplicated by invariant and subject, with its occurrences."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.model import Instant, Value


class Severity(StrEnum):
    """How bad a violation is: critical means that data or service is at risk."""

    CRITICAL = "critical"
    WARNING = "warning"


class Violation(Value):
    """An invariant that does not hold, and for what: `subject` is a node, store or cluster."""

    invariant: str
    subject: str
    severity: Severity
    text: str


class Ticket(Value):
    """A violation that was seen, on record: first and last seen, how often, and since when not."""

    id: int
    cluster: str
    invariant: str
    subject: str
    severity: Severity
    text: str
    occurrences: int
    first_seen: Instant
    last_seen: Instant
    resolved_at: Instant | None = None

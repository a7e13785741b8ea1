"""Tickets: violated invariants, deduplicated."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import aiosqlite
from pydantic import ValidationError

from bot.domain.errors import JournalError
from bot.domain.model import iso
from bot.domain.secrets import without_secrets
from bot.domain.ticket import Ticket, Violation
from bot.journal.table import Table

_TICKET: Final = """
id, cluster, invariant, subject, severity, text, occurrences, first_seen, last_seen, resolved_at
"""
_OCCURRED: Final = f"""
INSERT INTO tickets (cluster, invariant, subject, severity, text, first_seen, last_seen)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (cluster, invariant, subject) WHERE resolved_at IS NULL DO UPDATE SET
  occurrences = occurrences + 1,
  severity = CASE WHEN severity = 'critical' THEN severity ELSE excluded.severity END,
  text = excluded.text,
  last_seen = max(last_seen, excluded.last_seen)
RETURNING {_TICKET}
"""  # noqa: S608 - the columns are ours
_OPEN: Final = f"""
SELECT {_TICKET} FROM tickets WHERE cluster = ? AND resolved_at IS NULL ORDER BY id
"""  # noqa: S608 - the columns are ours
_RESOLVE: Final = f"""
UPDATE tickets SET resolved_at = coalesce(resolved_at, ?) WHERE id = ? RETURNING {_TICKET}
"""  # noqa: S608 - the columns are ours
_SIMILAR: Final = f"""
SELECT {_TICKET} FROM tickets
WHERE cluster = :cluster AND resolved_at IS NOT NULL AND id <> :id
  AND (invariant = :invariant OR subject = :subject)
ORDER BY id DESC LIMIT :limit
"""  # noqa: S608 - the columns are ours


class Tickets(Table):
    """At most one open ticket for each cluster, invariant and subject."""

    async def occurred(self, cluster: str, violation: Violation, at: datetime) -> Ticket:
        """Open a ticket for a violation, or add an occurrence to the open one of its kind."""
        v, seen = violation, iso(at)
        values = (
            cluster,
            v.invariant,
            v.subject,
            v.severity.value,
            without_secrets(v.text, self._secrets),
            seen,
            seen,
        )
        rows = await self._file.carried_out(self._file.rows(_OCCURRED, values))
        return self._ticket(rows[0])

    async def resolve(self, ticket: int, at: datetime) -> Ticket:
        """Close a ticket; one that is closed stays as it is."""
        rows = await self._file.carried_out(self._file.rows(_RESOLVE, (iso(at), ticket)))
        if not rows:
            raise JournalError(f"The journal {self._file.path} has no ticket {ticket}.")
        return self._ticket(rows[0])

    async def open_tickets(self, cluster: str) -> list[Ticket]:
        """The tickets that are not resolved, oldest first."""
        rows = await self._file.rows(_OPEN, (cluster,))
        return [self._ticket(row) for row in rows]

    async def similar_tickets(self, ticket: Ticket, limit: int) -> list[Ticket]:
        """Resolved tickets about the same invariant or subject in its cluster, newest first."""
        rows = await self._file.rows(
            _SIMILAR,
            {
                "cluster": ticket.cluster,
                "id": ticket.id,
                "invariant": ticket.invariant,
                "subject": ticket.subject,
                "limit": limit,
            },
        )
        return [self._ticket(row) for row in rows]

    def _ticket(self, row: aiosqlite.Row) -> Ticket:
        try:
            return Ticket.model_validate(dict(row))
        except ValidationError as error:
            raise self._odd(f"Ticket {row['id']}", error) from error

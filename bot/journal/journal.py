"""The journal (engine.ports.Journal): histories, tickets and messages, over one SQLite file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiosqlite
from pydantic import ValidationError

from bot.domain.errors import JournalError
from bot.domain.events import EVENT, Event, FaultPlanned, Record, RunStarted
from bot.domain.fault import Injection
from bot.domain.model import iso
from bot.domain.ticket import Ticket, Violation
from bot.journal.file import File

_RECORD: Final = "SELECT run, seq, at, event, body FROM events"
_ADD: Final = """
INSERT INTO events (run, seq, at, event, body)
SELECT run, last_seq + 1, :at, :event, :body FROM runs WHERE run = :run
RETURNING run, seq, at, event, body
"""
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


class Journal:
    """An open journal. Made by `Journal.open`; close it, or use `async with`.

    All methods raise JournalError.
    """

    def __init__(self, file: File) -> None:
        self._file = file

    @classmethod
    async def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the journal at `path`; its folder and the file are made when they are missing.

        `read_only` makes nothing and changes nothing: to follow a journal that another process
        writes.

        Raises:
            JournalError: it cannot be opened, is damaged, or was written by a newer Chaosbot.
        """
        return cls(await File.open(path, read_only=read_only))

    async def close(self) -> None:
        """Carry the writes that have begun to their end, and close the file. Idempotent."""
        await self._file.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # Histories

    async def begin(self, event: RunStarted, at: datetime) -> Record:
        """Open a history; its run number is the next one."""
        return await self._file.carried_out(self._begin(event, at))

    async def append(self, run: int, event: Event, at: datetime) -> Record:
        """Add to a history."""
        return await self._file.carried_out(self._append(run, event, at))

    async def history(self, run: int, after: int = 0) -> list[Record]:
        """A run's records with a `seq` greater than `after`, in order; [] for an unknown run."""
        rows = await self._file.rows(
            f"{_RECORD} WHERE run = ? AND seq > ? ORDER BY seq", (run, after)
        )
        return [self._record(row) for row in rows]

    async def latest(self, limit: int) -> list[int]:
        """The newest runs, newest first."""
        rows = await self._file.rows("SELECT run FROM runs ORDER BY run DESC LIMIT ?", (limit,))
        return [row["run"] for row in rows]

    async def unfinished(self) -> list[int]:
        """The runs whose last event is no `run_finished`, oldest first."""
        rows = await self._file.rows(
            "SELECT run FROM runs WHERE last_event <> 'run_finished' ORDER BY run"
        )
        return [row["run"] for row in rows]

    async def open_injections(self) -> list[tuple[int, Injection]]:
        """Planned and not rolled back, oldest first: what may still be broken.

        A receipt whose run ended before the fault was injected counts too: only a rollback says
        for certain that the node is right.
        """
        rows = await self._file.rows(
            "SELECT e.run, e.seq, e.at, e.event, e.body FROM runs JOIN events e USING (run) "
            "WHERE open_from IS NOT NULL AND e.seq >= open_from AND e.event = 'fault_planned' "
            "ORDER BY runs.run, e.seq"
        )
        planned = [(r["run"], self._record(r).event) for r in rows]
        return [(run, e.injection) for run, e in planned if isinstance(e, FaultPlanned)]

    async def position(self) -> int:
        """Where the journal ends now; the argument of `follow` that tells only what is new."""
        rows = await self._file.rows("SELECT coalesce(max(position), 0) AS position FROM events")
        return int(rows[0]["position"])

    async def follow(self, after: int, limit: int = 1_000) -> tuple[int, list[Record]]:
        """The records of all runs after a position, in the order of their commits.

        Returns the position to ask from the next time, and at most `limit` records.
        """
        rows = await self._file.rows(
            "SELECT position, run, seq, at, event, body FROM events WHERE position > ? "
            "ORDER BY position LIMIT ?",
            (after, limit),
        )
        return (rows[-1]["position"] if rows else after), [self._record(row) for row in rows]

    # Tickets

    async def occurred(self, cluster: str, violation: Violation, at: datetime) -> Ticket:
        """Open a ticket for a violation, or add an occurrence to the open one of its kind."""
        v, seen = violation, iso(at)
        values = (cluster, v.invariant, v.subject, v.severity.value, v.text, seen, seen)
        rows = await self._file.carried_out(self._file.rows(_OCCURRED, values))
        return _ticket(rows[0])

    async def resolve(self, ticket: int, at: datetime) -> Ticket:
        """Close a ticket; one that is closed stays as it is."""
        rows = await self._file.carried_out(self._file.rows(_RESOLVE, (iso(at), ticket)))
        if not rows:
            raise JournalError(f"The journal {self._file.path} has no ticket {ticket}.")
        return _ticket(rows[0])

    async def open_tickets(self, cluster: str) -> list[Ticket]:
        """The tickets that are not resolved, oldest first."""
        rows = await self._file.rows(_OPEN, (cluster,))
        return [_ticket(row) for row in rows]

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
        return [_ticket(row) for row in rows]

    # Messages

    async def message(self, run: int, key: str) -> tuple[str, str] | None:
        """Where a view's message stands (channel, timestamp), None if it was never posted."""
        rows = await self._file.rows(
            "SELECT channel, ts FROM messages WHERE run = ? AND key = ?", (run, key)
        )
        return (rows[0]["channel"], rows[0]["ts"]) if rows else None

    async def remember_message(self, run: int, key: str, channel: str, ts: str) -> None:
        """Note where a view's message stands."""
        await self._file.carried_out(
            self._file.rows(
                "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT (run, key) "
                "DO UPDATE SET channel = excluded.channel, ts = excluded.ts",
                (run, key, channel, ts),
            )
        )

    # How it is done

    async def _begin(self, event: RunStarted, at: datetime) -> Record:
        async with self._file.transaction() as connection:
            cursor = await connection.execute("INSERT INTO runs DEFAULT VALUES")
            values = {"run": cursor.lastrowid, **_values(event, at)}
            rows = list(await connection.execute_fetchall(_ADD, values))
        return self._record(rows[0])

    async def _append(self, run: int, event: Event, at: datetime) -> Record:
        rows = await self._file.rows(_ADD, {"run": run, **_values(event, at)})
        if not rows:
            raise JournalError(f"The journal {self._file.path} has no run {run}.")
        return self._record(rows[0])

    def _record(self, row: aiosqlite.Row) -> Record:
        try:
            event = EVENT.validate_json(row["body"])
            return Record(run=row["run"], seq=row["seq"], at=row["at"], event=event)
        except ValidationError as error:
            where = f"Event {row['seq']} of run {row['run']} in the journal {self._file.path}"
            if error.errors()[0]["type"] == "union_tag_invalid":
                raise JournalError(
                    f'{where} is of a kind that this Chaosbot does not know: "{row["event"]}".',
                    mend="Use the Chaosbot that wrote it.",
                ) from error
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise JournalError(
                f"{where} ({row['event']}) cannot be read: {place}: {first['msg']}.",
                mend="Use the Chaosbot that wrote it.",
            ) from error


def _values(event: Event, at: datetime) -> dict[str, object]:
    return {"at": iso(at), "event": event.event, "body": EVENT.dump_json(event).decode()}


def _ticket(row: aiosqlite.Row) -> Ticket:
    return Ticket.model_validate(dict(row))

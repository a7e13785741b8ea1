"""Histories: each run is its events, in order, and nothing is ever changed or taken away."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import aiosqlite
from pydantic import ValidationError

from bot.domain.errors import JournalError
from bot.domain.events import EVENT, Event, FaultPlanned, Record, RunStarted
from bot.domain.fault import Injection
from bot.domain.model import iso
from bot.journal.table import Table

_RECORD: Final = "SELECT run, seq, at, event, body FROM events"
_ADD: Final = """
INSERT INTO events (run, seq, at, event, body)
SELECT run, last_seq + 1, :at, :event, :body FROM runs WHERE run = :run
RETURNING run, seq, at, event, body
"""


class Histories(Table):
    """The events of all runs."""

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

    async def started_since(self, moment: datetime, limit: int) -> int:
        """How many of the newest `limit` runs were started since then."""
        rows = await self._file.rows(
            "SELECT count(*) AS started FROM (SELECT run FROM runs ORDER BY run DESC LIMIT ?) "
            "JOIN events USING (run) WHERE seq = 1 AND at >= ?",
            (limit, iso(moment)),
        )
        return int(rows[0]["started"])

    async def unfinished(self) -> list[int]:
        """The runs that are not over, or go on once more, oldest first."""
        rows = await self._file.rows("SELECT run FROM runs WHERE finished = 0 ORDER BY run")
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

    async def _begin(self, event: RunStarted, at: datetime) -> Record:
        async with self._file.transaction() as connection:
            cursor = await connection.execute("INSERT INTO runs DEFAULT VALUES")
            values = {"run": cursor.lastrowid, **self._values(event, at)}
            rows = list(await connection.execute_fetchall(_ADD, values))
        return self._record(rows[0])

    async def _append(self, run: int, event: Event, at: datetime) -> Record:
        rows = await self._file.rows(_ADD, {"run": run, **self._values(event, at)})
        if not rows:
            raise JournalError(f"The journal {self._file.path} has no run {run}.")
        return self._record(rows[0])

    def _record(self, row: aiosqlite.Row) -> Record:
        try:
            event = EVENT.validate_json(row["body"])
            return Record(run=row["run"], seq=row["seq"], at=row["at"], event=event)
        except ValidationError as error:
            what = f"Event {row['seq']} of run {row['run']}"
            if error.errors()[0]["type"] == "union_tag_invalid":
                raise JournalError(
                    f"{what} in the journal {self._file.path} is of a kind that this Chaosbot does "
                    f'not know: "{row["event"]}".',
                    mend="Use the Chaosbot that wrote it.",
                ) from error
            raise self._odd(f"{what} ({row['event']})", error) from error

    def _values(self, event: Event, at: datetime) -> dict[str, object]:
        body = self._clean(EVENT.dump_json(event))
        return {"at": iso(at), "event": event.event, "body": body}

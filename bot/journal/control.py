"""Control: halts, resumes and refusals, in order; nothing is ever changed or taken away."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import aiosqlite
from pydantic import ValidationError

from bot.domain.control import CONTROL, Control, Entry
from bot.domain.model import iso
from bot.journal.table import Table

_ENTRY: Final = "position, at, body"


class Controls(Table):
    """What happened to the whole of Chaosbot."""

    async def note(self, event: Control, at: datetime) -> Entry:
        """Add an event."""
        rows = await self._file.carried_out(
            self._file.rows(
                f"INSERT INTO control (at, event, body) VALUES (?, ?, ?) RETURNING {_ENTRY}",  # noqa: S608 - the columns are ours
                (iso(at), event.event, self._clean(CONTROL.dump_json(event))),
            )
        )
        return self._entry(rows[0])

    async def newest_halt(self) -> Entry | None:
        """The newest halt or resume, None if there never was one."""
        rows = await self._file.rows(
            f"SELECT {_ENTRY} FROM control WHERE event IN ('halted', 'resumed') "  # noqa: S608 - the columns are ours
            "ORDER BY position DESC LIMIT 1"
        )
        return self._entry(rows[0]) if rows else None

    async def rejections(self, limit: int) -> list[Entry]:
        """The newest refusals that no run's history could take, newest first."""
        rows = await self._file.rows(
            f"SELECT {_ENTRY} FROM control WHERE event = 'rejected' "  # noqa: S608 - the columns are ours
            "ORDER BY position DESC LIMIT ?",
            (limit,),
        )
        return [self._entry(row) for row in rows]

    def _entry(self, row: aiosqlite.Row) -> Entry:
        try:
            event = CONTROL.validate_json(row["body"])
            return Entry(position=row["position"], at=row["at"], event=event)
        except ValidationError as error:
            raise self._odd(f"Control entry {row['position']}", error) from error

"""Migrations: numbered, named SQL files, each applied in one transaction with its record."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import aiosqlite

from bot.domain.errors import JournalError
from bot.domain.model import iso

_RECORDS = """
CREATE TABLE IF NOT EXISTS migrations (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One step: `0002_tickets.sql` is number 2, named "tickets"."""

    number: int
    name: str
    sql: str

    def statements(self) -> Iterator[str]:
        """Its statements, one by one."""
        pending = ""
        for line in self.sql.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                yield pending
                pending = ""


def known() -> list[Migration]:
    """All migrations of this program, in order."""
    found = []
    for file in files("bot.journal").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            sql = file.read_text(encoding="utf-8")
            found.append(Migration(number=int(number), name=name, sql=sql))
    return sorted(found, key=lambda m: m.number)


async def migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Apply what is missing.

    Two processes may do this at once: each looks again inside the transaction that it applies a
    migration in.

    Raises:
        JournalError: the journal has migrations that this program does not know.
        sqlite3.Error: SQLite refuses.
    """
    if await _applied(connection) is None:
        await connection.execute_fetchall(_RECORDS)
    await check(connection, path)
    for migration in known():
        await connection.execute("BEGIN IMMEDIATE")
        try:
            if migration.number not in (await _applied(connection) or {}):
                for statement in migration.statements():
                    await connection.execute_fetchall(statement)
                await connection.execute_fetchall(
                    "INSERT INTO migrations VALUES (?, ?, ?)",
                    (migration.number, migration.name, iso(datetime.now(UTC))),
                )
            await connection.execute("COMMIT")
        except BaseException:
            await connection.rollback()
            raise


async def check(connection: aiosqlite.Connection, path: Path, *, whole: bool = False) -> None:
    """See that this program can read the journal; `whole`: that nothing is missing in it either.

    Raises:
        JournalError: it has migrations that this program does not know, or lacks some.
    """
    applied = await _applied(connection) or {}
    mine = {m.number: m.name for m in known()}
    strange = {number: name for number, name in applied.items() if mine.get(number) != name}
    if strange:
        number, name = max(strange.items())
        raise JournalError(
            f'The journal {path} was written by a newer Chaosbot: its migration {number} "{name}" '
            "is not known here.",
            mend="Use that Chaosbot, or name another folder in CHAOSBOT_HOME.",
        )
    if whole and applied != mine:
        raise JournalError(
            f"The journal {path} was written by an older Chaosbot.",
            mend='Start "chaosbot serve" once; it brings the journal up to date.',
        )


async def _applied(connection: aiosqlite.Connection) -> dict[int, str] | None:
    tables = await connection.execute_fetchall(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
    )
    if not list(tables):
        return None
    rows = await connection.execute_fetchall("SELECT number, name FROM migrations")
    return {row[0]: row[1] for row in rows}

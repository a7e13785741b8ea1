"""The journal's file: SQLite in WAL mode, every commit synced to the disk, one writer at a time.

Any number of processes may read the file while one writes it. What is awaited is on disk, also
when the waiting task is cancelled: a write that has begun is always carried to its end.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

from bot.domain.errors import JournalError
from bot.journal.failures import translated
from bot.journal.migrate import check, migrate

_T = TypeVar("_T")
_BUSY_MS = 5_000


class File:
    """An open file. All methods raise JournalError."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection
        self._turn = asyncio.Lock()
        self._writes: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, read_only: bool) -> Self:
        """Open the file; unless `read_only`, it and its folder are made when they are missing."""
        uri = _uri(path, read_only=read_only)
        connection: aiosqlite.Connection | None = None
        try:
            await asyncio.to_thread(_try, uri)
            connection = await aiosqlite.connect(uri, uri=True, isolation_level=None)
            await _prepare(connection, path, read_only=read_only)
        except BaseException as error:
            if connection is not None:
                await connection.close()
            if isinstance(error, sqlite3.Error | UnicodeDecodeError):
                raise translated(error, path) from error
            raise
        return cls(connection, path)

    async def close(self) -> None:
        """Carry the writes that have begun to their end, and close. Idempotent."""
        if not self._closed:
            self._closed = True
            await asyncio.gather(*self._writes, return_exceptions=True)
            async with self._turn:
                await self._connection.close()

    async def carried_out(self, write: Coroutine[Any, Any, _T]) -> _T:
        """Do a write to its end, whatever becomes of the task that waits for it."""
        task = asyncio.create_task(write)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def rows(
        self, sql: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[aiosqlite.Row]:
        """What one statement gives; it is committed when this returns."""
        async with self._using() as connection:
            return list(await connection.execute_fetchall(sql, values))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """Several statements that are committed together, or not at all."""
        async with self._using() as connection:
            await connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                await connection.execute("COMMIT")
            except BaseException:
                await connection.rollback()
                raise

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._turn:
            if self._closed and asyncio.current_task() not in self._writes:
                raise JournalError(f"The journal {self.path} is closed.")
            try:
                yield self._connection
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise translated(error, self.path) from error


def _uri(path: Path, *, read_only: bool) -> str:
    if read_only:
        if not path.is_file():
            raise JournalError(f"There is no journal at {path} yet.")
        return f"{path.absolute().as_uri()}?mode=ro"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise JournalError(
            f"The folder {path.parent} cannot be made: {error.strerror}.",
            mend="Name another folder in CHAOSBOT_HOME.",
        ) from error
    return f"{path.absolute().as_uri()}?mode=rwc"


def _try(uri: str) -> None:
    """See that it opens. Where aiosqlite cannot open it, its thread complains once more."""
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("PRAGMA schema_version")


async def _prepare(connection: aiosqlite.Connection, path: Path, *, read_only: bool) -> None:
    connection.row_factory = aiosqlite.Row
    await connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    if read_only:
        await connection.execute("PRAGMA query_only = ON")
        await check(connection, path, whole=True)
        return
    await connection.execute_fetchall("PRAGMA journal_mode = WAL")
    await connection.execute("PRAGMA synchronous = FULL")
    await connection.execute("PRAGMA foreign_keys = ON")
    await migrate(connection, path)

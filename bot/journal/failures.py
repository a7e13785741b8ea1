"""What SQLite says when it fails, in sentences."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from bot.domain.errors import JournalError

_HOME: Final = "Name another folder in CHAOSBOT_HOME, or put its permissions right."
_SENTENCES: Final = {
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _HOME),
    sqlite3.SQLITE_PERM: ("may not be opened by this user", _HOME),
    sqlite3.SQLITE_READONLY: ("may not be written by this user", _HOME),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "Make room on the disk."),
    sqlite3.SQLITE_IOERR: ("could not be read or written: the disk failed", "Look at the disk."),
    sqlite3.SQLITE_BUSY: (
        "is held by another program",
        "End the other program that has it open, or name another folder in CHAOSBOT_HOME.",
    ),
}
_DAMAGED: Final = (
    "is damaged, or is no journal",
    "Move it away; a new one is made at the next start.",
)


def translated(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> JournalError:
    """What SQLite raised about the journal at `path`, as a sentence with its remedy.

    Where the schema is damaged, SQLite's own words may be, too.
    """
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF  # the rest says where, not what
    damaged = isinstance(error, UnicodeDecodeError)
    if damaged or primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        what, mend = _DAMAGED
    elif primary in _SENTENCES:
        what, mend = _SENTENCES[primary]
    else:
        what, mend = f"refused: {error}", ""
    return JournalError(f"The journal {path} {what}.", mend=mend)

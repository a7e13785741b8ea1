"""A torn write: the last page that was written to the journal's log is not what was written."""

from __future__ import annotations

from pathlib import Path

_HEADER, _FRAME = 32, 24  # bytes (sqlite.org/fileformat2.html, "The Write-Ahead Log")


def tear(journal: Path, transactions: int = 1) -> None:
    """Garble the end of a journal that nobody has open, so that SQLite drops its last transactions."""
    path = journal.with_name(journal.name + "-wal")
    log = bytearray(path.read_bytes())
    size = int.from_bytes(log[8:12], "big") + _FRAME
    salts = log[16:24]
    starts = range(_HEADER, len(log) - size + 1, size)
    current = [start for start in starts if log[start + 8 : start + 16] == salts]
    ends = [start + size for start in current if any(log[start + 4 : start + 8])]  # of commits
    last = ends[-transactions]
    for place in range(last - size // 2, last):
        log[place] ^= 0xA5
    path.write_bytes(log)

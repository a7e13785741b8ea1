"""The write-ahead log: what a node's groups must remember, in one file, one record a line.

A record is written before anything that rests on it is sent. It is not synced to the disk: the
playground's nodes lose their processes, never their machine.
"""

import json
from pathlib import Path
from typing import Any, TextIO

from bot.playground.raft_words import Record, Saved, Snapshot, Tail, Vote

KINDS: dict[str, type[Vote] | type[Tail] | type[Snapshot]] = {
    "vote": Vote,
    "tail": Tail,
    "snapshot": Snapshot,
}
NAMES = {kind: name for name, kind in KINDS.items()}
COMPACT_AT = 32 * 1024 * 1024
"""Bytes; a longer file is written anew."""


class WriteAheadLog:
    """The records of all groups of one node."""

    def __init__(self, path: Path) -> None:
        """Reads the file, or begins it; a last line that was cut off is left out."""
        self.path = path
        self.saved: dict[int, Saved] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            self._read()
        self._file = self._rewrite()

    def keep(self, records: list[tuple[int, Record]]) -> None:
        """Appends records, each with the id of its group."""
        lines = []
        for group, record in records:
            self.saved.setdefault(group, Saved()).keep(record)
            lines.append(_line(group, record))
        self._file.write("".join(lines))
        self._file.flush()
        if self._file.tell() > COMPACT_AT:
            self._file.close()
            self._file = self._rewrite()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> None:
        with self.path.open() as file:
            for line in file:
                try:
                    group, name, values = json.loads(line)
                except ValueError:
                    break
                record = KINDS[name](*values)
                if isinstance(record, Tail):
                    record = Tail(record.after, [(term, data) for term, data in record.entries])
                self.saved.setdefault(group, Saved()).keep(record)

    def _rewrite(self) -> TextIO:
        new = self.path.with_suffix(".new")
        file = new.open("w")
        for group, saved in self.saved.items():
            tail = Tail(saved.snapshot.at, saved.entries)
            file.writelines(_line(group, record) for record in (saved.vote, saved.snapshot, tail))
        file.flush()
        new.replace(self.path)
        return file


def _line(group: int, record: Record) -> str:
    value: list[Any] = [group, NAMES[type(record)], record]
    return json.dumps(value, separators=(",", ":")) + "\n"

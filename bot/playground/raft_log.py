"""The log of a Raft peer: a snapshot, and the entries after it."""

from collections.abc import Sequence
from typing import Any

from bot.playground.raft_words import Entry, Record, Saved, Snapshot, Tail


class Log:
    """The log; every change to it becomes a record in `records`, to be kept before it counts."""

    def __init__(self, saved: Saved) -> None:
        self.snapshot = saved.snapshot
        self.entries = list(saved.entries)
        self.records: list[Record] = []

    @property
    def last(self) -> int:
        """The index of the last entry."""
        return self.snapshot.at + len(self.entries)

    def term_at(self, index: int) -> int:
        """The term of the entry at an index between the snapshot and the last one."""
        if index == self.snapshot.at:
            return self.snapshot.term
        return self.entries[index - self.snapshot.at - 1][0]

    def holds(self, index: int, term: int) -> bool:
        """Whether the entry at an index, not before the snapshot, is the one of that term."""
        return index <= self.last and self.term_at(index) == term

    def reaches(self, term: int, index: int) -> bool:
        """Whether a log that ends so knows at least as much as this one."""
        return (term, index) >= (self.term_at(self.last), self.last)

    def between(self, first: int, last: int) -> list[Entry]:
        """The entries from one index to another, both included, as far as there are any."""
        start = self.snapshot.at + 1
        return self.entries[first - start : last + 1 - start]

    def write(self, after: int, entries: Sequence[Entry]) -> None:
        """Makes `entries` all that stands after an index."""
        del self.entries[after - self.snapshot.at :]
        self.entries.extend(entries)
        self.records.append(Tail(after, entries))

    def merge(self, after: int, entries: Sequence[Entry]) -> None:
        """Takes entries in that follow an index; what stands there already stays untouched."""
        for i, (term, _) in enumerate(entries):
            if not self.holds(after + i + 1, term):
                self.write(after + i, list(entries[i:]))
                return

    def compact(self, index: int, state: Any) -> None:
        """Forgets the entries up to an index; `state` contains them."""
        self.install(Snapshot(index, self.term_at(index), state))

    def install(self, snapshot: Snapshot) -> None:
        """Begins the log anew after a snapshot; entries that follow from it stay."""
        if not self.holds(snapshot.at, snapshot.term):
            self.write(self.snapshot.at, [])
        del self.entries[: snapshot.at - self.snapshot.at]
        self.snapshot = snapshot
        self.records.append(snapshot)

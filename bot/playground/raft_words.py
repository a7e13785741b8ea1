"""The words of Raft: what its peers say to each other, and what each of them keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Entry = tuple[int, Any]
"""The term in which it was proposed, and the proposal; None is a new leader's empty first entry."""

FIRST = 5
"""A new log begins after this index, as TiKV's does, so that index 0 always means "unknown"."""


class Message(NamedTuple):
    """What one peer says to another; as JSON it is a plain list.

    `at` and `log_term` name a place in the log; `sent` is the leader's clock, which a reply
    brings back, so that a late reply never proves more than it should.
    """

    kind: Literal["pre", "pre_reply", "vote", "vote_reply", "append", "reply", "snapshot", "now"]
    sender: int
    to: int
    term: int
    at: int = 0
    log_term: int = 0
    commit: int = 0
    ok: bool = False
    sent: float = 0.0
    entries: Sequence[Entry] = ()
    state: Any = None


class Vote(NamedTuple):
    """A record to keep: the current term and whom this peer voted for in it (0 is nobody)."""

    term: int
    vote: int


class Tail(NamedTuple):
    """A record to keep: the log after index `after` is now exactly `entries`."""

    after: int
    entries: Sequence[Entry]


class Snapshot(NamedTuple):
    """A record to keep: everything up to the index `at` is contained in `state`."""

    at: int
    term: int
    state: Any


Record = Vote | Tail | Snapshot


class Ready(NamedTuple):
    """What has to be done now, in this order: keep, send, restore, apply."""

    records: list[Record]
    messages: list[Message]
    restored: Snapshot | None
    committed: list[tuple[int, Entry]]


@dataclass(slots=True)
class Saved:
    """What a peer finds again after a restart."""

    vote: Vote = field(default_factory=lambda: Vote(0, 0))
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(FIRST, 0, None))
    entries: list[Entry] = field(default_factory=list)

    def keep(self, record: Record) -> None:
        """Takes one record in, in the order in which `take` gave them out."""
        if isinstance(record, Vote):
            self.vote = record
        elif isinstance(record, Tail):
            del self.entries[record.after - self.snapshot.at :]
            self.entries.extend(record.entries)
        else:
            del self.entries[: max(0, record.at - self.snapshot.at)]
            self.snapshot = record


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds of one group: shortest and longest election wait, and the leader's heartbeat."""

    election: float
    election_max: float
    heartbeat: float

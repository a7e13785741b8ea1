"""A wall: what stands in Slack for one run, and what is known about each of its messages."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from bot.domain.events import Record
from bot.domain.fold import advance
from bot.domain.report import Report
from bot.slack.thread import Desired, Key, live, still
from bot.slack.web_api import Label

_OFTEN = 4  # times that a content is tried which Slack does not take: it may be Slack's weather
_UNWRITTEN = 2**31 - 1  # the engine's number for a record that the journal could not take


class Kind(IntEnum):
    """What a stroke changes; the lower comes first."""

    POST = 0
    CHANGE = 1
    TICK = 2


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a message stands."""

    channel: str
    ts: str


@dataclass(kw_only=True)
class Picture:
    """One message: where it stands, what it says, and when to try again (monotonic seconds).

    `painted` is None where nobody knows what it says; `intended` means that the journal knows that
    it is meant to be posted; `doubtful`, that it may have been posted without our knowing where;
    `hopeless`, that only a person can mend what is in the way.
    """

    key: Key
    place: Place | None = None
    painted: Desired | None = None
    painted_at: float = float("-inf")
    intended: bool = False
    doubtful: bool = False
    retry_at: float = float("-inf")
    failures: int = 0
    reposted: bool = False
    hopeless: bool = False
    refused: str | None = None  # the essence that Slack would not take
    refusals: int = 0  # how often it would not

    def difference(self, desired: Desired) -> Kind | None:
        """What it takes to make it say what it should, None if it does."""
        if self.refused == desired.essence and self.refusals >= _OFTEN:
            return None
        if self.place is None:
            return Kind.POST
        if self.painted is None or self.painted.essence != desired.essence:
            return Kind.CHANGE
        return Kind.TICK if self.painted != desired else None

    @property
    def left(self) -> bool:
        """Whether it stays as it may stand: nobody lets us look, and twice would be worse."""
        return self.doubtful and self.hopeless and self.key is not Key.ROOT

    def succeeded(self, desired: Desired, at: float) -> None:
        """Note that it says so now."""
        self.painted, self.painted_at = desired, at
        self.doubtful, self.hopeless, self.failures = False, False, 0
        self.refused, self.refusals = None, 0


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """One thing to paint."""

    wall: Wall
    picture: Picture
    desired: Desired
    kind: Kind


@dataclass(kw_only=True)
class Wall:
    """The messages of one run. `appeared` is set once its root stands, or cannot.

    `taken_up` says that somebody, perhaps an earlier process, has painted on it before.
    """

    report: Report
    seen: int  # the sequence number of the last record that the report has folded
    channel: str
    pictures: dict[Key, Picture]
    appeared: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    taken_up: bool = False
    _drawn: tuple[Report, bool, dict[Key, Desired]] | None = None

    @classmethod
    def new(cls, report: Report, seen: int, channel: str) -> Wall:
        """A wall on which nothing is known to stand."""
        pictures = {key: Picture(key=key) for key in Key}
        return cls(report=report, seen=seen, channel=channel, pictures=pictures)

    def learn(self, record: Record) -> None:
        """Fold one more record; one that was seen changes nothing."""
        if record.seq < _UNWRITTEN:
            if record.seq <= self.seen:
                return
            self.seen = record.seq
        self.report = advance(self.report, record)

    def label(self, key: Key) -> Label:
        """What marks a message as this run's."""
        return Label(run=self.report.run, key=key.value, started_at=self.report.started_at)

    @property
    def root(self) -> Place | None:
        """Where the root stands."""
        return self.pictures[Key.ROOT].place

    def strokes(self, now: datetime, *, halted: bool) -> list[Stroke]:
        """What there is to paint: every change, and the first message that is not yet posted."""
        found: list[Stroke] = []
        posting = False
        standing = self._standing(now, halted=halted)
        for key in Key:
            desired = standing.get(key)
            if desired is None:
                continue
            picture = self.pictures[key]
            kind = picture.difference(desired)
            if key is Key.ROOT and kind is None and picture.place is None:
                posting = True  # nothing is posted outside of its thread
            if kind is None or (kind is Kind.POST and posting):
                continue
            if kind is Kind.POST:
                posting = not picture.left
            found.append(Stroke(wall=self, picture=picture, desired=desired, kind=kind))
        return found

    def _standing(self, now: datetime, *, halted: bool) -> dict[Key, Desired]:
        """The messages that should stand; what no clock moves is drawn once for each report."""
        if self._drawn is None or self._drawn[0] is not self.report or self._drawn[1] != halted:
            self._drawn = (self.report, halted, still(self.report, halted=halted))
        return {**self._drawn[2], Key.LIVE: live(self.report, now)}

    def done(self, strokes: Collection[Stroke]) -> bool:
        """Whether nothing will change any more by itself."""
        return self.report.finished and all(s.picture.hopeless for s in strokes)

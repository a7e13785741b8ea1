"""Limits: what a team allows itself, whatever the cluster could bear. Their guards refuse a run.

Some nodes are left alone (`protected`), runs have their `hours`, and there are only so many of
them an hour. What is not set limits nothing, and has no guard.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from bot.domain.blast_radius import Guard
from bot.domain.cluster import Node
from bot.domain.hypothesis import Verdict
from bot.domain.model import Value

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = 24 * 60  # minutes
_EXAMPLE: Final = 'hours look like "mon-fri 09:00-17:00 Europe/Berlin"'
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])", re.ASCII)


def zone_of(name: str) -> tzinfo:
    """The time zone of that name. Raises ValueError where this machine knows none."""
    if name == "UTC":  # known even where the machine has no zones
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone, a folder of zones
        raise ValueError(f'"{name}" is no time zone that this machine knows; {_EXAMPLE}') from None


def _known(name: str) -> str:
    zone_of(name)
    return name


class Hours(Value):
    """A window of the week in which runs are allowed, on the clocks of `zone`.

    From `first` to `last` weekday (0 is Monday; a week may turn in between), from `start` until
    just before `end`, in minutes since midnight. A window whose end is not after its start
    passes midnight, and belongs to the day on which it starts.
    """

    first: int = Field(ge=0, lt=7)
    last: int = Field(ge=0, lt=7)
    start: int = Field(ge=0, lt=_DAY)
    end: int = Field(ge=0, le=_DAY)
    zone: Annotated[str, AfterValidator(_known)] = "UTC"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Hours of words: days, a time span, and a time zone that may be left out (UTC).

        "mon-fri 09:00-17:00 Europe/Berlin", "sat 22:00-04:00", "daily 00:00-24:00".

        Raises:
            ValueError: the text makes no hours; names the word, and shows an example.
        """
        words = text.split()
        if len(words) not in {2, 3}:
            raise ValueError(f'"{text}" makes no hours; {_EXAMPLE}')
        first, last = _days(words[0])
        start, end = _span(words[1])
        zone = _known(words[2]) if len(words) > 2 else "UTC"  # noqa: PLR2004 - the third word
        return cls(first=first, last=last, start=start, end=end, zone=zone)

    def allow(self, now: datetime) -> bool:
        """Whether a run may start at that moment."""
        local = now.astimezone(zone_of(self.zone))
        minute, today = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return self._has(today) and self.start <= minute < self.end
        evening = self._has(today) and minute >= self.start
        return evening or (self._has((today - 1) % 7) and minute < self.end)

    def _has(self, day: int) -> bool:
        return (day - self.first) % 7 <= (self.last - self.first) % 7

    def __str__(self) -> str:
        """The words that make these hours."""
        days = f"{_DAYS[self.first]}-{_DAYS[self.last]}"
        if self.first == self.last:
            days = _DAYS[self.first]
        elif (self.last + 1) % 7 == self.first:
            days = "daily"
        return f"{days} {_clock(self.start)}-{_clock(self.end)} {self.zone}"


def _days(word: str) -> tuple[int, int]:
    if word.lower() == "daily":
        return 0, 6
    first, dash, last = word.lower().partition("-")
    if not dash:
        last = first
    if first not in _DAYS or last not in _DAYS:
        raise ValueError(f'"{word}" names no days; {_EXAMPLE}')
    return _DAYS.index(first), _DAYS.index(last)


def _span(word: str) -> tuple[int, int]:
    start, end = (_TIME.fullmatch(time) for time in [*word.split("-", 1), ""][:2])
    if start and end:
        begins, ends = (int(t[1]) * 60 + int(t[2]) for t in (start, end))
        if begins < _DAY and ends <= _DAY and begins != ends:
            return begins, ends
    raise ValueError(f'"{word}" is no span of time; {_EXAMPLE}, a whole day like 00:00-24:00')


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def pattern(text: str) -> str:
    """A pattern of what is protected, as it is. Raises ValueError where it could protect nothing."""
    kind, colon, rest = text.partition(":")
    if not text.strip() or (colon and (kind not in {"cluster", "label"} or not rest.strip("= "))):
        raise ValueError(
            f'"{text}" protects nothing; patterns look like tikv-1, pd-*, cluster:production, '
            "label:tier or label:tier=gold"
        )
    return text


class Limits(Value):
    """What a team allows itself.

    `protected` are patterns of what is left alone: of a node's name, `cluster:NAME`, or
    `label:KEY` and `label:KEY=VALUE`; "*" stands for anything, case means nothing.
    `runs_an_hour` is how many runs may start in any sixty minutes.
    """

    protected: tuple[Annotated[str, AfterValidator(pattern)], ...] = ()
    hours: tuple[Hours, ...] = ()
    runs_an_hour: int | None = Field(default=None, ge=1)

    def protects(self, node: Node, cluster: str) -> str | None:
        """The first pattern that protects the node of that cluster, if one does."""
        return next((p for p in self.protected if _matches(p, node, cluster)), None)

    def guards(
        self, node: Node, cluster: str, now: datetime, recent_runs: int | None
    ) -> tuple[Guard, ...]:
        """The guards of the limits that are set, for a run on that node that would start now.

        `recent_runs`: how many others started in the last hour; None if that is not known.
        """
        found = []
        if self.protected:
            found.append(self._protected(node, cluster))
        if self.hours:
            found.append(self._allowed_hours(now))
        if self.runs_an_hour is not None:
            found.append(_frequency(self.runs_an_hour, recent_runs))
        return tuple(found)

    def _protected(self, node: Node, cluster: str) -> Guard:
        by = self.protects(node, cluster)
        if by is None:
            return _answer("protected", Verdict.HELD, f"{node.label} is not protected.")
        text = f'{node.label} is protected by "{by}"; only what no pattern protects may be harmed.'
        return _answer("protected", Verdict.DEVIATED, text)

    def _allowed_hours(self, now: datetime) -> Guard:
        windows = " and ".join(str(hours) for hours in self.hours)
        zones = list(dict.fromkeys(hours.zone for hours in self.hours))
        times = [f"{now.astimezone(zone_of(zone)):%a %H:%M}" for zone in zones]
        here = " and ".join(f"{t} {z}" for t, z in zip(times, zones, strict=True))
        text = (
            f"Runs are allowed {windows}; it is {here if len(zones) > 1 else times[0] + ' there'}."
        )
        allowed = any(hours.allow(now) for hours in self.hours)
        return _answer("allowed_hours", Verdict.HELD if allowed else Verdict.DEVIATED, text)


def _frequency(most: int, recent: int | None) -> Guard:
    runs = f"{most} run{'' if most == 1 else 's'}"
    if recent is None:
        text = f"At most {runs} an hour may start; how many did could not be found out."
        return _answer("runs_an_hour", Verdict.UNKNOWN, text)
    text = f"At most {runs} an hour may start; {recent} did in the last sixty minutes."
    return _answer("runs_an_hour", Verdict.HELD if recent < most else Verdict.DEVIATED, text)


def _answer(guard: str, verdict: Verdict, text: str) -> Guard:
    return Guard(guard=guard, verdict=verdict, text=text)


def _matches(pattern: str, node: Node, cluster: str) -> bool:
    kind, colon, rest = pattern.partition(":")
    if not colon:
        return _like(node.name, pattern)
    if kind == "cluster":
        return _like(cluster, rest)
    key, equals, value = rest.partition("=")
    return any(_like(k, key) and (not equals or _like(v, value)) for k, v in node.labels.items())


def _like(text: str, pattern: str) -> bool:
    text, pattern = text.lower(), pattern.lower()
    return text == pattern or fnmatchcase(text, pattern)

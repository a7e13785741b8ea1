"""Log lines: what one says, when, and how telling that is.

TiKV and PD write the unified format, `[2026/11/22 12:33:30.737 +00:00] [INFO] [server.rs:123]
["message"] [key=value]`. The wordings are TiKV's and PD's own, v8.5 (`receive signal 15, stopping
server`, `starting graceful shutdown`, `broadcasting unreachable`, `connection abort`, `campaign PD
leader ok`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from bot.diagnosis.redact import visible

READ: Final = 2_000  # lines of one node that are looked at: the newest ones
_LONG: Final = 1_000  # characters of a line that are looked at
_TOLD_FIRST: Final = 300  # characters in which a line says what it is about
_LINE: Final = re.compile(
    r"^\[(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3}) ([+-]\d\d:\d\d)\] \[([A-Z]{4,5})\] (?:\[[^\]\s]{1,80}:\d{1,6}\] )?(.*)$"
)


class Tells(IntEnum):
    """What a line tells, the most telling first."""

    PANIC = 0
    DISK_FULL = 1
    SHUTDOWN = 2
    UNREACHABLE = 3
    PD_AWAY = 4
    START = 5
    LEADER = 6
    ERROR = 7
    WARNING = 8
    NOTHING = 9


# Plain words, lower case: a regular expression would cost a hundred times as much, and in a bad
# hour there are many lines.
_WORDINGS: Final = (
    (
        Tells.PANIC,
        (
            "panic",
            "assertion failed",
            "segmentation fault",
            "core dumped",
            "out of memory",
            "cannot allocate memory",
        ),
    ),
    (
        Tells.DISK_FULL,
        (
            "disk full",
            "disk is full",
            "no space left on device",
            "does not have enough space",
            "does not have enough disk space",
        ),
    ),
    (
        Tells.SHUTDOWN,
        (
            "receive signal",
            "got signal to exit",
            "graceful shutdown",
            "all leaders evicted",
            "stopping server",
            "shutting down",
            "closing server",
            "close server",
        ),
    ),
    (
        Tells.PD_AWAY,
        (
            "failed to connect to pd",
            "failed to update pd",
            "pd is unreachable",
            "pd is unavailable",
            "failed to send store heartbeat",
            "failed to send region heartbeat",
        ),
    ),
    (
        Tells.UNREACHABLE,
        (
            "unreachable",
            "connection abort",
            "wait connect timeout",
            "became inactive",
            "connection refused",
            "connection reset",
        ),
    ),
    (Tells.START, ("welcome to tikv", "welcome to placement driver", "ready to serve")),
    (
        Tells.LEADER,
        (
            "campaign pd leader",
            "switch leader",
            "leader changed",
            "leader is changed",
            "became leader",
            "became follower",
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A log line; `at` is that of the line before for one that has no time of its own."""

    at: datetime
    level: str
    text: str
    tells: Tells


def read(lines: Sequence[str], since: datetime) -> list[Line]:
    """The newest lines, parsed."""
    at, parsed = since, []
    for raw in lines[-READ:]:
        text = visible(raw[:_LONG])
        if not text:
            continue
        match = _LINE.match(text)
        level = ""
        if match:
            with suppress(ValueError):  # of a date that does not exist: the line still counts
                at = datetime.fromisoformat(match[1].replace("/", "-") + match[2])
            level = match[3]
            text = match[4] or text
        parsed.append(Line(at=at, level=level, text=text, tells=_tells(level, text)))
    return parsed


def _tells(level: str, text: str) -> Tells:
    if level == "FATAL":
        return Tells.PANIC
    lower = text[:_TOLD_FIRST].lower()
    for tells, wordings in _WORDINGS:
        for wording in wordings:
            if wording in lower:
                return tells
    return {"ERROR": Tells.ERROR, "WARN": Tells.WARNING}.get(level, Tells.NOTHING)

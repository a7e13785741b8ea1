"""The book: the bot's journal, read by somebody else while it is being written."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from bot.domain.events import Event
from bot.domain.experiment import Stage

KINDS = frozenset(
    str(event.model_fields["event"].default) for event in get_args(get_args(Event)[0])
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One event: its place in the journal and in its run, and what it says."""

    position: int
    run: int
    seq: int
    kind: str
    body: str

    @property
    def stage(self) -> str:
        """The stage that was entered, "" for other events."""
        return str(json.loads(self.body)["stage"]) if self.kind == "stage_entered" else ""


class Book:
    """Reads the journal; an empty one before it is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of the file; the next look opens it again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def after(self, position: int, run: int | None = None) -> list[Line]:
        """What was committed after a position, in order; of one run, or of all."""
        rows = self._rows(
            "SELECT position, run, seq, event, body FROM events "
            "WHERE position > ? AND run = coalesce(?, run) ORDER BY position",
            (position, run),
        )
        return [Line(position=p, run=r, seq=s, kind=k, body=b) for p, r, s, k, b in rows]

    def of(self, run: int) -> Plot:
        """A run as far as it is written."""
        return Plot(tuple(self.after(0, run)))

    def end(self) -> int:
        """The position of the last event."""
        return int(self._rows("SELECT coalesce(max(position), 0) FROM events")[0][0] or 0)

    def newest(self) -> int:
        """The newest run, 0 before there is one."""
        return int(self._rows("SELECT coalesce(max(run), 0) FROM runs")[0][0] or 0)

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple]:
        try:
            if self._open is None:
                self._open = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)
            return list(self._open.execute(sql, values))
        except sqlite3.OperationalError:  # it is being made just now
            return [(0,)] if "max(" in sql else []


@dataclass(frozen=True)
class Plot:
    """What has happened in a run so far."""

    lines: tuple[Line, ...]

    def last(self, *kinds: str) -> int:
        """The sequence number of the last event of these kinds, 0 if there was none."""
        return max((line.seq for line in self.lines if line.kind in kinds), default=0)

    def count(self, kind: str) -> int:
        """How many events of a kind there are."""
        return sum(line.kind == kind for line in self.lines)

    @property
    def stage(self) -> str:
        """The stage that it is in."""
        if self.finished:
            return Stage.FINISHED.value
        return next((line.stage for line in reversed(self.lines) if line.stage), "")

    @property
    def finished(self) -> bool:
        """Whether it is over: it has ended since it entered its last stage, or was taken up."""
        return self.last("run_finished") > self.last("stage_entered", "restore_asked")

    @property
    def outcome(self) -> str:
        """How it ended, "" as long as it has not."""
        ended = [line.body for line in self.lines if line.kind == "run_finished"]
        return str(json.loads(ended[-1])["outcome"]) if ended else ""

    @property
    def broken(self) -> bool:
        """Whether a fault may still be in."""
        return self.last("fault_planned") > self.last("fault_rolled_back")

    def told(self) -> str:
        """The whole of it, a line for each event, without the load's samples."""
        told = [line for line in self.lines if line.kind != "load_sampled"]
        return "\n".join(f"  {line.seq:4} {line.body[:400]}" for line in told)

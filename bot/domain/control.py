"""Control: what happens to the whole of Chaosbot and not to one run: halt, resume, a refused vote.

Kept in the journal as events are: appended, never changed.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from bot.domain.model import Instant, Value


class Halted(Value):
    """Every run is aborted, every node restored, and nothing new is started."""

    event: Literal["halted"] = "halted"
    by: str
    why: str = ""


class Resumed(Value):
    """Runs may be started again."""

    event: Literal["resumed"] = "resumed"
    by: str


class Rejected(Value):
    """Somebody wanted something of a run that there is not, or that is none of their channel's."""

    event: Literal["rejected"] = "rejected"
    by: str
    wanted: str
    why: str


Control = Annotated[Halted | Resumed | Rejected, Field(discriminator="event")]
CONTROL: TypeAdapter[Control] = TypeAdapter(Control)


class Entry(Value):
    """A control event in its place, at its time."""

    position: int
    at: Instant
    event: Control


class Halt(Value):
    """The halt that holds: since when, by whom, and why."""

    since: Instant
    by: str
    why: str = ""

    @property
    def text(self) -> str:
        """In a sentence for people."""
        reason = f": {self.why}" if self.why else ""
        return f"Chaosbot is halted since {self.since:%H:%M:%S} UTC by {self.by}{reason}."


def standing(newest: Entry | None) -> Halt | None:
    """The halt that holds after the newest entry that is a halt or a resume."""
    if newest is None or not isinstance(newest.event, Halted):
        return None
    return Halt(since=newest.at, by=newest.event.by, why=newest.event.why)

"""A finding: one thing that was looked at, how it stands, and what to do where it does not work."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from bot.domain.errors import ChaosError
from bot.domain.model import Value
from bot.domain.sentence import ended, raised

LONGEST: Final = 600  # characters of a text that comes from elsewhere


class State(StrEnum):
    """How a thing stands."""

    WORKS = "works"
    BROKEN = "broken"
    NOT_SET = "not set"


class Finding(Value):
    """What was looked at (`check`), how it stands, and in `text` what was seen of it.

    `mend` is a command or a setting that would put it right, "" where there is nothing to do.
    `needed`: the chosen cluster or a setting asks for it, so that broken it stands in the way.
    """

    check: str
    state: State
    text: str
    mend: str = ""
    needed: bool = True

    @property
    def stands_in_the_way(self) -> bool:
        """Whether something needed is broken."""
        return self.needed and self.state is not State.WORKS


def works(check: str, text: str, *, needed: bool = True) -> Finding:
    """It does."""
    return Finding(check=check, state=State.WORKS, text=text[:LONGEST], needed=needed)


def broken(check: str, why: ChaosError | str, *, mend: str = "", needed: bool = True) -> Finding:
    """It does not; of an error its own remedy is given, unless there is a better one."""
    own = why.mend if isinstance(why, ChaosError) else ""
    return Finding(
        check=check,
        state=State.BROKEN,
        text=raised(ended(str(why)[:LONGEST])),
        mend=mend or own,
        needed=needed,
    )


def not_set(check: str, text: str, *, mend: str = "") -> Finding:
    """Nobody asked for it, and nothing needs it."""
    return Finding(check=check, state=State.NOT_SET, text=text, mend=mend, needed=False)

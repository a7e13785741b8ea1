"""A sentence: words for people, in which persons can be told from text; and durations in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_MINUTE, _HOUR = 60, 3600


class Person(str):
    """A user's id in a sentence, which a view may show as a name."""

    __slots__ = ()


@dataclass(frozen=True)
class Sentence:
    """Words for people, in which persons can be told from text; `str()` joins them plainly."""

    parts: tuple[str | Person, ...]

    def __str__(self) -> str:
        return "".join(self.parts)

    def __bool__(self) -> bool:
        return any(self.parts)


def sentence(*parts: str | Person | Sentence) -> Sentence:
    """One sentence of its parts."""
    flat: list[str | Person] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Sentence) else (part,))
    return Sentence(tuple(flat))


def listed(users: Iterable[str]) -> Sentence:
    """Some persons, each named once: "A, B and C"."""
    named = [Person(user) for user in dict.fromkeys(users)]
    parts: list[str] = []
    for place, user in enumerate(named):
        between = " and " if place == len(named) - 1 else ", "
        parts += [between, user] if place else [user]
    return Sentence(tuple(parts))


def exact(seconds: float) -> str:
    """A measured duration: "0.07 s", "12.8 s", "2 min 5 s"."""
    if seconds < 0.095:  # noqa: PLR2004 - from there on it reads "0.1 s"
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < _MINUTE - 0.05 else rough(seconds)


def rough(seconds: float) -> str:
    """A duration in whole seconds: "17 s", "9 min 12 s", "1 h 5 min"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, _MINUTE)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def ended(text: str) -> str:
    """The text with a full stop, unless it ends already."""
    stripped = text.strip()
    return stripped if not stripped or stripped[-1] in ".!?…" else stripped + "."


def raised(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """The text as it goes on after a colon."""
    return text[:1].lower() + text[1:]

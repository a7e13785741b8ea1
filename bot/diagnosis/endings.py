"""Endings: rules about processes that ended, were started anew, or are paused.

Exit 137 without lack of memory and without a shutdown line is a kill; 0, 143 or shutdown lines
are a stop; any other code is a crash. Exit codes are Docker's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bot.diagnosis.case import Book, Case, Seen, first_of
from bot.diagnosis.observation import listed
from bot.diagnosis.vocabulary import Word
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import FactKind

_SIGKILLED: Final = 137
_ORDERLY: Final = frozenset({0, 130, 143})  # by itself, by SIGINT, by SIGTERM
_DEEDS: Final = {
    Word.OOM: "was ended for lack of memory",
    Word.STOP: "was shut down in good order",
    Word.CRASH: "crashed by itself",
    Word.KILL: "died abruptly",
}


def ended(book: Book, names: Collection[str]) -> Diagnosis | None:
    """A process that ended: killed, out of memory, stopped, crashed."""
    first = first_of(book, names, FactKind.NODE_EXITED)
    if first is None or first.fact.node is None:
        return None
    case = Case(book, first.fact.node, direct=True)
    word = _how_it_ended(case, first)
    others = sorted({str(s.fact.node) for s in book.find(FactKind.NODE_EXITED)} - {case.node})
    case.symptoms()
    case.others(FactKind.NODE_EXITED, "exited")
    deed = _DEEDS[word] if word else "is not running any more"
    summary = f"{case.label} {deed}" + (f", and {listed(others)} ended too" if others else "")
    step = {
        Word.OOM: f"Restore {case.node}, then give it more memory or find what took it.",
        Word.STOP: f"Find out who stopped {case.node}, then start it again.",
        Word.CRASH: f"Keep the log of {case.node}, restore it, and watch whether it stays up.",
    }.get(word or Word.KILL, f"Restore {case.node}, then look for what ended it.")
    return case.closed(word, case.quorum(summary), step)


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """All that was seen of the end of one process; `code` is its exit code, None if not known."""

    exited: Seen
    out_of_memory: list[Seen]
    spoke: list[Seen]  # shutdown lines
    mute: list[Seen]  # the lack of them
    panics: list[Seen]
    code: int | None

    @property
    def said(self) -> str:
        return "with a code that is not known" if self.code is None else f"with exit {self.code}"


def _how_it_ended(case: Case, exited: Seen) -> Word | None:
    """The word for how a process ended, with the claims for it and against the alternative."""
    find, node = case.book.find, case.node
    end = _Ending(
        exited=exited,
        out_of_memory=find(FactKind.OUT_OF_MEMORY, node=node),
        spoke=find(FactKind.SHUTDOWN_LOGGED, node=node),
        mute=find(FactKind.NO_SHUTDOWN_LOGGED, node=node),
        panics=find(FactKind.PANIC_LOGGED, node=node),
        code=None if exited.fact.number is None else int(exited.fact.number),
    )
    if end.out_of_memory:
        return _without_memory(case, end)
    if end.spoke or end.code in _ORDERLY:
        return _in_good_order(case, end)
    if end.code == _SIGKILLED:
        return _abruptly(case, end)
    if end.code is None:
        return _no_code(case, end)
    panic = ", and its log has a panic" if end.panics else ""
    case.claim(f"Its process ended {end.said}{panic}.", [exited, *end.panics])
    text = f"Had it been killed, its exit code would be 137; it is {end.code}."
    case.claim(text, [exited], against=True)
    return Word.CRASH


def _without_memory(case: Case, end: _Ending) -> Word:
    text = f"Its process ended {end.said}, and the system says it was out of memory."
    case.claim(text, [end.exited, *end.out_of_memory])
    text = "Had it been stopped, its log would say so; it has no shutdown line."
    case.claim(text, end.mute, against=True)
    return Word.OOM


def _in_good_order(case: Case, end: _Ending) -> Word:
    tail = ", and its log has shutdown lines" if end.spoke else ""
    case.claim(f"Its process ended {end.said}{tail}.", [end.exited, *end.spoke])
    if end.code is not None and end.code not in _ORDERLY:
        case.doubts += 1
        case.claim("It was ended before its shutdown was over.", [end.exited])
    if end.mute:
        case.doubts += 1
        case.claim("Against it: its log has no shutdown line.", end.mute, against=True)
    elif end.code in _ORDERLY:
        text = f"Had it crashed or been killed, its exit code would not be {end.code}."
        case.claim(text, [end.exited], against=True)
    return Word.STOP


def _abruptly(case: Case, end: _Ending) -> Word:
    tail = " and wrote no shutdown line" if end.mute else ""
    case.claim(f"Its process ended {end.said}{tail}.", [end.exited, *end.mute])
    if end.panics:
        case.doubts += 1
        case.claim("Against it: its log has a panic.", end.panics, against=True)
    text = "Had it been out of memory, the system would say so; it says it was not."
    if not case.against(text, FactKind.ENOUGH_MEMORY):
        case.doubts += 1  # whether it was for lack of memory is not known
        text = "Had it been stopped in good order, its log would have shutdown lines."
        case.claim(text, end.mute, against=True)
    return Word.KILL


def _no_code(case: Case, end: _Ending) -> Word | None:
    tail = " and wrote no shutdown line" if end.mute else ""
    case.claim(f"Its process ended {end.said}{tail}.", [end.exited, *end.mute])
    case.doubts += 2
    if case.claim("Its log has a panic.", end.panics):
        return Word.CRASH
    return Word.KILL if end.mute else None


def paused(book: Book, names: Collection[str]) -> Diagnosis | None:
    """A process that is paused."""
    first = first_of(book, names, FactKind.NODE_PAUSED)
    if first is None:
        return None
    case = Case(book, first.fact.node, direct=True)
    case.claim("Its process exists and is paused.", [first])
    case.symptoms()
    case.others(FactKind.NODE_PAUSED, "paused")
    case.claim("Had it died, its process would be gone; it is there.", [first], against=True)
    return case.closed(
        Word.PAUSE,
        case.quorum(f"{case.label} is frozen: its process is paused"),
        f"Resume {case.node}, then find out what paused it.",
    )


def restarted(book: Book, names: Collection[str]) -> Diagnosis | None:
    """A process that was started anew since."""
    first = first_of(book, names, FactKind.NODE_RESTARTED)
    if first is None:
        return None
    case = Case(book, first.fact.node)
    panics = book.find(FactKind.PANIC_LOGGED, node=case.node)
    case.claim("It was started anew.", [first])
    case.claim("Its log has a panic.", panics)
    case.symptoms()
    return case.closed(
        Word.CRASH if panics else None,
        f"{case.label} ended and was started again",
        f"Read the log of {case.node} from before its start.",
    )

"""The rules: a diagnosis from facts alone, without a model. A pure function.

They go from what was seen directly (a process that ended, one that is frozen) to what follows
from a fault (a member away, a store silent, clients stalled), and stop at the first that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from bot.diagnosis.case import Book, Case, first_of
from bot.diagnosis.endings import ended, paused, restarted
from bot.diagnosis.observation import listed
from bot.diagnosis.silences import cut_off_from_peers, doubted, member_away, silent
from bot.diagnosis.vocabulary import Word
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import Evidence, FactKind

_SOURCES: Final = 3  # nodes, PD and clients: with these known, "nothing is wrong" means something

_Rule = Callable[[Book, Collection[str]], Diagnosis | None]


def diagnose_by_rules(evidence: Sequence[Evidence], components: Collection[str]) -> Diagnosis:
    """What the facts say is broken, among the components (node names), or that nothing is."""
    book, names = Book(evidence), frozenset(components)
    for rule in _RULES:
        diagnosis = rule(book, names)
        if diagnosis is not None:
            return diagnosis
    return _nothing(book)


def _disk(book: Book, names: Collection[str]) -> Diagnosis | None:
    for kind, word, deed in (
        (FactKind.DISK_FULL_LOGGED, Word.DISK_FULL, "has no space left on its disk"),
        (FactKind.SLOW_DISK, Word.SLOW_DISK, "has a slow disk"),
    ):
        first = first_of(book, names, kind)
        if first is not None:
            case = Case(book, first.fact.node)
            case.claim(f"It {deed}.", book.find(kind, node=case.node))
            case.client_impact()
            return case.closed(word, f"{case.label} {deed}", f"Look at the disk of {case.node}.")
    return None


def _pd_leader_moved(book: Book, names: Collection[str]) -> Diagnosis | None:
    moved = book.find(FactKind.PD_LEADER_CHANGED, FactKind.PD_LEADERLESS)
    stalled = book.knows(FactKind.CLIENTS_STALLED)
    if not moved or not (stalled or moved[0].fact.kind is FactKind.PD_LEADERLESS):
        return None
    old = moved[0].fact.node
    case = Case(book, old if old in names else None, doubts=1)
    case.claim(
        "PD lost its leader."
        if moved[0].fact.other is None
        else f"PD changed its leader to {moved[0].fact.other}.",
        moved,
    )
    case.client_impact()
    of = f": it was {case.label}" if case.node else ""
    return case.closed(
        None, case.quorum(f"PD lost its leader{of}"), "Look at PD's members and their logs."
    )


def _clients_alone(book: Book, _names: Collection[str]) -> Diagnosis | None:
    stalled = book.find(FactKind.CLIENTS_STALLED)
    if not stalled:
        return None
    case = Case(book, None)
    case.client_impact()
    case.claim("The nodes run.", book.find(FactKind.NODE_RUNNING), against=True)
    case.claim("PD hears from the stores.", book.find(FactKind.STORE_WELL), against=True)
    return case.closed(
        None,
        "Clients get far less than before, and no node shows why",
        "Look at the clients, the network, and the nodes' CPU and disks.",
    )


def _nothing(book: Book) -> Diagnosis:
    case = Case(book, None)
    case.claim("The nodes run.", book.find(FactKind.NODE_RUNNING))
    case.claim("PD hears from the stores.", book.find(FactKind.STORE_WELL))
    case.claim("Clients get what they got before.", book.find(FactKind.CLIENTS_SERVED))
    missing = book.find(FactKind.UNASKED)
    case.claim(
        f"Not known: {listed((str(s.fact.other) for s in missing), most=4)}.", missing, against=True
    )
    known = sum(not c.against for c in case.claims)
    case.doubts = 1 if known == _SOURCES else 2  # what is not seen may still be there
    summary = (
        "Nothing is seen to be wrong"
        if known
        else "There is too little evidence to say what is wrong"
    )
    return case.closed(
        None, summary, "Wait and look again; if people notice something, ask them what."
    )


# In this order: what was seen directly before what follows from it.
_RULES: Final[tuple[_Rule, ...]] = (
    ended,
    paused,
    member_away,
    silent,
    cut_off_from_peers,
    restarted,
    _disk,
    _pd_leader_moved,
    doubted,
    _clients_alone,
)

"""Silences: rules about components that run, as far as is known, and are not heard.

A store that PD does not hear while its process runs is cut off, or frozen where its log and its
metrics are silent too. One that PD hears while its peers do not, and whose leaders went, is cut
off from its peers.
"""

from __future__ import annotations

from collections.abc import Collection

from bot.diagnosis.case import Book, Case, first_of, of
from bot.diagnosis.observation import listed
from bot.diagnosis.vocabulary import Word
from bot.domain.diagnosis import Diagnosis
from bot.domain.evidence import FactKind


def member_away(book: Book, names: Collection[str]) -> Diagnosis | None:
    """A PD member that PD does not reach."""
    first = first_of(book, names, FactKind.MEMBER_AWAY)
    if first is None:
        return None
    case = Case(book, first.fact.node)
    case.symptoms()
    case.others(FactKind.MEMBER_AWAY, "cannot be reached")
    return _runs_unheard(case, "PD does not reach")


def silent(book: Book, names: Collection[str]) -> Diagnosis | None:
    """A store, or all of them, that PD does not hear."""
    kinds = (FactKind.STORE_LOST, FactKind.STORE_SILENT)
    first = first_of(book, names, *kinds)
    if first is None:
        return _nameless(book, kinds)
    case = Case(book, first.fact.node)
    lost = {s.fact.node for s in book.find(*kinds)}
    if len(lost) > 1 and not book.knows(FactKind.STORE_WELL):
        case.node = None
        case.claim("PD hears from no store.", book.find(*kinds))
        case.client_impact()
        return case.closed(
            None,
            "PD hears from none of the stores",
            "Look at the network between the stores and PD.",
        )
    if len(lost) > 1:
        case.doubts += 1
    case.symptoms()
    return _runs_unheard(case, "PD does not hear from")


def _nameless(book: Book, kinds: tuple[FactKind, ...]) -> Diagnosis | None:
    lost = [s for s in book.find(*kinds) if s.fact.node is None]
    if not lost:
        return None
    case = Case(book, None)
    stores = listed(f"store {s.fact.store}" for s in lost)
    case.claim(f"PD does not hear from {stores}.", lost)
    case.client_impact()
    return case.closed(
        None,
        f"PD does not hear from {stores}, whose node is not known",
        "Find out which node that is, and how it stands.",
    )


def _runs_unheard(case: Case, verb: str) -> Diagnosis:
    """A component that is not heard: frozen, cut off, or not to be told."""
    find, node = case.book.find, case.node
    running = find(FactKind.NODE_RUNNING, node=node)
    look = f"Look at {node} itself: whether it runs, and whom it reaches."
    if not running:
        case.doubts += 1
        return case.closed(
            None, case.quorum(f"{verb} {case.label}; how it stands is not known"), look
        )
    if case.book.knows(FactKind.LOG_SILENT, node) and not case.book.knows(
        FactKind.METRICS_ANSWER, node
    ):
        case.claim(
            "It is said to run, yet its log is silent.",
            [*running, *find(FactKind.LOG_SILENT, node=node)],
        )
        case.against(
            "Had it been cut off, its log would complain; it is silent.", FactKind.LOG_SILENT
        )
        return case.closed(
            Word.PAUSE,
            case.quorum(f"{case.label} hangs: its process is there and does nothing"),
            f"Look at what the process of {node} waits for.",
        )
    case.claim("Its process runs on.", running)
    case.claim("Its own log says that it cannot reach PD.", find(FactKind.PD_COMPLAINT, node=node))
    if not case.against(
        "Had it been frozen, its metrics would not answer; they do.", FactKind.METRICS_ANSWER
    ):
        case.claim(
            "Had it died or been paused, its state would say so; it runs.", running, against=True
        )
    return case.closed(
        Word.PARTITION,
        case.quorum(f"{case.label} is cut off: it runs, and {verb} it"),
        f"Look at the network of {node}.",
    )


def cut_off_from_peers(book: Book, names: Collection[str]) -> Diagnosis | None:
    """A store that PD hears and its peers do not."""
    for seen in of(book.find(FactKind.LEADERS_LOST), names):
        node = seen.fact.node
        complaints = book.find(FactKind.PEER_COMPLAINT, node=node)
        if (
            complaints
            and book.knows(FactKind.STORE_WELL, node)
            and book.knows(FactKind.NODE_RUNNING, node)
        ):
            case = Case(book, node)
            case.symptoms()
            case.against(
                "Had it died or been cut off from PD, PD would not hear from it; it does.",
                FactKind.STORE_WELL,
            )
            return case.closed(
                Word.PARTITION,
                f"{case.label} is cut off from its peers, though PD hears from it",
                f"Look at the network between {node} and the other stores.",
            )
    return None


def doubted(book: Book, names: Collection[str]) -> Diagnosis | None:
    """The one store that a new PD leader does not hear, which may pass."""
    seen = of(book.find(FactKind.STORE_DOUBTED), names)
    if len(seen) != 1:
        return None
    case = Case(book, seen[0].fact.node, doubts=1)
    case.claim("PD, whose leader is new, does not hear from it.", seen)
    case.symptoms()
    return _runs_unheard(case, "PD does not hear from")

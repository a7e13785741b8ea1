"""A case: the facts about one component, and the claims that can be made of them.

A claim is only ever made together with the evidence that carries its facts, so a case cannot
say what was not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.diagnosis.observation import listed
from bot.diagnosis.vocabulary import Word
from bot.domain.diagnosis import Claim, Confidence, Diagnosis
from bot.domain.evidence import Evidence, Fact, FactKind

MOST_CLAIMS: Final = 8
_MOST_CITED: Final = 6
_HIGH: Final = 3
_MEDIUM: Final = 2


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A fact and the item that says it."""

    fact: Fact
    item: Evidence


class Book:
    """All facts of the evidence, to be looked up by what they say and of whom."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self.all = tuple(Seen(fact=fact, item=item) for item in evidence for fact in item.facts)

    def find(self, *kinds: FactKind, node: str | None = None) -> list[Seen]:
        """The facts of these kinds; with `node`, those about that node."""
        return [s for s in self.all if s.fact.kind in kinds and node in (None, s.fact.node)]

    def knows(self, kind: FactKind, node: str | None = None) -> bool:
        """Whether there is such a fact."""
        return bool(self.find(kind, node=node))

    def label(self, node: str) -> str:
        """Node and store: "tikv-1 (store 4)", or the name alone."""
        store = next((s.fact.store for s in self.all if s.fact.node == node and s.fact.store), None)
        return node if store is None else f"{node} (store {store})"


@dataclass
class Case:
    """What is said against a component: its claims, and how far to doubt them.

    `direct` is true where the fault itself was seen, not just what follows from it; `doubts`
    counts what speaks against it or is not known.
    """

    book: Book
    node: str | None
    direct: bool = False
    doubts: int = 0
    claims: list[Claim] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The component in a sentence."""
        return "the cluster" if self.node is None else self.book.label(self.node)

    def claim(self, text: str, seen: Sequence[Seen], *, against: bool = False) -> bool:
        """Make a claim, if there is anything that it rests on and room for it."""
        ids = tuple(dict.fromkeys(s.item.id for s in seen))[:_MOST_CITED]
        if not ids or len(self.claims) >= MOST_CLAIMS:
            return False
        self.claims.append(Claim(text=text, evidence=ids, against=against))
        return True

    def against(self, text: str, *kinds: FactKind) -> bool:
        """Say what speaks against the main alternative."""
        return self.claim(text, self.book.find(*kinds, node=self.node), against=True)

    def confidence(self) -> Confidence:
        """By how many independent sources agree: three are much, one is little."""
        cited = {i for c in self.claims if not c.against for i in c.evidence}
        sources = {s.item.source for s in self.book.all if s.item.id in cited}
        level = len(sources) + self.direct - self.doubts
        if level >= _HIGH:
            return Confidence.HIGH
        return Confidence.MEDIUM if level >= _MEDIUM else Confidence.LOW

    def closed(self, word: Word | None, summary: str, next_step: str) -> Diagnosis:
        """The diagnosis that the case makes."""
        return Diagnosis(
            by="rules",
            component=self.node,
            fault=word.value if word else None,
            confidence=self.confidence(),
            summary=summary,
            claims=tuple(sorted(self.claims, key=lambda c: c.against)),
            next_step=next_step,
        )

    def symptoms(self) -> None:
        """Claim what follows from the component's fault, as far as it was seen."""
        node = self.node
        if node is None:
            self.client_impact()
            return
        find = self.book.find
        lost = find(FactKind.STORE_LOST, node=node)
        silent = lost or find(FactKind.STORE_SILENT, node=node)
        if silent:
            seconds = silent[0].fact.number
            beat = "never had a heartbeat from it"
            if seconds is not None:
                beat = f"has had no heartbeat from it for {seconds:.0f} s"
            self.claim(f"PD {beat}" + (" and has given it up." if lost else "."), silent)
        self.claim("PD does not reach it any more.", find(FactKind.MEMBER_AWAY, node=node))
        for seen in find(FactKind.PD_LEADER_CHANGED, node=node):
            self.claim(f"It led PD; now {seen.fact.other} does.", [seen])
        self.claim("It led PD, which now names no leader.", find(FactKind.PD_LEADERLESS, node=node))
        complaints = find(FactKind.PEER_COMPLAINT, node=node)
        by = sorted({s.fact.other for s in complaints if s.fact.other})
        self.claim(f"It cannot be reached, says the log of {listed(by)}.", complaints)
        for seen in find(FactKind.LEADERS_LOST, node=node):
            self.claim(
                f"Its region leaders went elsewhere: {seen.fact.of or 0:.0f} before, {seen.fact.number or 0:.0f} now.",
                [seen],
            )
        self.client_impact()
        self.claim(
            "Its metrics do not answer, while others' do.", find(FactKind.METRICS_SILENT, node=node)
        )

    def others(self, kind: FactKind, verb: str) -> None:
        """Claim that the same is said of other components."""
        also = [s for s in self.book.find(kind) if s.fact.node != self.node]
        self.claim(f"Seen too: {listed(sorted(str(s.fact.node) for s in also))} {verb}.", also)

    def quorum(self, summary: str) -> str:
        """The summary, which says first that PD lost its quorum, where it did."""
        lost = self.book.find(FactKind.PD_QUORUM_LOST)
        if not lost:
            return summary
        left, members = lost[0].fact.number or 0, lost[0].fact.of or 0
        self.claim(f"PD has lost its quorum: {left:.0f} of {members:.0f} members are left.", lost)
        return f"PD has lost its quorum: {summary}"

    def client_impact(self) -> None:
        """Claim what clients felt."""
        for seen in self.book.find(FactKind.CLIENTS_STALLED):
            before, lowest = seen.fact.of or 0.0, seen.fact.number or 0.0
            self.claim(f"Clients fell from {before:,.0f} to {lowest:,.0f} ops/s.", [seen])


def of(seen: Sequence[Seen], names: Collection[str]) -> list[Seen]:
    """Those about a known component, the earliest first."""
    return sorted(
        (s for s in seen if s.fact.node in names), key=lambda s: (s.item.at, s.fact.node or "")
    )


def first_of(book: Book, names: Collection[str], *kinds: FactKind) -> Seen | None:
    """The earliest of these facts; of simultaneous ones that about PD's former leader."""
    seen = of(book.find(*kinds), names)
    led = {s.fact.node for s in book.find(FactKind.PD_LEADER_CHANGED, FactKind.PD_LEADERLESS)}
    return min(seen, key=lambda s: (s.item.at, s.fact.node not in led), default=None)

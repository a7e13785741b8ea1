"""Invariants: what must hold of a cluster at any moment. A violation becomes a ticket.

What could not be asked violates nothing. A new PD leader's first answers carry heartbeats that
are a minute and more old, so that healthy stores read Disconnected for half a second (recorded
on a real PD): under a leader that is not `settled` stores are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.cluster import Role, StoreState, View
from bot.domain.hypothesis import Verdict, pd_quorum, regions_whole, throughput
from bot.domain.load import DIP
from bot.domain.ticket import Severity, Violation

LOST = frozenset({StoreState.DISCONNECTED, StoreState.DOWN})


def violations(  # noqa: PLR0913 - what it is judged by
    view: View,
    *,
    settled: bool,
    names: Mapping[int, str] = MappingProxyType({}),
    members: Mapping[str, str] = MappingProxyType({}),
    ops: float | None = None,
    baseline: float | None = None,
) -> tuple[Violation, ...]:
    """The invariants that the view violates.

    `names` are the nodes of the stores, `members` those of PD's members: a ticket is about
    "tikv-1", or "store 4" where the node is not known.
    `settled`: PD's leader has been the same for longer than a store's heartbeat interval.
    `ops` and `baseline` are operations a second, where a load runs.
    """
    found = _of_pd(view, members)
    if settled:
        found += _of_stores(view, names)
    dip = throughput(ops, baseline, least=DIP)
    if dip.verdict is Verdict.DEVIATED:
        found.append(
            _violation("throughput", "clients", Severity.CRITICAL, f"Clients get {dip.observed}.")
        )
    return tuple(found)


def _violation(invariant: str, subject: str, severity: Severity, text: str) -> Violation:
    return Violation(invariant=invariant, subject=subject, severity=severity, text=text)


def _of_stores(view: View, names: Mapping[int, str]) -> list[Violation]:
    found = [
        _violation(
            "stores_up",
            names.get(store.id, f"store {store.id}"),
            Severity.CRITICAL,
            f"PD calls store {store.id} {store.state.value}.",
        )
        for store in view.stores or ()
        if store.state in LOST
    ]
    if view.regions and (view.regions.miss_peer or view.regions.down_peer):
        peers = regions_whole(view).observed
        found.append(_violation("region_peers", "regions", Severity.CRITICAL, f"Peers: {peers}."))
    return found


def _of_pd(view: View, names: Mapping[str, str]) -> list[Violation]:
    found = [
        _violation(
            "pd_members",
            names.get(m.name, m.name),
            Severity.WARNING,
            f"PD cannot reach its member {m.name}.",
        )
        for m in view.members or ()
        if not m.healthy
    ]
    quorum = pd_quorum(view)
    if quorum.verdict is Verdict.DEVIATED:
        text = f"PD has {quorum.observed} members."
        found.append(_violation("pd_quorum", "pd", Severity.CRITICAL, text))
    if view.members is not None and view.pd_leader is None:
        found.append(_violation("pd_leader", "pd", Severity.CRITICAL, "PD has no leader."))
    return found


def answerable(view: View, *, settled: bool) -> frozenset[str]:
    """The invariants that this view could have shown violated: only these can be resolved by it.

    Throughput is always among them: where no load runs, no client is hurt.
    """
    names = {"throughput"}
    if view.stores is not None and settled:
        names.add("stores_up")
    if view.regions is not None and settled:
        names.add("region_peers")
    if view.members is not None:
        names |= {"pd_members", "pd_quorum", "pd_leader"}
    return frozenset(names)


def own_invariants(role: Role) -> frozenset[str]:
    """The invariants that a fault on a node of that role violates by itself, for its own subject."""
    return frozenset({"stores_up"}) if role is Role.TIKV else frozenset({"pd_members"})

"""PD's word as observations: stores, members, leader and regions, before and now.

Heartbeat ages are measured as the hypothesis does it: against the later of our look and the
newest heartbeat in the same answer, since PD's clock need not be ours. A new PD leader's first
answers carry heartbeats that are a minute and more old (recorded on a real PD), so what it says
of stores whose nodes run is doubted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.diagnosis.observation import Observation, at_most, listed, unasked
from bot.domain.cluster import Member, Node, NodeState, Role, Store, StoreState, View
from bot.domain.evidence import Fact, FactKind
from bot.domain.invariants import LOST

_SILENT: Final = 2.0  # heartbeat intervals without a heartbeat
_MOST_STORES: Final = 8
_MOST_MEMBERS: Final = 4


def observe_pd(before: View, now: View, heartbeat: float) -> list[Observation]:
    """What PD says; `heartbeat` is the interval, in seconds, in which stores report to it."""
    return [
        *_leader(before, now),
        *_members(before, now),
        *_stores(before, now, heartbeat),
        *_regions(before, now),
    ]


def node_of_member(view: View, name: str, urls: tuple[str, ...] = ()) -> str:
    """The node that a PD member is: by its name, else by an address of its client URLs."""
    nodes = [n for n in view.nodes or () if n.role is Role.PD]
    hosts = {url.split("://", 1)[-1].rstrip("/") for url in urls}
    for node in nodes:
        if node.name == name or hosts & set(node.addresses):
            return node.name
    return name


def _member_name(before: View, now: View, name: str) -> str:
    members = [m for m in (*(now.members or ()), *(before.members or ())) if m.name == name]
    urls = tuple(u for m in members for u in m.client_urls)
    return node_of_member(now if now.nodes else before, name, urls)


def _leader_moved(before: View, now: View) -> bool:
    return before.pd_leader is not None and now.pd_leader not in (None, before.pd_leader)


def _leader(before: View, now: View) -> list[Observation]:
    old = before.pd_leader and _member_name(before, now, before.pd_leader)
    if now.pd_leader is None:
        reason = now.unanswered.get("members")
        said = f" ({reason.rstrip('. ')})" if reason else ""
        if not reason and now.members is None and before.pd_leader is None:
            return []
        fact = Fact(kind=FactKind.PD_LEADERLESS, node=old)
        text = f"PD names no leader{said}." + (f" Before, {old} led it." if old else "")
        return [Observation(source="pd", at=now.at, text=text, facts=(fact,))]
    new = _member_name(before, now, now.pd_leader)
    if not _leader_moved(before, now):
        known = "" if old else "; who led it before is not known"
        return [
            Observation(source="pd", at=now.at, text=f"PD is led by {new}{known or ', as before'}.")
        ]
    fact = Fact(kind=FactKind.PD_LEADER_CHANGED, node=old, other=new)
    text = f"PD is led by {new}; before, it was led by {old}."
    return [Observation(source="pd", at=now.at, text=text, facts=(fact,))]


def _members(before: View, now: View) -> list[Observation]:
    if now.members is None:
        return [unasked("pd", "PD's members", now.at, now.unanswered.get("members", ""))]
    was = {m.name: m.healthy for m in before.members or ()}
    away = sorted((m for m in now.members if not m.healthy), key=lambda m: m.name)
    seen = [_away(before, now, member, was.get(member.name, True)) for member in away]
    well = sorted(m.name for m in now.members if m.healthy)
    facts: tuple[Fact, ...] = ()
    text = f"PD reaches {len(well)} of its {len(now.members)} members: {listed(well) or 'none'}."
    if now.members and len(well) <= len(now.members) // 2:
        facts = (Fact(kind=FactKind.PD_QUORUM_LOST, number=len(well), of=len(now.members)),)
        text += " That is no quorum."
    total = Observation(source="pd", at=now.at, text=text, facts=facts)
    return [*at_most(seen, _MOST_MEMBERS, "PD members that are away"), total]


def _away(before: View, now: View, member: Member, was_healthy: bool) -> Observation:  # noqa: FBT001 - its name says what it is
    if not was_healthy:
        text = f"PD does not reach its member {member.name}, and did not before."
        return Observation(source="pd", at=now.at, text=text)
    name = node_of_member(now if now.nodes else before, member.name, member.client_urls)
    fact = Fact(kind=FactKind.MEMBER_AWAY, node=name)
    text = f"PD does not reach its member {member.name} any more."
    return Observation(source="pd", at=now.at, text=text, facts=(fact,))


def _age(store: Store, at: datetime, stores: tuple[Store, ...]) -> float | None:
    if store.last_heartbeat is None:
        return None
    beats = [s.last_heartbeat for s in stores if s.last_heartbeat]
    return (max([at, *beats]) - store.last_heartbeat).total_seconds()


def _stores(before: View, now: View, heartbeat: float) -> list[Observation]:
    if now.stores is None:
        return [unasked("pd", "PD's stores", now.at, now.unanswered.get("stores", ""))]
    changed: list[Observation] = []
    steady: list[str] = []
    facts: list[Fact] = []
    for store in sorted(now.stores, key=lambda s: s.id):
        node = next((n for n in now.nodes or before.nodes or () if n.store == store.id), None)
        seen = _store(store, before, now, heartbeat, node)
        if not any(f.kind is not FactKind.STORE_WELL for f in seen.facts) and not _differs(
            store, before
        ):
            steady.append(_named(store, node))
            facts += seen.facts
        else:
            changed.append(seen)
    # Stores that are worse off come before stores that only took over leaders.
    changed.sort(key=lambda o: all(f.kind is FactKind.STORE_WELL for f in o.facts))
    changed = at_most(changed, _MOST_STORES, "stores that changed")
    if steady:
        told = listed(steady)
        text = f"PD's word on {told} is unchanged: same state, same leaders."
        if before.stores is None:
            text = f"PD says nothing bad of {told}."
        changed.append(Observation(source="pd", at=now.at, text=text, facts=tuple(facts)))
    return changed


def _named(store: Store, node: Node | None) -> str:
    return f"store {store.id}" + (f" ({node.name})" if node else "")


def _differs(store: Store, before: View) -> bool:
    was = before.store(store.id)
    return was is not None and (was.state, was.leaders) != (store.state, store.leaders)


def _store(
    store: Store, before: View, now: View, heartbeat: float, node: Node | None
) -> Observation:
    was = before.store(store.id)
    age = _age(store, now.at, now.stores or ())
    silent = age is None or age > _SILENT * heartbeat
    lost = store.state in LOST
    facts: list[Fact] = []

    def fact(kind: FactKind, number: float | None = None, of: float | None = None) -> None:
        name = node.name if node else None
        facts.append(Fact(kind=kind, node=name, store=store.id, number=number, of=of))

    new = was is None or was.state not in LOST
    running = node is None or node.state is NodeState.RUNNING
    if (lost or silent) and _leader_moved(before, now) and running:
        fact(FactKind.STORE_DOUBTED, age)
    elif lost and new:
        fact(FactKind.STORE_LOST, age)
    elif silent and new:
        fact(FactKind.STORE_SILENT, age)
    elif store.state is StoreState.UP:
        fact(FactKind.STORE_WELL)
    if was is not None and store.leaders < was.leaders:
        fact(FactKind.LEADERS_LOST, store.leaders, was.leaders)
    elif (lost or silent) and new and store.leaders:
        fact(FactKind.LEADERS_KEPT, store.leaders)
    state = "" if was is None or was.state is store.state else f" (before: {was.state.value})"
    leaders = "" if was is None or was.leaders == store.leaders else f" (before: {was.leaders})"
    regions = "" if was is None or was.regions == store.regions else f" (before: {was.regions})"
    beat = "none ever" if age is None else f"{age:.1f} s ago"
    doubt = (
        " PD's leader is new: its first answers may be old."
        if FactKind.STORE_DOUBTED in [f.kind for f in facts]
        else ""
    )
    return Observation(
        source="pd",
        at=now.at,
        text=f"PD on {_named(store, node)}: {store.state.value}{state}; last heartbeat {beat}; "
        f"leaders {store.leaders}{leaders}; regions {store.regions}{regions}.{doubt}",
        facts=tuple(facts),
    )


def _regions(before: View, now: View) -> list[Observation]:
    if now.regions is None:
        return [unasked("pd", "PD's regions", now.at, now.unanswered.get("regions", ""))]
    r, was = now.regions, before.regions
    text = f"Regions with a peer missing: {r.miss_peer}, down: {r.down_peer}, pending: {r.pending_peer}"
    if was is not None:
        same = was == r
        text += (
            " (before: the same)"
            if same
            else f" (before: {was.miss_peer}, {was.down_peer}, {was.pending_peer})"
        )
    hurt = (r.miss_peer or r.down_peer or r.pending_peer) and was != r
    facts = (Fact(kind=FactKind.REGIONS_HURT),) if hurt else ()
    return [Observation(source="pd", at=now.at, text=text + ".", facts=facts)]

"""A hypothesis: what is true of a well cluster. Its probes each give one of three verdicts.

A probe that could not answer is unknown, never a pass. Pure functions of a view.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from bot.domain.cluster import NodeState, StoreState, View
from bot.domain.model import Value


class Verdict(StrEnum):
    """What a probe says of the system, not of itself."""

    HELD = "held"
    DEVIATED = "deviated"
    UNKNOWN = "unknown"


class Probe(Value):
    """One probe's answer: its verdict, what was observed, and what would be tolerated."""

    probe: str
    verdict: Verdict
    observed: str
    tolerance: str


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Deviated if any deviated; else unknown if any, or none at all, is unknown; else held."""
    seen = set(verdicts)
    if Verdict.DEVIATED in seen:
        return Verdict.DEVIATED
    return Verdict.HELD if seen == {Verdict.HELD} else Verdict.UNKNOWN


def _verdict(held: bool) -> Verdict:  # noqa: FBT001 - a truth is its whole argument
    return Verdict.HELD if held else Verdict.DEVIATED


def _unknown(probe: str, view: View, part: str, tolerance: str) -> Probe:
    reason = view.unanswered.get(part, "no answer")
    return Probe(probe=probe, verdict=Verdict.UNKNOWN, observed=reason, tolerance=tolerance)


def nodes_running(view: View) -> Probe:
    """Every node of the cluster runs."""
    if view.nodes is None:
        return _unknown("nodes_running", view, "nodes", "all")
    running = sum(n.state is NodeState.RUNNING for n in view.nodes)
    away = ", ".join(f"{n.name} {n.state.value}" for n in view.nodes if n.state != "running")
    return Probe(
        probe="nodes_running",
        verdict=_verdict(running == len(view.nodes) > 0),
        observed=f"{running} of {len(view.nodes)}" + (f" ({away})" if away else ""),
        tolerance="all",
    )


def stores_up(view: View) -> Probe:
    """PD calls every store Up."""
    if view.stores is None:
        return _unknown("stores_up", view, "stores", "all")
    up = sum(s.state is StoreState.UP for s in view.stores)
    away = ", ".join(f"store {s.id} {s.state.value}" for s in view.stores if s.state != "Up")
    return Probe(
        probe="stores_up",
        verdict=_verdict(up == len(view.stores) > 0),
        observed=f"{up} of {len(view.stores)}" + (f" ({away})" if away else ""),
        tolerance="all",
    )


def heartbeats_fresh(view: View, oldest: float) -> Probe:
    """No store's last heartbeat is older than `oldest` seconds, by the newest heartbeat and us.

    PD's clock need not be ours: an age is measured against the later of our look and the newest
    heartbeat that the same answer carries.
    """
    tolerance = f"at most {oldest:g} s old"
    if view.stores is None:
        return _unknown("heartbeats_fresh", view, "stores", tolerance)
    beats = [s.last_heartbeat for s in view.stores if s.last_heartbeat]
    now = max([view.at, *beats])
    ages = [(now - s.last_heartbeat).total_seconds() for s in view.stores if s.last_heartbeat]
    silent = len(view.stores) - len(ages)
    observed = f"oldest {max(ages):.1f} s" if ages else "no stores"
    return Probe(
        probe="heartbeats_fresh",
        verdict=_verdict(silent == 0 and bool(ages) and max(ages) <= oldest),
        observed=f"{silent} never sent one" if silent else observed,
        tolerance=tolerance,
    )


def heard_since(view: View, store_id: int, down: View | None) -> Probe:
    """The store has sent a heartbeat since it came back: a newer one than while it was `down`.

    Both are on PD's clock, so ours does not matter.
    """
    tolerance = "a heartbeat since the restore"
    store, was = view.store(store_id), down.store(store_id) if down else None
    if store is None or store.last_heartbeat is None:
        return _unknown("heard_since_restore", view, "stores", tolerance)
    heard = was is None or was.last_heartbeat is None or store.last_heartbeat > was.last_heartbeat
    return Probe(
        probe="heard_since_restore",
        verdict=_verdict(heard),
        observed=f"last heartbeat {store.last_heartbeat:%H:%M:%S}",
        tolerance=tolerance,
    )


def pd_leader(view: View) -> Probe:
    """PD has a leader."""
    if view.members is None and view.pd_leader is None:
        return _unknown("pd_leader", view, "members", "one")
    return Probe(
        probe="pd_leader",
        verdict=_verdict(view.pd_leader is not None),
        observed=view.pd_leader or "none",
        tolerance="one",
    )


def pd_quorum(view: View) -> Probe:
    """More than half of PD's members are reachable."""
    if view.members is None:
        return _unknown("pd_quorum", view, "members", "a majority")
    well = sum(m.healthy for m in view.members)
    need = len(view.members) // 2 + 1
    return Probe(
        probe="pd_quorum",
        verdict=_verdict(bool(view.members) and well >= need),
        observed=f"{well} of {len(view.members)}",
        tolerance=f"at least {need}",
    )


def pd_members(view: View) -> Probe:
    """Every PD member is reachable."""
    if view.members is None:
        return _unknown("pd_members", view, "members", "all")
    well = sum(m.healthy for m in view.members)
    away = ", ".join(m.name for m in view.members if not m.healthy)
    return Probe(
        probe="pd_members",
        verdict=_verdict(well == len(view.members) > 0),
        observed=f"{well} of {len(view.members)}" + (f" (without {away})" if away else ""),
        tolerance="all",
    )


def regions_whole(view: View) -> Probe:
    """No region lacks a peer, nor has one that is down or pending."""
    if view.regions is None:
        return _unknown("regions_whole", view, "regions", "none")
    r = view.regions
    return Probe(
        probe="regions_whole",
        verdict=_verdict(r.miss_peer == r.down_peer == r.pending_peer == 0),
        observed=f"{r.miss_peer} missing, {r.down_peer} down, {r.pending_peer} pending",
        tolerance="none",
    )


def steady_state(view: View, *, oldest_heartbeat: float) -> tuple[Probe, ...]:
    """The steady-state hypothesis: what must hold before a fault, and again after it."""
    return (
        nodes_running(view),
        stores_up(view),
        heartbeats_fresh(view, oldest_heartbeat),
        pd_leader(view),
        pd_members(view),
        regions_whole(view),
    )


def throughput(ops: float | None, baseline: float | None, *, least: float = 0.9) -> Probe:
    """Clients get at least `least` of the baseline (operations a second)."""
    tolerance = f"at least {least:.0%} of the baseline"
    if ops is None or not baseline:
        return Probe(
            probe="throughput",
            verdict=Verdict.UNKNOWN,
            observed="no load" if baseline is None else "no throughput",
            tolerance=tolerance,
        )
    return Probe(
        probe="throughput",
        verdict=_verdict(ops >= least * baseline),
        observed=f"{ops:,.0f} of {baseline:,.0f} ops/s",
        tolerance=tolerance,
    )

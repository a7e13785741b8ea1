"""Blast radius: what a fault may take with it. Its guards refuse a run that the cluster cannot bear.

A guard that cannot get its answer refuses (facts: a region's quorum is counted over its real
peers, since PD's own region view can be a minute old; the state of a store decides).
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.cluster import Node, NodeState, Region, Role, Store, StoreState, View
from bot.domain.hypothesis import Verdict
from bot.domain.model import Value

_TRANSIENT_ROLES = frozenset({"IncomingVoter", "DemotingVoter"})


class Guard(Value):
    """One guard's answer; anything but held refuses the run. `text` is a sentence for people."""

    guard: str
    verdict: Verdict
    text: str


def _well(store: Store, view: View, oldest_heartbeat: float) -> bool:
    if store.state is not StoreState.UP or store.last_heartbeat is None:
        return False
    beats = [s.last_heartbeat for s in view.stores or () if s.last_heartbeat]
    if (max([view.at, *beats]) - store.last_heartbeat).total_seconds() > oldest_heartbeat:
        return False
    node = next((n for n in view.nodes or () if n.store == store.id), None)
    return node is None or node.state is NodeState.RUNNING


def region_quorum(
    target: Node, view: View, regions: Sequence[Region] | None, *, oldest_heartbeat: float
) -> Guard:
    """Every region with a peer on the target keeps a majority of its voters without it."""

    def answer(verdict: Verdict, text: str) -> Guard:
        return Guard(guard="region_quorum", verdict=verdict, text=text)

    if target.store is None:
        return answer(Verdict.UNKNOWN, f"PD knows no store at the addresses of {target.name}.")
    if regions is None or view.stores is None:
        reason = view.unanswered.get("target_regions") or view.unanswered.get("stores", "no answer")
        return answer(
            Verdict.UNKNOWN, f"The regions of {target.label} could not be asked: {reason}."
        )
    well = {s.id for s in view.stores if _well(s, view, oldest_heartbeat)} - {target.store}
    for region in regions:
        if any(p.role in _TRANSIENT_ROLES for p in region.peers):
            return answer(Verdict.DEVIATED, f"Region {region.id} is changing its peers just now.")
        voters = [p for p in region.peers if p.role != "Learner"]
        alive = [p for p in voters if p.store in well and not p.down and not p.pending]
        if len(alive) < len(voters) // 2 + 1:
            return answer(
                Verdict.DEVIATED,
                f"Without {target.label}, region {region.id} would have {len(alive)} of "
                f"{len(voters)} voters and no quorum.",
            )
    return answer(
        Verdict.HELD, f"All {len(regions)} regions of {target.label} keep a quorum without it."
    )


def pd_survives(target: Node, view: View) -> Guard:
    """PD keeps a majority of its members without the target."""
    if view.members is None:
        reason = view.unanswered.get("members", "no answer")
        return Guard(
            guard="pd_quorum",
            verdict=Verdict.UNKNOWN,
            text=f"PD's members could not be asked: {reason}.",
        )
    left = [m for m in view.members if m.healthy and m.name != (target.member or target.name)]
    need = len(view.members) // 2 + 1
    return Guard(
        guard="pd_quorum",
        verdict=Verdict.HELD if len(left) >= need else Verdict.DEVIATED,
        text=f"PD keeps {len(left)} of {len(view.members)} members; it needs {need}.",
    )


def guards(
    target: Node, view: View, regions: Sequence[Region] | None, *, oldest_heartbeat: float
) -> tuple[Guard, ...]:
    """The guards that apply to a target."""
    if target.role is Role.PD:
        return (pd_survives(target, view),)
    return (
        region_quorum(target, view, regions, oldest_heartbeat=oldest_heartbeat),
        pd_survives(target, view),
    )

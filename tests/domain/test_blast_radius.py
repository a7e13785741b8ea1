"""Guards: would this lose a quorum? What cannot be asked refuses."""

from __future__ import annotations

import pytest

from bot.domain.blast_radius import guards, pd_survives, region_quorum
from bot.domain.cluster import Node, NodeState, Peer, Region, StoreState, View
from bot.domain.hypothesis import Verdict
from tests.domain.views import NODES, WELL, members, node, region, store, view

HELD, DEVIATED, UNKNOWN = Verdict.HELD, Verdict.DEVIATED, Verdict.UNKNOWN
TARGET = node("tikv-1")


def peers(*stores: int, **third: object) -> Region:
    made = [Peer(id=100 + s, store=s) for s in stores]
    if third:
        made[-1] = made[-1].model_copy(update=third)
    return region(12, *made)


@pytest.mark.parametrize(
    ("seen", "regions", "verdict", "says"),
    [
        (WELL, [region(12), region(13)], HELD, "All 2 regions"),
        (WELL, [], HELD, "All 0 regions"),
        (WELL, None, UNKNOWN, "could not be asked: no answer"),
        (
            view(unanswered={"target_regions": "PD answered 500"}),
            None,
            UNKNOWN,
            "PD answered 500",
        ),
        (view(stores=None), [region(12)], UNKNOWN, "could not be asked"),
        (
            view(stores=(store(4), store(5, StoreState.DISCONNECTED), store(6))),
            [region(12)],
            DEVIATED,
            "1 of 3 voters",
        ),
        (view(stores=(store(4), store(5, age=31), store(6))), [region(12)], DEVIATED, "1 of 3"),
        (view(stores=(store(4), store(5, age=None), store(6))), [region(12)], DEVIATED, "1 of 3"),
        (
            view(nodes=(node("tikv-2", NodeState.PAUSED), *NODES[2:])),
            [region(12)],
            DEVIATED,
            "1 of 3",
        ),
        (WELL, [peers(4, 5, 6, down=True)], DEVIATED, "1 of 3"),
        (WELL, [peers(4, 5, 6, pending=True)], DEVIATED, "1 of 3"),
        (WELL, [peers(4, 5, 6, role="IncomingVoter")], DEVIATED, "changing its peers"),
        (WELL, [peers(4, 5, 6, role="DemotingVoter")], DEVIATED, "changing its peers"),
        (WELL, [peers(4, 5, 6, role="Learner")], DEVIATED, "1 of 2"),
        (WELL, [peers(4)], DEVIATED, "0 of 1"),
        (WELL, [region(12), peers(4, 5)], DEVIATED, "1 of 2"),
    ],
)
def test_regions(seen: View, regions: list[Region] | None, verdict: Verdict, says: str) -> None:
    guard = region_quorum(TARGET, seen, regions, oldest_heartbeat=30)
    assert guard.verdict is verdict
    assert says in guard.text
    assert guard.text.endswith(".")


def test_a_learner_does_not_count_but_three_voters_beside_it_do() -> None:
    voters = [Peer(id=100 + s, store=s) for s in (4, 5, 6)]
    guard = region_quorum(
        TARGET,
        WELL,
        [region(12, *voters, Peer(id=9, store=7, role="Learner"))],
        oldest_heartbeat=30,
    )
    assert guard.verdict is HELD


def test_a_peer_on_a_store_that_pd_does_not_list_is_not_alive() -> None:
    guard = region_quorum(
        TARGET, view(stores=(store(4), store(5))), [region(12)], oldest_heartbeat=30
    )
    assert guard.verdict is DEVIATED


def test_a_target_without_a_store_is_unknown() -> None:
    bare = TARGET.model_copy(update={"store": None})
    assert region_quorum(bare, WELL, [region(12)], oldest_heartbeat=30).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("target", "seen", "verdict"),
    [
        (node("pd-1"), WELL, HELD),
        (node("tikv-1"), WELL, HELD),
        (node("pd-1"), view(members=members("pd-3")), DEVIATED),
        (node("pd-3"), view(members=members("pd-3")), HELD),
        (node("tikv-1"), view(members=members("pd-2", "pd-3")), DEVIATED),
        (node("pd-1"), view(members=members(of=1)), DEVIATED),
        (node("pd-1"), view(members=()), DEVIATED),
        (node("pd-1"), view(members=None), UNKNOWN),
    ],
)
def test_pd(target: Node, seen: View, verdict: Verdict) -> None:
    guard = pd_survives(target, seen)
    assert guard.verdict is verdict
    assert guard.text.endswith(".")


def test_which_guards_apply() -> None:
    names = [g.guard for g in guards(node("tikv-1"), WELL, [region()], oldest_heartbeat=30)]
    assert names == ["region_quorum", "pd_quorum"]
    assert [g.guard for g in guards(node("pd-1"), WELL, None, oldest_heartbeat=30)] == ["pd_quorum"]

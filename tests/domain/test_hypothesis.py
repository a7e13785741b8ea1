"""Three verdicts: held, deviated, unknown. Unknown is never a pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.domain import hypothesis as h
from bot.domain.cluster import NodeState, RegionHealth, Store, StoreState, View
from bot.domain.hypothesis import Probe, Verdict, overall
from tests.domain.views import NODES, WELL, members, node, store, view
from tests.histories import START

HELD, DEVIATED, UNKNOWN = Verdict.HELD, Verdict.DEVIATED, Verdict.UNKNOWN


def fresh(seen: View) -> Probe:
    return h.heartbeats_fresh(seen, 30)


def two_up(third: StoreState) -> View:
    return view(stores=(store(4, third), store(5), store(6)))


CASES: list[tuple[Callable[[View], Probe], View, Verdict, str]] = [
    (h.nodes_running, WELL, HELD, "6 of 6"),
    (
        h.nodes_running,
        view(nodes=(node("tikv-1", NodeState.EXITED), *NODES[1:])),
        DEVIATED,
        "5 of 6 (tikv-1 exited)",
    ),
    (h.nodes_running, view(nodes=()), DEVIATED, "0 of 0"),
    (h.nodes_running, view(nodes=None), UNKNOWN, "no answer"),
    (h.stores_up, WELL, HELD, "3 of 3"),
    (h.stores_up, two_up(StoreState.DISCONNECTED), DEVIATED, "2 of 3 (store 4 Disconnected)"),
    (h.stores_up, two_up(StoreState.DOWN), DEVIATED, "2 of 3 (store 4 Down)"),
    (h.stores_up, two_up(StoreState.OFFLINE), DEVIATED, "2 of 3 (store 4 Offline)"),
    (h.stores_up, view(stores=()), DEVIATED, "0 of 0"),
    (
        h.stores_up,
        view(stores=None, unanswered={"stores": "PD answered 503"}),
        UNKNOWN,
        "PD answered 503",
    ),
    (fresh, WELL, HELD, "oldest 5.0 s"),
    (fresh, view(stores=(store(4, age=30), store(5))), HELD, "oldest 30.0 s"),
    (fresh, view(stores=(store(4, age=31), store(5))), DEVIATED, "oldest 31.0 s"),
    (fresh, view(stores=(store(4, age=None), store(5))), DEVIATED, "1 never sent one"),
    (fresh, view(stores=()), DEVIATED, "no stores"),
    (fresh, view(stores=None), UNKNOWN, "no answer"),
    (h.pd_leader, WELL, HELD, "pd-1"),
    (h.pd_leader, view(pd_leader=None), DEVIATED, "none"),
    (h.pd_leader, view(pd_leader=None, members=None), UNKNOWN, "no answer"),
    (h.pd_quorum, WELL, HELD, "3 of 3"),
    (h.pd_quorum, view(members=members("pd-2")), HELD, "2 of 3"),
    (h.pd_quorum, view(members=members("pd-2", "pd-3")), DEVIATED, "1 of 3"),
    (h.pd_quorum, view(members=members("pd-3", "pd-4", of=4)), DEVIATED, "2 of 4"),
    (h.pd_quorum, view(members=()), DEVIATED, "0 of 0"),
    (h.pd_quorum, view(members=None), UNKNOWN, "no answer"),
    (h.pd_members, WELL, HELD, "3 of 3"),
    (h.pd_members, view(members=members("pd-3")), DEVIATED, "2 of 3 (without pd-3)"),
    (h.pd_members, view(members=None), UNKNOWN, "no answer"),
    (h.regions_whole, WELL, HELD, "0 missing, 0 down, 0 pending"),
    (
        h.regions_whole,
        view(regions=RegionHealth(pending_peer=2)),
        DEVIATED,
        "0 missing, 0 down, 2 pending",
    ),
    (h.regions_whole, view(regions=None), UNKNOWN, "no answer"),
]


@pytest.mark.parametrize(("probe", "seen", "verdict", "observed"), CASES)
def test_probe(probe: Callable[[View], Probe], seen: View, verdict: Verdict, observed: str) -> None:
    answer = probe(seen)
    assert (answer.verdict, answer.observed) == (verdict, observed)
    assert answer.tolerance


def test_a_clock_that_lags_pd_makes_no_heartbeat_fresh() -> None:
    behind = view(at=START - timedelta(hours=1), stores=(store(4, age=0), store(5, age=40)))
    assert fresh(behind).verdict is DEVIATED


@pytest.mark.parametrize(
    ("now", "down", "verdict"),
    [
        (store(4, age=1), store(4, age=40), HELD),
        (store(4, age=40), store(4, age=40), DEVIATED),
        (store(4, age=40), store(4, age=None), HELD),
        (store(4, age=40), None, HELD),
        (store(4, age=None), store(4, age=40), UNKNOWN),
        (store(5), store(4, age=40), UNKNOWN),
    ],
)
def test_a_restored_store_has_to_be_heard_of_again(
    now: Store, down: Store | None, verdict: Verdict
) -> None:
    before = view(stores=(down,)) if down else None
    assert h.heard_since(view(stores=(now,)), 4, before).verdict is verdict


def test_the_steady_state_of_a_well_cluster_holds() -> None:
    probes = h.steady_state(WELL, oldest_heartbeat=30)
    assert overall(p.verdict for p in probes) is HELD
    assert len({p.probe for p in probes}) == len(probes)


def test_a_cluster_that_says_nothing_is_unknown() -> None:
    probes = h.steady_state(View(at=START), oldest_heartbeat=30)
    assert {p.verdict for p in probes} == {UNKNOWN}


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([], UNKNOWN),
        ([HELD], HELD),
        ([HELD, HELD], HELD),
        ([HELD, UNKNOWN], UNKNOWN),
        ([HELD, DEVIATED], DEVIATED),
        ([UNKNOWN, DEVIATED, HELD], DEVIATED),
    ],
)
def test_overall(verdicts: list[Verdict], whole: Verdict) -> None:
    assert overall(verdicts) is whole
    assert overall(reversed(verdicts)) is whole


@pytest.mark.parametrize(
    ("ops", "baseline", "verdict"),
    [
        (900.0, 1000.0, HELD),
        (899.0, 1000.0, DEVIATED),
        (0.0, 1000.0, DEVIATED),
        (2000.0, 1000.0, HELD),
        (None, 1000.0, UNKNOWN),
        (900.0, None, UNKNOWN),
        (None, None, UNKNOWN),
        (0.0, 0.0, UNKNOWN),
    ],
)
def test_throughput(ops: float | None, baseline: float | None, verdict: Verdict) -> None:
    assert h.throughput(ops, baseline).verdict is verdict

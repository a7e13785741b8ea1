"""What becomes a ticket, and what must not."""

from __future__ import annotations

from bot.domain.cluster import RegionHealth, Role, StoreState, View
from bot.domain.invariants import answerable, own_invariants, violations
from bot.domain.ticket import Severity
from tests.domain.views import WELL, members, store, view
from tests.histories import START

LOST = view(stores=(store(4, StoreState.DISCONNECTED, age=25), store(5), store(6)))


NAMES = {4: "tikv-1", 5: "tikv-2", 6: "tikv-3"}


def found(
    seen: View, *, settled: bool = True, ops: float | None = None, baseline: float | None = None
) -> set[tuple[str, str]]:
    violated = violations(seen, settled=settled, names=NAMES, ops=ops, baseline=baseline)
    return {(v.invariant, v.subject) for v in violated}


def test_a_well_cluster_violates_nothing() -> None:
    assert found(WELL, ops=1000, baseline=1000) == set()


def test_a_lost_store_is_critical_and_named_by_its_node() -> None:
    (violation,) = violations(LOST, settled=True, names=NAMES)
    assert (violation.invariant, violation.subject) == ("stores_up", "tikv-1")
    assert violation.severity is Severity.CRITICAL
    assert violation.text == "PD calls store 4 Disconnected."


def test_a_store_on_no_known_node_is_named_by_its_number() -> None:
    (violation,) = violations(LOST, settled=True)
    assert violation.subject == "store 4"


def test_a_fresh_pd_leader_raises_no_false_alarm() -> None:
    """Recorded: its first answers carry heartbeats that are a minute old."""
    stale = tuple(store(i, StoreState.DISCONNECTED, age=75) for i in (4, 5, 6))
    seen = view(stores=stale, regions=RegionHealth(down_peer=3, miss_peer=1))
    assert found(seen, settled=False) == set()
    assert len(found(seen, settled=True)) == 4


def test_what_a_fresh_leader_says_of_pd_itself_counts() -> None:
    seen = view(members=members("pd-3"))
    assert found(seen, settled=False) == {("pd_members", "pd-3")}


def test_a_lost_quorum_and_leader() -> None:
    seen = view(members=members("pd-2", "pd-3"), pd_leader=None)
    assert found(seen) == {
        ("pd_members", "pd-2"),
        ("pd_members", "pd-3"),
        ("pd_quorum", "pd"),
        ("pd_leader", "pd"),
    }


def test_pending_peers_alone_are_the_everyday_of_elections() -> None:
    assert found(view(regions=RegionHealth(pending_peer=4))) == set()
    assert found(view(regions=RegionHealth(miss_peer=1))) == {("region_peers", "regions")}


def test_throughput_below_half_is_a_violation_and_no_load_is_none() -> None:
    assert found(WELL, ops=499, baseline=1000) == {("throughput", "clients")}
    assert found(WELL, ops=501, baseline=1000) == set()
    assert found(WELL) == set()


def test_what_was_not_asked_violates_nothing_and_resolves_nothing() -> None:
    silent = View(at=START)
    assert found(silent) == set()
    assert answerable(silent, settled=True) == {"throughput"}  # where no load runs, none is hurt


def test_only_what_was_asked_can_be_resolved() -> None:
    assert answerable(WELL, settled=True) == {
        "stores_up",
        "region_peers",
        "pd_members",
        "pd_quorum",
        "pd_leader",
        "throughput",
    }
    assert "stores_up" not in answerable(WELL, settled=False)


def test_a_ticket_that_can_be_opened_can_be_resolved() -> None:
    worst = view(
        stores=(store(4, StoreState.DOWN),),
        regions=RegionHealth(down_peer=1),
        members=members("pd-1", "pd-2", "pd-3"),
        pd_leader=None,
    )
    opened = {invariant for invariant, _ in found(worst, ops=0, baseline=1000)}
    assert opened <= answerable(worst, settled=True)


def test_what_a_fault_breaks_by_itself() -> None:
    assert own_invariants(Role.TIKV) == {"stores_up"}
    assert own_invariants(Role.PD) == {"pd_members"}

"""From a selector to a node of the cluster."""

from __future__ import annotations

from random import Random

import pytest

from bot.domain.cluster import NodeState, with_stores
from bot.domain.errors import CommandError
from bot.domain.target import Target
from tests.domain.views import NODES, node, store


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tikv", ["tikv-1", "tikv-2", "tikv-3"]),
        ("pd", ["pd-1", "pd-2", "pd-3"]),
        ("tikv-2", ["tikv-2"]),
        ("TIKV-2", ["tikv-2"]),
        ("pd-1", ["pd-1"]),
        ("pd leader", ["pd-1", "pd-2", "pd-3"]),
    ],
)
def test_candidates(word: str, meant: list[str]) -> None:
    assert [n.name for n in Target.parse(word).candidates(NODES)] == meant


def test_candidates_are_the_same_in_whatever_order_the_nodes_come() -> None:
    target = Target.parse("tikv")
    assert target.candidates(NODES) == target.candidates(NODES[::-1])


def test_a_name_in_capitals_is_found() -> None:
    nodes = [node("tikv-1").model_copy(update={"name": "TiKV-A"})]
    assert Target.parse("tikv-a").candidates(nodes) == nodes


def test_what_does_not_run_is_no_candidate() -> None:
    nodes = [node("tikv-1", NodeState.EXITED), node("tikv-2"), node("tikv-3", NodeState.PAUSED)]
    assert [n.name for n in Target.parse("tikv").candidates(nodes)] == ["tikv-2"]


def test_the_leader_of_pd_is_the_node_of_the_member_that_leads() -> None:
    target = Target.parse("PD leader")
    assert str(target) == "pd leader"
    assert [n.name for n in target.candidates(NODES, "pd-2")] == ["pd-2"]
    renamed = [n.model_copy(update={"member": f"m-{n.name}"}) for n in NODES]
    assert target.choose(renamed, Random(1), "m-pd-3").name == "pd-3"
    with pytest.raises(CommandError, match='no node "pd leader"'):
        target.candidates(NODES, "pd-9")


def test_an_unknown_name_is_told_which_there_are() -> None:
    with pytest.raises(CommandError) as wrong:
        Target.parse("tikv-9").candidates(NODES)
    assert wrong.value.word == "tikv-9"
    assert "pd-1, pd-2, pd-3, tikv-1, tikv-2, tikv-3" in wrong.value.mend


def test_an_empty_cluster_has_no_candidates() -> None:
    with pytest.raises(CommandError, match='no node "tikv"') as wrong:
        Target.parse("tikv").candidates([])
    assert "none" in wrong.value.mend


def test_a_node_that_is_down_already_is_said_to_be() -> None:
    with pytest.raises(CommandError, match="tikv-1 is exited"):
        Target.parse("tikv-1").candidates([node("tikv-1", NodeState.EXITED), node("tikv-2")])


def test_one_is_chosen_and_the_dice_decide_which() -> None:
    target = Target.parse("tikv")
    chosen = {target.choose(NODES, Random(seed)).name for seed in range(40)}
    assert chosen == {"tikv-1", "tikv-2", "tikv-3"}
    assert target.choose(NODES, Random(7)) == target.choose(NODES[::-1], Random(7))


def test_nodes_get_the_store_at_their_address() -> None:
    bare = [n.model_copy(update={"store": None}) for n in NODES]
    matched = with_stores(bare, [store(4), store(5), store(6)])
    assert {n.name: n.store for n in matched if n.store} == {"tikv-1": 4, "tikv-2": 5, "tikv-3": 6}


def test_an_address_that_two_stores_share_decides_nothing() -> None:
    twin = store(5).model_copy(update={"address": "tikv-1:20160"})
    (matched,) = with_stores([node("tikv-1")], [store(4), twin])
    assert matched.store == 4  # what was known before
    (unknown,) = with_stores([node("tikv-1").model_copy(update={"store": None})], [store(4), twin])
    assert unknown.store is None
    (kept,) = with_stores([node("tikv-1")], None)
    assert kept.store == 4

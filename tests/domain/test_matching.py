"""Which node is which store and member, by tables, and with what a real engine and PD said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cluster.container_shapes import Inspected
from bot.domain.cluster import Member, Node, NodeState, Role, Store, StoreState, owners
from bot.domain.matching import matched, mismatches, with_members
from tests.domain.views import NODES, WELL, node, view

RECORDED = Path(__file__).parents[1] / "data" / "docker"


def container(name: str, *hosts: tuple[str, ...], ports: tuple[int, ...] = ()) -> Node:
    return Node(name=name, role=Role.TIKV, state=NodeState.RUNNING, hosts=hosts, ports=ports)


def at(address: str, id: int = 1) -> Store:  # noqa: A002 - PD's own word
    return Store(id=id, address=address, state=StoreState.UP)


A = container("a", ("p_a_1",), ("a",), ("a", "x"), ("c0ffee",), ("10.0.0.2",), ports=(20160,))
B = container("b", ("p_b_1",), ("b",), ("b", "x", "a"), ("a",), ("10.0.0.3", "fd00::3"))


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("p_a_1:20160", ["a"]),
        ("a:20160", ["a"]),  # a service counts for more than another one's alias or hostname
        ("P_B_1:20160", ["b"]),
        ("c0ffee:20160", ["a"]),
        ("10.0.0.3:20160", ["b"]),
        ("[fd00::3]:20160", ["b"]),
        ("x:20160", ["a"]),  # two, but only one of them is known to listen there
        ("x:20161", ["a", "b"]),
        ("x:twenty", ["a", "b"]),
        ("nobody:20160", []),
        ("", []),
    ],
)
def test_the_best_kind_of_name_decides(address: str, names: list[str]) -> None:
    assert [n.name for n in owners(address, [A, B])] == names


def test_the_very_address_wins() -> None:
    here = B.model_copy(update={"addresses": ("a:20160",)})
    assert owners("a:20160", [A, here]) == [here]


def test_a_well_cluster_has_no_mismatches_and_nodes_know_their_address() -> None:
    assert mismatches(NODES, WELL.stores, WELL.members) == ()
    (found,) = matched([A], view(stores=(at("a:20160", 4),)))
    assert (found.store, found.addresses) == (4, ("a:20160",))


@pytest.mark.parametrize(
    ("nodes", "stores", "says"),
    [
        ([A], [at("nobody:1")], ["store 1 at nobody:1 is none of the nodes (a)", "a is no store"]),
        ([A], [], ["a is no store that PD knows (none)"]),
        ([], [at("a:1")], ["store 1 at a:1 is none of the nodes (none)"]),
        ([A, B], [at("x:1"), at("10.0.0.2:1", 2)], ["store 1 at x:1 could be a and b"]),
        (
            [A],
            [at("a:1"), at("10.0.0.2:1", 7)],
            ["a could be PD's store 1 at a:1 and store 7 at 10.0.0.2:1"],
        ),
        ([A], None, []),
    ],
)
def test_zero_or_two_matches_name_both_sides(nodes, stores, says) -> None:
    found = [m.text for m in mismatches(nodes, stores, None)]
    assert len(found) == len(says)
    assert all(said in text for said, text in zip(says, found, strict=True))


def test_members_are_matched_by_their_urls_first() -> None:
    pds = [node("pd-1"), node("pd-2")]
    swapped = [
        Member(name="pd-2", client_urls=("http://pd-1:2379",)),
        Member(name="main", client_urls=("http://pd-2:2379",)),
    ]
    assert [n.member for n in with_members(pds, swapped)] == ["pd-2", "main"]
    assert [n.member for n in with_members(pds, [Member(name="pd-1")])] == ["pd-1", None]
    away = [Member(name="pd-9", client_urls=("http://10.9.9.9:2379",))]
    texts = [m.text for m in mismatches(pds, None, away)]
    assert texts[0] == "PD's member pd-9 at 10.9.9.9:2379 is none of the nodes (pd-1, pd-2)."


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.inspect.json")), ids=lambda p: p.stem)
def test_recorded_containers_are_found_by_what_pd_called_them(path: Path) -> None:
    said = json.loads(path.read_text())
    inspected = Inspected.model_validate(said[0] if isinstance(said, list) else said)
    own = inspected.node(inspected.service, Role.TIKV)
    other = container("tikv9", ("tikv9",), ("tikv9",))
    stores = [at(f"{own.name}:20160", 4), at("tikv9:20160", 5)]
    found = matched([own, other], view(stores=tuple(stores)))
    assert [n.store for n in found] == [4, 5]
    assert mismatches([own, other], stores, None) == ()
    exited = "kill" in path.stem or "stop" in path.stem
    assert own.state is {True: NodeState.EXITED, False: own.state}[exited]

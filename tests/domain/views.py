"""A cluster of three stores and three PDs as it looks when well, to be broken in tests."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.cluster import (
    Member,
    Node,
    NodeState,
    Peer,
    Region,
    RegionHealth,
    Role,
    Store,
    StoreState,
    View,
)
from tests.histories import START

STORES = {"tikv-1": 4, "tikv-2": 5, "tikv-3": 6}


def node(name: str, state: NodeState = NodeState.RUNNING) -> Node:
    role = Role.TIKV if name in STORES else Role.PD
    port = 20160 if role is Role.TIKV else 2379
    store = STORES.get(name)
    return Node(name=name, role=role, state=state, addresses=(f"{name}:{port}",), store=store)


def store(
    id: int,  # noqa: A002 - PD's own word
    state: StoreState = StoreState.UP,
    age: float | None = 5.0,
) -> Store:
    name = next(n for n, s in STORES.items() if s == id)
    beat = None if age is None else START - timedelta(seconds=age)
    return Store(id=id, address=f"{name}:20160", state=state, last_heartbeat=beat)


def region(id: int = 12, *peers: Peer) -> Region:  # noqa: A002 - PD's own word
    voters = tuple(Peer(id=100 + s, store=s) for s in STORES.values())
    return Region(id=id, peers=peers or voters, leader=4)


NODES = tuple(node(n) for n in (*STORES, "pd-1", "pd-2", "pd-3"))
WELL = View(
    at=START,
    nodes=NODES,
    stores=tuple(store(i) for i in STORES.values()),
    members=tuple(Member(name=f"pd-{i}", healthy=True) for i in (1, 2, 3)),
    pd_leader="pd-1",
    regions=RegionHealth(),
)


def view(**changed: object) -> View:
    return WELL.model_copy(update=changed)


def members(*away: str, of: int = 3) -> tuple[Member, ...]:
    names = [f"pd-{i}" for i in range(1, of + 1)]
    return tuple(Member(name=n, healthy=n not in away) for n in names)

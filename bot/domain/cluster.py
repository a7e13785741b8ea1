"""A cluster as it can be seen: nodes (what runs), stores and members (what PD says), regions.

A part of a view that could not be asked is None, and `unanswered` says why; None is never read
as "well".
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from bot.domain.model import Instant, Value


class Role(StrEnum):
    """What a node does in the cluster."""

    TIKV = "tikv"
    PD = "pd"


class NodeState(StrEnum):
    """How a node's process or container stands."""

    RUNNING = "running"
    PAUSED = "paused"
    EXITED = "exited"


class Node(Value):
    """A member of the cluster: a process or container, with its role and, for TiKV, its store.

    `addresses` are the host:port pairs under which PD knows it if it does. Where only its host
    is known, `hosts` are the host's names, the best kind of name first, and `ports` what it
    listens on. `exit_code` is Docker's: 128 + the signal's number for a process that a signal
    ended. `store` is its store's id in PD, `member` the name of the PD member that it is.
    `labels` are what somebody wrote on it, to say what it is for.
    """

    name: str
    role: Role
    state: NodeState
    addresses: tuple[str, ...] = ()
    hosts: tuple[tuple[str, ...], ...] = ()
    ports: tuple[int, ...] = ()
    exit_code: int | None = None
    oom_killed: bool | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    restarts: int = 0
    store: int | None = None
    member: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)

    @property
    def label(self) -> str:
        """Node and store together: "tikv-1 (store 4)", or the name alone."""
        return self.name if self.store is None else f"{self.name} (store {self.store})"


class NodeEvent(Value):
    """Something that happened to a node, told by its backend at once."""

    at: Instant
    node: str
    event: str  # start, die, pause, unpause, connect, disconnect, destroy
    exit_code: int | None = None


class StoreState(StrEnum):
    """PD's word for a store (`state_name`)."""

    UP = "Up"
    DISCONNECTED = "Disconnected"
    DOWN = "Down"
    OFFLINE = "Offline"
    TOMBSTONE = "Tombstone"


class Store(Value):
    """A TiKV store as PD sees it. `last_heartbeat` is on PD's clock."""

    id: int
    address: str
    status_address: str | None = None
    state: StoreState
    last_heartbeat: Instant | None = None
    started_at: Instant | None = None
    leaders: int = 0
    regions: int = 0
    pending_peers: int = 0


class Member(Value):
    """A PD member. `healthy` means reachable, not that a quorum exists."""

    name: str
    client_urls: tuple[str, ...] = ()
    healthy: bool = False


class RegionHealth(Value):
    """How many regions PD counts as lacking, down or pending a peer."""

    miss_peer: int = 0
    down_peer: int = 0
    pending_peer: int = 0


class Peer(Value):
    """One replica of a region."""

    id: int
    store: int
    role: str = "Voter"
    down: bool = False
    pending: bool = False


class Region(Value):
    """A range of keys, replicated by its peers; `leader` is the leader's store."""

    id: int
    peers: tuple[Peer, ...]
    leader: int | None = None


class Mismatch(Value):
    """A node and what PD says that do not fit together; `text` is a sentence that names both."""

    role: Role
    text: str


class View(Value):
    """One look at a cluster. `at` is our clock's; `seconds` is how long the look took.

    `nodes` come from the backend, the rest from PD. `answered_by` is the PD address that
    answered; `unanswered` maps what could not be asked ("nodes", "stores", "members",
    "regions") to the reason, in words for people. `mismatches` are the nodes of which it is not
    known which store or member they are, and the stores and members without a node.
    """

    at: Instant
    seconds: float = 0.0
    nodes: tuple[Node, ...] | None = None
    stores: tuple[Store, ...] | None = None
    members: tuple[Member, ...] | None = None
    pd_leader: str | None = None
    regions: RegionHealth | None = None
    answered_by: str | None = None
    unanswered: dict[str, str] = Field(default_factory=dict)
    mismatches: tuple[Mismatch, ...] = ()

    def store(self, store_id: int | None) -> Store | None:
        """The store of that id, if PD named it."""
        return next((s for s in self.stores or () if s.id == store_id), None)

    def node(self, name: str) -> Node | None:
        """The node of that name, if the backend named it."""
        return next((n for n in self.nodes or () if n.name == name), None)


def owners(address: str, nodes: Sequence[Node]) -> list[Node]:
    """The nodes that an address ("tikv-1:20160") may mean; only exactly one is an answer.

    A node that is known by the very address wins; then the best kind of name under which any
    node is known decides, and among several of them the port, where it is known.
    """
    exact = [n for n in nodes if address in n.addresses]
    if exact:
        return exact
    host, _, digits = address.rpartition(":")
    host = host.strip("[]").lower()
    for kind in range(max((len(n.hosts) for n in nodes), default=0)):
        found = [n for n in nodes if host in (h.lower() for h in _hosts(n, kind))]
        if len(found) > 1 and digits.isascii() and digits.isdigit():
            found = [n for n in found if int(digits) in n.ports] or found
        if found:
            return found
    return []


def _hosts(node: Node, kind: int) -> tuple[str, ...]:
    return node.hosts[kind] if kind < len(node.hosts) else ()


def with_stores(nodes: Sequence[Node], stores: Sequence[Store] | None) -> tuple[Node, ...]:
    """The nodes, each with the id and address of the store that PD knows at one of its addresses.

    A TiKV node that none, or more than one, of the stores fits keeps the store it had.
    """
    candidates = [n for n in nodes if n.role is Role.TIKV]
    found: dict[str, set[Store]] = {}
    for store in stores or ():
        fitting = owners(store.address, candidates)
        if len(fitting) == 1:
            found.setdefault(fitting[0].name, set()).add(store)
    return tuple(_with_store(n, found.get(n.name, set())) for n in nodes)


def _with_store(node: Node, stores: set[Store]) -> Node:
    if len(stores) != 1:
        return node
    (store,) = stores
    known = (*node.addresses, store.address)
    return node.model_copy(update={"store": store.id, "addresses": tuple(dict.fromkeys(known))})

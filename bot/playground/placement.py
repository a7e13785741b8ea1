"""Placement: what the PDs agree on, and what their leader has heard since it leads. No I/O here."""

from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from bot.playground.timers import Timers

REPLICAS = 3
SPLITS = ("user2", "user4", "user6", "user7", "user9")
"""Keys at which the key space is cut into regions; YCSB's keys are `user` and a number."""
TABLE = "usertable:"
NEVER = 0
"""The heartbeat, in nanoseconds since 1970, of a store that never sent one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a store tells about itself, and the PDs remember."""

    name: str
    address: str
    status_address: str
    start_timestamp: int
    version: str
    git_hash: str = "None"
    deploy_path: str = "/playground"


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of the key space and the peers that hold it."""

    id: int
    start: str
    end: str
    """The first key and the key after the last one; an empty end is the end of everything."""
    peers: dict[int, int]
    """Peer id by store id."""
    first: int
    """The store whose peer stands for the first term."""


@dataclass(slots=True)
class Beat:
    """What a store said in its last heartbeat; sizes are bytes."""

    at: int = NEVER
    """Nanoseconds since 1970, on PD's clock."""
    capacity: int = 0
    available: int = 0
    used: int = 0


@dataclass(slots=True)
class Report:
    """What a region's leader said of it last; `down` holds seconds by store id."""

    leader: int = 0
    term: int = 0
    pending: list[int] = field(default_factory=list)
    down: dict[int, int] = field(default_factory=dict)
    size: int = 1
    """MiB, and at least 1."""
    keys: int = 0
    written_bytes: int = 0
    written_keys: int = 0
    read_bytes: int = 0
    read_keys: int = 0


class Placement:
    """What the PDs agree on: a machine for their Raft group.

    Proposals are lists that begin with a verb: `cluster`, `store`, `regions`, `beats`, `leaders`.
    """

    def __init__(self) -> None:
        self.restore(None)

    def restore(self, state: Any) -> None:
        """Replaces everything; None is a cluster that nobody has joined yet."""
        state = state or {}
        self.cluster_id: int = state.get("cluster_id", 0)
        self.bootstrapped: str = state.get("bootstrapped", "")
        self.last_id: int = state.get("last_id", 0)
        self.stores: dict[int, dict[str, Any]] = {s["id"]: s for s in state.get("stores", [])}
        self.regions = {r["id"]: _region(r) for r in state.get("regions", [])}
        self.beats = {int(i): Beat(**b) for i, b in state.get("beats", {}).items()}
        self.leaders = {int(i): tuple(v) for i, v in state.get("leaders", {}).items()}

    def save(self) -> Any:
        """Everything, as JSON can hold it."""
        return {
            "cluster_id": self.cluster_id,
            "bootstrapped": self.bootstrapped,
            "last_id": self.last_id,
            "stores": list(self.stores.values()),
            "regions": [asdict(region) for region in self.regions.values()],
            "beats": {str(i): asdict(beat) for i, beat in self.beats.items()},
            "leaders": {str(i): list(v) for i, v in self.leaders.items()},
        }

    def apply(self, index: int, data: Any) -> Any:  # noqa: ARG002 - a machine's signature
        """Takes a proposal in; the result of `store` is the store's id."""
        verb, *words = data
        if verb == "cluster" and not self.cluster_id:
            (self.cluster_id,) = words
        elif verb == "store":
            return self._join(*words)
        elif verb == "regions" and not self.regions:
            self._cut()
        elif verb == "beats":
            self.beats.update({int(i): Beat(**beat) for i, beat in words[0].items()})
        elif verb == "leaders":
            self.leaders.update({int(i): tuple(v) for i, v in words[0].items()})
        return 0

    def named(self, name: str) -> dict[str, Any] | None:
        """The store with a name."""
        return next((s for s in self.stores.values() if s["name"] == name), None)

    def _id(self) -> int:
        self.last_id += 1
        return self.last_id

    def _join(self, fields: dict[str, Any], at: str) -> int:
        known = self.named(fields["name"])
        if known:
            known.update(fields)
            return int(known["id"])
        store = {"id": self._id(), **fields}
        self.stores[store["id"]] = store
        self.beats[store["id"]] = Beat()
        if len(self.stores) == 1:  # the first store brings the first region and its first peer
            self.bootstrapped = at
            self.last_id += 2
        return int(store["id"])

    def _cut(self) -> None:
        keys = ["", *(TABLE + key for key in SPLITS), ""]
        stores = sorted(self.stores)[:REPLICAS]
        for n, (start, end) in enumerate(pairwise(keys)):
            number = 2 if n == 0 else self._id()
            peers = {s: 3 if n == 0 and s == stores[0] else self._id() for s in stores}
            region = Region(number, start, end, peers, stores[n % len(stores)])
            self.regions[number] = region


def _region(value: dict[str, Any]) -> Region:
    return Region(**{**value, "peers": {int(s): p for s, p in value["peers"].items()}})


def state_name(heartbeat: int, now: int, timers: Timers) -> str:
    """PD's word for a store, by the age of its heartbeat; both times in nanoseconds."""
    age = (now - heartbeat) / 1e9
    if age > timers.down_after:
        return "Down"
    return "Disconnected" if age > timers.disconnected_after else "Up"


class Sight:
    """What the leader has heard since it leads; it begins with what the PDs had agreed on."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.beats = {i: Beat(**asdict(beat)) for i, beat in placement.beats.items()}
        self.reports = {i: Report() for i in placement.regions}
        for region, (store, term) in placement.leaders.items():
            self.reports[region] = Report(leader=store, term=term)
        self.up_since: dict[int, float] = {}

    def hear(self, store: int, beat: Beat, now: float, timers: Timers) -> None:
        """Takes in a store's heartbeat; `now` is monotonic seconds."""
        before = self.beats.get(store, Beat())
        if state_name(before.at, beat.at, timers) != "Up" or store not in self.up_since:
            self.up_since[store] = now
        self.beats[store] = beat

    def report(self, region: int, report: Report) -> bool:
        """Takes in a region's state; True when its leader or term is news, False when old."""
        known = self.reports.get(region, Report())
        if report.term < known.term or region not in self.placement.regions:
            return False
        self.reports[region] = report
        return (report.leader, report.term) != (known.leader, known.term)

    def leader_count(self, store: int) -> int:
        """How many regions a store leads, as far as heard."""
        return sum(report.leader == store for report in self.reports.values())

    def to_move(self, now: float, now_ns: int, timers: Timers) -> tuple[int, int, int] | None:
        """A leader to move for balance: region, from store, to store; None when all is well."""
        up = [
            store
            for store, beat in self.beats.items()
            if state_name(beat.at, now_ns, timers) == "Up"
            and now - self.up_since.get(store, now) >= timers.balance_settle
        ]
        if not up:
            return None
        low, high = min(up, key=self.leader_count), max(up, key=self.leader_count)
        if self.leader_count(high) <= self.leader_count(low) + 1:
            return None
        for number, report in self.reports.items():
            if report.leader == high and low not in report.pending and low not in report.down:
                return number, high, low
        return None

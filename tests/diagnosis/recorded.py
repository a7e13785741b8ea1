"""Scenes made of what a real PD v8.5.5, the Docker Engine and go-ycsb said (tests/data/diagnosis).

The logs are none of theirs: the recorded stores were not TiKV. They are in TiKV's own wording.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.cluster import (
    Member,
    Node,
    NodeState,
    RegionHealth,
    Role,
    Store,
    StoreState,
    View,
    with_stores,
)
from bot.domain.errors import Unreachable
from bot.domain.load import LoadSample, baseline
from bot.engine.ports import Scene

DATA = Path(__file__).parents[1] / "data" / "diagnosis"
START = datetime(2026, 11, 22, 12, 32, 15, tzinfo=UTC)
HEALTH, MEMBERS, LEADER, STORES = "/health", "/members", "/leader", "/stores"


WELL = {"state": NodeState.RUNNING, "exit_code": None, "finished_at": None}


def recording(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text())
    return loaded


def moment(text: str) -> datetime | None:
    parsed = datetime.fromisoformat(text[:19] + "+00:00")
    return parsed if parsed.year > 1 else None


def node_of(inspected: Mapping[str, Any]) -> Node:
    state = inspected["State"]
    name = inspected["Name"].lstrip("/")
    return Node(
        name=name,
        role=Role.PD if name.startswith("pd") else Role.TIKV,
        state=NodeState(state["Status"]),
        exit_code=state["ExitCode"] if state["Status"] == "exited" else None,
        oom_killed=state["OOMKilled"],
        started_at=moment(state["StartedAt"]),
        finished_at=moment(state["FinishedAt"]),
        restarts=inspected["RestartCount"],
        addresses=(f"{name}:{2379 if name.startswith('pd') else 20160}",),
    )


def running(name: str) -> Node:
    role, port = (Role.PD, 2379) if name.startswith("pd") else (Role.TIKV, 20160)
    return Node(
        name=name,
        role=role,
        state=NodeState.RUNNING,
        addresses=(f"{name}:{port}",),
        started_at=START,
    )


def store_of(told: Mapping[str, Any]) -> Store:
    store, status = told["store"], told["status"]
    return Store(
        id=store["id"],
        address=store["address"],
        state=StoreState(store["state_name"]),
        last_heartbeat=datetime.fromtimestamp(store["last_heartbeat"] / 1e9, tz=UTC),
        leaders=status.get("leader_count", 0),
        regions=status.get("region_count", 0),
        pending_peers=status.get("pending_peer_count", 0),
    )


def view(
    answers: Mapping[str, Any], broken: Sequence[Node] = (), at: datetime | None = None
) -> View:
    """The view that these answers of PD make, with all six nodes running but the broken ones."""
    by_name = {n.name: n for n in broken}
    nodes = [by_name.get(n, running(n)) for n in ("pd0", "pd1", "pd2", "tikv0", "tikv1", "tikv2")]
    unanswered: dict[str, str] = {}

    def body(path: str, part: str) -> Any:
        told = answers.get(path)
        if told is None or told["status"] != 200:
            said = "no answer" if told is None else str(told.get("body")).strip()
            unanswered[part] = f"PD said: {said}"
            return None
        return told["body"]

    listed = body(STORES, "stores")
    stores = None if listed is None else tuple(store_of(s) for s in listed["stores"])
    health = body(HEALTH, "members")
    leader = body(LEADER, "leader")
    counts = [body(f"/regions/check/{c}-peer", "regions") for c in ("miss", "down", "pending")]
    beats = [s.last_heartbeat for s in stores or () if s.last_heartbeat]
    return View(
        at=at or max(beats) + timedelta(seconds=2),
        nodes=with_stores(nodes, stores),
        stores=stores,
        members=None
        if health is None
        else tuple(
            Member(name=m["name"], client_urls=tuple(m["client_urls"]), healthy=m["health"])
            for m in health
        ),
        pd_leader=leader and leader["name"],
        regions=None
        if None in counts
        else RegionHealth(
            miss_peer=counts[0]["count"],
            down_peer=counts[1]["count"],
            pending_peer=counts[2]["count"],
        ),
        unanswered=unanswered,
    )


def scene(before: View, now: View, load: Sequence[Sequence[float]] = (), **more: Any) -> Scene:
    """A scene; `load` has [seconds since the fault, interval, ops/s] for each sample."""
    since = before.at
    samples = [
        LoadSample(at=since + timedelta(seconds=t), interval=interval, ops=ops, errors=1)
        for t, interval, ops in load
    ]
    known = baseline([s for s in samples if s.at <= since])
    rest = {"tickets": (), "earlier": (), **more}
    return Scene(before=before, now=now, since=since, samples=samples, baseline_ops=known, **rest)


def of(name: str) -> tuple[dict[str, Any], Scene]:
    """A recording that has answers from before and during, and its scene."""
    told = recording(name)
    broken = [node_of(i) for i in told["inspect"]]
    before = view(told["before"], [n.model_copy(update=WELL) for n in broken])
    now = view(told["during"], broken, None if STORES in told["during"] else before.at)
    return told, scene(before, now, told["load"])


def line(at: datetime, level: str, text: str) -> str:
    stamp = at.strftime("%Y/%m/%d %H:%M:%S.") + f"{at.microsecond // 1000:03} +00:00"
    return f"[{stamp}] [{level}] [file.rs:1] {text}"


@dataclass
class Logs:
    """A fault backend of which only the logs are asked; a name without any raises."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    secret: str = ""  # what was done: known to a backend, never to be told

    async def logs(self, node: str, since: datetime) -> list[str]:
        self.asked.append(node)
        if node not in self.lines:
            raise Unreachable(f"{node} keeps no log")
        return self.lines[node]

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"evidence is gathered blind, and yet {name} was asked")


@dataclass
class Figures:
    values: dict[str, dict[str, float]] = field(default_factory=dict)

    async def read(self, view: View) -> dict[str, dict[str, float]]:
        return self.values

"""A small world for the engine: a TiKV cluster at the ports, in memory, on the test's clock.

It keeps PD's rules (facts: heartbeat 10 s, Disconnected after 20 s without one, leaders that move
by election), and breaks on demand: `world.refuse_rollback`, `world.pd_silent`, ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.cluster import (
    Member,
    Node,
    NodeEvent,
    NodeState,
    Peer,
    Region,
    RegionHealth,
    Role,
    Store,
    StoreState,
    View,
)
from bot.domain.diagnosis import Claim, Confidence, Diagnosis
from bot.domain.errors import InjectionFailed, LoadError, RollbackFailed, Unreachable
from bot.domain.evidence import Evidence
from bot.domain.fault import Fault, Injection, Support
from bot.domain.load import LoadSample
from bot.engine.ports import Cluster, Scene
from tests.clocks import ManualClock

HEARTBEAT = 10.0
DISCONNECTED = 20.0
ELECTION = 14.0
BASELINE = 500.0
STORES = {"tikv-1": 1, "tikv-2": 4, "tikv-3": 5}


@dataclass
class Alive:
    """A node of the world: since when it runs, or is dead."""

    name: str
    role: Role
    running: bool = True
    exit_code: int | None = None
    since: float = -3600.0


@dataclass
class World:
    """The cluster, its load and its diagnostician, all at once."""

    clock: ManualClock
    nodes_: dict[str, Alive] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    listeners: list[asyncio.Queue[NodeEvent]] = field(default_factory=list)
    refuse_rollback: bool = False
    refuse_inject: bool = False
    pd_silent: bool = False
    backend_silent: bool = False
    load_fails: bool = False
    load_begins_after: float = 0.0
    dies_after_restore: float | None = None
    pd_leader: str = "pd-1"
    why_not: str = ""  # why a fault is not possible on a node
    store_elsewhere: bool = False

    def __post_init__(self) -> None:
        for name in STORES:
            self.nodes_[name] = Alive(name, Role.TIKV)
        for name in ("pd-1", "pd-2", "pd-3"):
            self.nodes_[name] = Alive(name, Role.PD)

    def cluster(self, name: str = "test") -> Cluster:
        return Cluster(
            name=name,
            backend=self,
            pd=Pd(self),
            load=Load(self),
            diagnostician=Doctor(),
            heartbeat=HEARTBEAT,
        )

    # the backend
    async def nodes(self) -> list[Node]:
        if self.backend_silent:
            raise Unreachable("the backend did not answer")
        return [
            Node(
                name=n.name,
                role=n.role,
                state=NodeState.RUNNING if n.running else NodeState.EXITED,
                addresses=(f"{n.name}:20160",),
                exit_code=n.exit_code,
            )
            for n in self.nodes_.values()
        ]

    async def events(self) -> AsyncGenerator[NodeEvent, None]:
        queue: asyncio.Queue[NodeEvent] = asyncio.Queue()
        self.listeners.append(queue)
        while True:
            yield await queue.get()

    async def logs(self, node: str, since: datetime) -> list[str]:
        return []

    def supports(self, fault: Fault) -> Support:
        return Support(supported=True)

    async def allows(self, fault: Fault, node: Node) -> Support:
        return Support(supported=not self.why_not, why_not=self.why_not)

    async def plan(self, fault: Fault, node: Node) -> Injection:
        self.log.append(f"plan {node.name}")
        return Injection(
            backend="world", endpoint="here", fault=fault, node=node, mend=f"mend {node.name}"
        )

    async def inject(self, injection: Injection) -> None:
        self.log.append(f"inject {injection.node.name}")
        if self.refuse_inject:
            raise InjectionFailed("the world is kind today")
        name = injection.node.name
        match injection.fault:
            case Fault.PAUSE:
                self._tell(name, "pause", None)
                self.nodes_[name].running, self.nodes_[name].since = False, self.clock.monotonic()
            case Fault.RESTART:
                self.kill(name, exit_code=0)
                self.start(name)
            case _:
                self.kill(name)

    async def rollback(self, injection: Injection) -> None:
        self.log.append(f"rollback {injection.node.name}")
        if self.refuse_rollback:
            raise RollbackFailed("it will not start", mend=injection.mend)
        self.start(injection.node.name)

    def kill(self, name: str, exit_code: int = 137) -> None:
        node = self.nodes_[name]
        node.running, node.exit_code, node.since = False, exit_code, self.clock.monotonic()
        self._tell(name, "die", exit_code)

    def start(self, name: str) -> None:
        node = self.nodes_[name]
        if not node.running:
            node.running, node.exit_code, node.since = True, None, self.clock.monotonic()
            self._tell(name, "start", None)

    def _tell(self, name: str, event: str, exit_code: int | None) -> None:
        told = NodeEvent(at=self.clock.now(), node=name, event=event, exit_code=exit_code)
        for queue in self.listeners:
            queue.put_nowait(told)

    def age(self, node: Alive) -> float:
        """Seconds since the node's last heartbeat."""
        now = self.clock.monotonic()
        if node.running:
            return (now - node.since) % HEARTBEAT if now - node.since >= 1 else DISCONNECTED + 1
        return now - node.since + HEARTBEAT / 2

    def led(self) -> dict[str, int]:
        """How many regions each store leads."""
        dead = {
            n.name
            for n in self.nodes_.values()
            if not n.running and self.clock.monotonic() - n.since > ELECTION
        }
        left = [name for name in STORES if name not in dead]
        return {name: 0 if name in dead else 6 // len(left) for name in STORES}


class Pd:
    """PD, as the world lets it see."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def look(self) -> View:
        world = self.world
        now = world.clock.now()
        if world.pd_silent:
            silence = dict.fromkeys(("stores", "members", "regions"), "PD did not answer")
            return View(at=now, unanswered=silence)
        if self.world.dies_after_restore is not None:
            self._crash_when_due()
        stores = []
        for name, store_id in STORES.items():
            age = world.age(world.nodes_[name])
            stores.append(
                Store(
                    id=store_id,
                    address=f"{name}:20161" if world.store_elsewhere else f"{name}:20160",
                    state=StoreState.DISCONNECTED if age > DISCONNECTED else StoreState.UP,
                    last_heartbeat=now - timedelta(seconds=age),
                    leaders=world.led()[name],
                    regions=6,
                )
            )
        members = [n for n in world.nodes_.values() if n.role is Role.PD]
        return View(
            at=now,
            stores=tuple(stores),
            members=tuple(Member(name=m.name, healthy=m.running) for m in members),
            pd_leader=world.pd_leader,
            regions=RegionHealth(),
        )

    async def regions_of(self, store: int) -> list[Region]:
        peers = tuple(Peer(id=s, store=s) for s in STORES.values())
        return [Region(id=2, peers=peers, leader=store)]

    def _crash_when_due(self) -> None:
        world = self.world
        for node in world.nodes_.values():
            up_for = world.clock.monotonic() - node.since
            if node.running and node.since > 0 and up_for >= (world.dies_after_restore or 0):
                world.dies_after_restore = None
                world.kill(node.name, exit_code=2)


class Load:
    """Clients, one sample a second: nothing while a dead store still leads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopped = False

    def describe(self) -> str:
        return "a few clients"

    async def start(self, run: int) -> Load:
        if self.world.load_fails:
            raise LoadError("YCSB is not there")
        self.stopped = False
        return self

    async def samples(self) -> AsyncGenerator[LoadSample, None]:
        world = self.world
        await world.clock.sleep(world.load_begins_after)
        while not self.stopped:
            await world.clock.sleep(1)
            stalled = any(
                not world.nodes_[name].running and leads for name, leads in world.led().items()
            )
            ops = 0.0 if stalled else BASELINE
            yield LoadSample(at=world.clock.now(), interval=1.0, ops=ops)

    async def stop(self) -> None:
        self.stopped = True


class Doctor:
    """Names the node that exited."""

    async def gather(self, scene: Scene) -> tuple[Evidence, ...]:
        dead = [n for n in scene.now.nodes or () if n.state is NodeState.EXITED]
        return tuple(
            Evidence(id=f"E{i}", source="nodes", at=scene.now.at, text=f"{n.name} exited")
            for i, n in enumerate(dead, 1)
        )

    async def diagnose(
        self, evidence: Sequence[Evidence], components: Collection[str]
    ) -> Diagnosis:
        name = evidence[0].text.split()[0] if evidence else None
        claims = (Claim(text=f"{name} exited", evidence=("E1",)),) if evidence else ()
        return Diagnosis(
            by="rules",
            component=name,
            fault="kill" if name else None,
            confidence=Confidence.HIGH,
            summary=f"{name} died",
            claims=claims,
        )

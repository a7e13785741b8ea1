"""The ports: all that the engine asks of the world. Adapters translate every SDK's errors.

One `Cluster` is made of the parts that belong together; an engine has as many as it has names.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bot.domain.cluster import Node, NodeEvent, Region, View
from bot.domain.control import Control, Entry
from bot.domain.diagnosis import Diagnosis
from bot.domain.events import Event, Record, RunStarted
from bot.domain.evidence import Evidence
from bot.domain.fault import Fault, Injection, Support
from bot.domain.load import LoadSample
from bot.domain.ticket import Ticket, Violation


class Clock(Protocol):
    """Time, handed in."""

    def now(self) -> datetime:
        """The time of day, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""


class FaultBackend(Protocol):
    """What runs the nodes: processes, containers. Breaks them and puts them right."""

    async def nodes(self) -> list[Node]:
        """All nodes of the cluster, running or not. Raises ClusterError; answers within 3 s."""

    def events(self) -> AsyncGenerator[NodeEvent, None]:
        """What happens to nodes, from now on, as it happens. Reconnects by itself; never ends."""

    async def logs(self, node: str, since: datetime) -> list[str]:
        """A node's log lines since then, oldest first. Raises ClusterError."""

    def supports(self, fault: Fault) -> Support:
        """Whether the fault is possible here at all, and if not, why not."""

    async def allows(self, fault: Fault, node: Node) -> Support:
        """Whether the fault is possible on that node as it is now, and if not, why not.

        Harms nothing. Answers within 5 s.
        """

    async def plan(self, fault: Fault, node: Node) -> Injection:
        """The receipt that suffices to undo the fault. Harms nothing. Raises FaultError."""

    async def inject(self, injection: Injection) -> None:
        """Harm the node. Raises InjectionFailed; the node may then be half harmed."""

    async def rollback(self, injection: Injection) -> None:
        """Put the node right. Idempotent; safe on a half-injected fault. Raises RollbackFailed."""


class PlacementDriver(Protocol):
    """PD: what the cluster says of itself."""

    async def look(self) -> View:
        """Stores, members, leader and region health, all within 3 s. Never raises: see View.

        Its `nodes` are None and not in `unanswered`.
        """

    async def regions_of(self, store: int) -> list[Region]:
        """The regions that have a peer on the store. Raises ClusterError; answers within 3 s."""


class Metrics(Protocol):
    """What the nodes count of themselves."""

    async def read(self, view: View) -> dict[str, dict[str, float]]:
        """Node name -> metric (with its labels, as it is written) -> value, of what answers.

        Never raises: a node that does not answer is not in it.
        """


class Figure(StrEnum):
    """A figure that is kept over time, for each node by itself."""

    REQUESTS = "requests"  # that a store serves, a second
    LATENCY = "latency"  # seconds; 99 of 100 requests are served within them
    UP = "up"  # 1 while the node's metrics answer, 0 while they do not


@dataclass(frozen=True, kw_only=True)
class Series:
    """One figure of one node over time, oldest point first.

    `instance` is the address at which its metrics are asked ("tikv-1:20180"). A point tells of
    the `window` seconds up to it; 0: of that moment. Every value is finite: a figure that is not
    defined (the latency of no requests) has no point.
    """

    instance: str
    window: float
    points: tuple[tuple[datetime, float], ...]


class MetricsHistory(Protocol):
    """What the nodes counted of themselves, over time (Prometheus)."""

    async def over(self, figure: Figure, since: datetime, until: datetime) -> list[Series]:
        """A figure of each node that is known of, ordered by instance; [] if none ever had it.

        Raises ClusterError; answers within 3 s.
        """


class RunningLoad(Protocol):
    """Load that was started."""

    def samples(self) -> AsyncGenerator[LoadSample, None]:
        """What clients get, interval by interval; ends after `stop`. Raises LoadError if it dies."""

    async def stop(self) -> None:
        """End the load and what it runs in. Idempotent."""


class LoadGenerator(Protocol):
    """Puts load on the cluster (YCSB)."""

    def describe(self) -> str:
        """The load in a few words: "YCSB workload A, 16 threads"."""

    async def start(self, run: int) -> RunningLoad:
        """Start load for a run. Raises LoadError."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What may be looked at when evidence is gathered. Nothing in it says what was done."""

    before: View  # the cluster in steady state
    now: View
    since: datetime  # how far back to look
    samples: Sequence[LoadSample]
    baseline_ops: float | None
    tickets: Sequence[Ticket]  # open ones
    earlier: Sequence[Ticket]  # resolved ones about the same invariants or subjects


class Diagnostician(Protocol):
    """Says what is broken, blind."""

    async def gather(self, scene: Scene) -> tuple[Evidence, ...]:
        """Evidence from the scene and from the nodes' logs and metrics. Never raises."""

    async def diagnose(
        self, evidence: Sequence[Evidence], components: Collection[str]
    ) -> Diagnosis:
        """One diagnosis of one of the components (node names) or of none. Never raises.

        Where the model cannot answer, the rules do, and `why` says so.
        """


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The parts of one named cluster.

    `heartbeat` is the interval, in seconds, in which stores report to PD; what is more than
    three of them old is stale, and a PD leader younger than one is not yet believed.
    """

    name: str
    backend: FaultBackend
    pd: PlacementDriver
    load: LoadGenerator | None
    diagnostician: Diagnostician
    heartbeat: float = 10.0


class Journal(Protocol):
    """The histories of all runs, the tickets, and the messages that views have posted.

    What is awaited is on disk. All methods raise JournalError.
    """

    async def begin(self, event: RunStarted, at: datetime) -> Record:
        """Open a history; its run number is the next one."""

    async def append(self, run: int, event: Event, at: datetime) -> Record:
        """Add to a history."""

    async def history(self, run: int, after: int = 0) -> list[Record]:
        """A run's records with a `seq` greater than `after`, in order; [] for an unknown run."""

    async def latest(self, limit: int) -> list[int]:
        """The newest runs, newest first."""

    async def unfinished(self) -> list[int]:
        """The runs that are not over, or go on once more, oldest first."""

    async def started_since(self, moment: datetime, limit: int) -> int:
        """How many of the newest `limit` runs were started since then."""

    async def open_injections(self) -> list[tuple[int, Injection]]:
        """Planned and not rolled back, oldest first: what may still be broken."""

    async def occurred(self, cluster: str, violation: Violation, at: datetime) -> Ticket:
        """Open a ticket for a violation, or add an occurrence to the open one of its kind."""

    async def resolve(self, ticket: int, at: datetime) -> Ticket:
        """Close a ticket."""

    async def open_tickets(self, cluster: str) -> list[Ticket]:
        """The tickets that are not resolved, oldest first."""

    async def similar_tickets(self, ticket: Ticket, limit: int) -> list[Ticket]:
        """Resolved tickets about the same invariant or subject in its cluster, newest first."""

    async def message(self, run: int, key: str) -> tuple[str, str] | None:
        """Where a view's message stands (channel, timestamp), None if nobody knows that it does."""

    async def messages(self, run: int) -> dict[str, tuple[str, str]]:
        """Key -> channel and timestamp; "" for one that was meant to be posted, and may have been."""

    async def run_at(self, channel: str, ts: str) -> int | None:
        """The run whose message stands there."""

    async def intend_message(self, run: int, key: str, channel: str) -> None:
        """Note that a message is about to be posted; where it stands, if that is known, is kept."""

    async def remember_message(self, run: int, key: str, channel: str, ts: str) -> None:
        """Note where a view's message stands."""

    async def unsettled(self) -> list[int]:
        """The runs with a thread of which nobody has noted that it says its last word."""

    async def settle(self, run: int, seq: int) -> None:
        """Note that a run's thread says all that its events up to `seq` (the last one) tell."""

    async def note(self, event: Control, at: datetime) -> Entry:
        """Keep what happened to the whole of Chaosbot."""

    async def newest_halt(self) -> Entry | None:
        """The newest halt or resume, None if there never was one."""

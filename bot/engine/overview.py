"""What can be asked of the engine between runs: how all stands, and what a run would do."""

from __future__ import annotations

from bot.domain.blast_radius import Guard
from bot.domain.cluster import Node, View
from bot.domain.fault import Injection
from bot.domain.hypothesis import Probe, Verdict
from bot.domain.model import Value
from bot.domain.report import Report
from bot.domain.ticket import Ticket


class ClusterStatus(Value):
    """One cluster now: the look, the steady-state hypothesis, open tickets, the run on it."""

    name: str
    view: View
    verdict: Verdict
    probes: tuple[Probe, ...]
    tickets: tuple[Ticket, ...]
    run: Report | None = None


class Overview(Value):
    """All clusters, and the newest runs (newest first)."""

    clusters: tuple[ClusterStatus, ...]
    latest: tuple[Report, ...]


class Preview(Value):
    """What a run would do. `refused` says why it would not; nothing was touched."""

    command: str
    cluster: str
    node: Node | None = None
    probes: tuple[Probe, ...] = ()
    guards: tuple[Guard, ...] = ()
    injection: Injection | None = None
    refused: str | None = None

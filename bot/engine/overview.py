"""What can be asked of the engine between runs: how all stands, and what a run would do."""

from __future__ import annotations

from bot.domain.blast_radius import Guard
from bot.domain.cluster import Node, View
from bot.domain.control import Halt
from bot.domain.fault import Injection
from bot.domain.hypothesis import Probe, Verdict, overall
from bot.domain.model import Value
from bot.domain.report import Report
from bot.domain.ticket import Ticket
from bot.engine.monitor import Monitor
from bot.engine.ports import Journal


class ClusterStatus(Value):
    """One cluster now: the look, the steady-state hypothesis, open tickets, the run on it."""

    name: str
    view: View
    verdict: Verdict
    probes: tuple[Probe, ...]
    tickets: tuple[Ticket, ...]
    run: Report | None = None


class Overview(Value):
    """All clusters, the newest runs (newest first), and the halt, if there is one."""

    clusters: tuple[ClusterStatus, ...]
    latest: tuple[Report, ...]
    halted: Halt | None = None


class Preview(Value):
    """What a run would do. `refused` says why it would not; nothing was touched."""

    command: str
    cluster: str
    node: Node | None = None
    probes: tuple[Probe, ...] = ()
    guards: tuple[Guard, ...] = ()
    injection: Injection | None = None
    refused: str | None = None


async def status_of(monitor: Monitor, journal: Journal, run: Report | None) -> ClusterStatus:
    """How a cluster stands; `run` is the one that is on it. Raises JournalError."""
    view = await monitor.look()
    probes = monitor.probes(view)
    return ClusterStatus(
        name=monitor.cluster.name,
        view=view,
        verdict=overall(p.verdict for p in probes),
        probes=probes,
        tickets=tuple(await journal.open_tickets(monitor.cluster.name)),
        run=run,
    )

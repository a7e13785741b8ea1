"""Gathering: from a scene, the nodes' logs and their metrics to evidence.

Blind: all that goes in is what the cluster shows. There is no command, no run, no person and no
event of the backend among the inputs, and tickets are told by their invariant alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.diagnosis.figures import observe_load, observe_metrics
from bot.diagnosis.history import Kept, kept, not_kept, observe_history
from bot.diagnosis.lines import Line, read
from bot.diagnosis.logs import BEFORE, observe_logs
from bot.diagnosis.nodes import observe_nodes
from bot.diagnosis.observation import Observation, at_most, clock_time, render, unasked
from bot.diagnosis.placement import observe_pd
from bot.domain.errors import ChaosError
from bot.domain.evidence import Evidence
from bot.domain.ticket import Ticket
from bot.engine.ports import FaultBackend, Metrics, MetricsHistory, Scene

_TOGETHER: Final = 8  # logs read at the same time
_MOST_LOGS: Final = 50  # nodes whose logs are read
_MOST_UNREAD: Final = 3  # logs that could not be asked, each told
_MOST_TICKETS: Final = 3
_MOST_EARLIER: Final = 2


class Gatherer:
    """Looks at a scene. `limit` is how many seconds logs and metrics may take, together.

    `heartbeat` is the interval, in seconds, in which stores report to PD. Without a `history`
    nothing is known of the metrics of before, and the evidence says so.
    """

    def __init__(
        self,
        backend: FaultBackend,
        metrics: Metrics | None,
        history: MetricsHistory | None,
        *,
        heartbeat: float,
        limit: float,
    ) -> None:
        self._backend = backend
        self._metrics = metrics
        self._history = history
        self._heartbeat = heartbeat
        self._limit = limit

    async def gather(self, scene: Scene, at: datetime) -> tuple[Evidence, ...]:
        """Evidence in a stable order: nodes, PD, load, logs, metrics, tickets. Never raises.

        `at` is the present moment.
        """
        now = scene.now
        nodes = now.nodes if now.nodes is not None else scene.before.nodes or ()
        names = sorted(n.name for n in nodes)
        logs, values, told = await asyncio.gather(
            self._logs(names, scene.since, at), self._figures(scene), self._told(scene, at)
        )
        seen = [
            *observe_nodes(scene.before, now),
            *observe_pd(scene.before, now, self._heartbeat),
            *observe_load(scene.samples, scene.baseline_ops, scene.since, at),
            *logs[1],
            *observe_logs(logs[0], now, scene.since),
            *self._measured(values, scene, at),
            *self._kept(told, values, scene, at),
            *_tickets(scene.tickets, scene.earlier, at),
        ]
        return render(seen, names)

    async def _logs(
        self, names: Sequence[str], since: datetime, at: datetime
    ) -> tuple[dict[str, list[Line]], list[Observation]]:
        turns = asyncio.Semaphore(_TOGETHER)
        found: dict[str, list[Line]] = {}
        failed: dict[str, str] = {}

        async def one(name: str) -> None:
            try:
                async with asyncio.timeout(self._limit), turns:
                    lines = await self._backend.logs(name, since - BEFORE)
            except TimeoutError:
                failed[name] = self._late
            except (ChaosError, OSError) as error:
                failed[name] = str(error)
            else:
                found[name] = read(lines, since - BEFORE)

        await asyncio.gather(*(one(name) for name in names[:_MOST_LOGS]))
        told = [
            unasked("logs", f"The log of {name}", at, failed[name], name) for name in sorted(failed)
        ]
        return found, at_most(told, _MOST_UNREAD, "logs that could not be asked")

    async def _figures(self, scene: Scene) -> dict[str, dict[str, float]] | None:
        """What the nodes say themselves; None if they were asked and there was no time."""
        if self._metrics is None:
            return {}
        try:
            async with asyncio.timeout(self._limit):
                return await self._metrics.read(scene.now)
        except TimeoutError:
            return None

    def _measured(
        self, values: dict[str, dict[str, float]] | None, scene: Scene, at: datetime
    ) -> list[Observation]:
        if values is None:
            return [unasked("metrics", "The metrics", at, self._late)]
        return observe_metrics(values, scene.now, at, scene.since) if self._metrics else []

    async def _told(self, scene: Scene, at: datetime) -> Kept | None:
        if self._history is None:
            return None
        try:
            async with asyncio.timeout(self._limit):
                return await kept(self._history, scene.since, at)
        except TimeoutError:
            return None

    def _kept(
        self,
        told: Kept | None,
        values: dict[str, dict[str, float]] | None,
        scene: Scene,
        at: datetime,
    ) -> list[Observation]:
        if self._history is None:
            return not_kept(at)
        if told is None:
            return [unasked("metrics", "What the metrics were before", at, self._late)]
        return observe_history(told, scene.now, scene.since, at, (values or {}).keys())

    @property
    def _late(self) -> str:
        return f"no answer within {self._limit:g} s"


def _tickets(
    tickets: Sequence[Ticket], earlier: Sequence[Ticket], at: datetime
) -> list[Observation]:
    """Open tickets and similar earlier ones, by invariant and subject: their texts stay here."""
    seen = [
        Observation(
            source="tickets",
            at=ticket.last_seen,
            text=f"Open ticket: {ticket.invariant} of {ticket.subject} is violated "
            f"({ticket.severity.value}), first seen {clock_time(ticket.first_seen)}, "
            f"seen {'once' if ticket.occurrences == 1 else f'{ticket.occurrences} times'}.",
        )
        for ticket in tickets[:_MOST_TICKETS]
    ]
    for ticket in earlier[:_MOST_EARLIER]:
        ended = ticket.resolved_at or ticket.last_seen
        lasted = (ended - ticket.first_seen).total_seconds()
        seen.append(
            Observation(
                source="tickets",
                at=ended,
                text=f"An earlier ticket of the kind: {ticket.invariant} of {ticket.subject}, "
                f"{_ago((at - ended).total_seconds())}, for {max(0.0, lasted):.0f} s.",
            )
        )
    return seen or [Observation(source="tickets", at=at, text="No ticket is open.")]


def _ago(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"

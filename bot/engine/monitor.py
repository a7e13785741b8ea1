"""The monitor: looks at a cluster, on an interval and on every change, and keeps its tickets.

look = nodes (backend) + PD, side by side -> View -> violations -> tickets
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from bot.domain.cluster import Member, Node, Store, View
from bot.domain.errors import ClusterError, JournalError
from bot.domain.hypothesis import Probe, Verdict, overall, steady_state
from bot.domain.invariants import answerable, violations
from bot.domain.matching import matched, mismatches
from bot.domain.ticket import Ticket
from bot.engine.contact import Contact
from bot.engine.ports import Clock, Cluster, Journal

_STALE_AFTER = 3  # heartbeat intervals
_SLACK = 1.0  # seconds that a heartbeat may take beyond its interval


@dataclass(frozen=True, kw_only=True)
class Check:
    """One look and what follows from it: the tickets that are open now."""

    view: View
    tickets: tuple[Ticket, ...]
    settled: bool


class Monitor:
    """Watches one cluster.

    `steady` is the last view in which its steady state held; `pd` and `nodes` are what its parts
    are called where it matters how long they have been silent, `looked_at` when it last looked
    (monotonic seconds).
    """

    def __init__(
        self, cluster: Cluster, journal: Journal, clock: Clock, contact: Contact | None = None
    ) -> None:
        self.cluster = cluster
        self.pd, self.nodes = f"PD of {cluster.name}", f"what runs {cluster.name}"
        self.looked_at = clock.monotonic()
        self._contact = contact or Contact(clock)
        self.steady: View | None = None
        self._journal = journal
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._stores: tuple[Store, ...] | None = None
        self._members: tuple[Member, ...] | None = None
        self._names: dict[int, str] = {}
        self._names_in_pd: dict[str, str] = {}
        self._leader: str | None = None
        self._leader_since = clock.monotonic()
        self._ops: float | None = None
        self._baseline: float | None = None

    @property
    def oldest_heartbeat(self) -> float:
        """From which age on, in seconds, a heartbeat is stale."""
        return _STALE_AFTER * self.cluster.heartbeat + _SLACK

    def clients_get(self, ops: float | None, baseline: float | None) -> None:
        """Tell what clients get (operations a second); None: no load runs."""
        self._ops, self._baseline = ops, baseline

    async def check(self) -> Check:
        """Look, and open, count or resolve tickets. Raises JournalError only."""
        async with self._one_at_a_time:
            view = await self.look()
            settled = self._settled(view)
            return Check(view=view, settled=settled, tickets=await self._tickets(view, settled))

    async def follow(self, failed: Callable[[Exception], None]) -> None:
        """Check on every change that the backend tells of. Runs until cancelled.

        A check that fails (JournalError) goes to `failed`; the next change is checked again.
        """
        async with aclosing(self.cluster.backend.events()) as events:
            async for _ in events:
                try:
                    await self.check()
                except JournalError as error:
                    failed(error)

    async def look(self) -> View:
        """One look at the cluster, nodes and PD side by side, each in its own bounded time."""
        began = self._clock.monotonic()
        nodes, view = await asyncio.gather(self._nodes(), self.cluster.pd.look())
        self._hear(nodes, view)
        unanswered = dict(view.unanswered)
        self._stores = view.stores or self._stores
        self._members = view.members or self._members
        if isinstance(nodes, ClusterError):
            unanswered["nodes"] = str(nodes)
        seen = view.model_copy(
            update={
                "at": self._clock.now(),
                "seconds": round(self._clock.monotonic() - began, 3),
                "nodes": None if isinstance(nodes, ClusterError) else self._matched(nodes, view),
                "unanswered": unanswered,
                "mismatches": ()
                if isinstance(nodes, ClusterError)
                else mismatches(nodes, view.stores, view.members),
            }
        )
        if overall(p.verdict for p in self.probes(seen)) is Verdict.HELD:
            self.steady = seen
        return seen

    def probes(self, view: View) -> tuple[Probe, ...]:
        """The steady-state hypothesis, asked of a view."""
        return steady_state(view, oldest_heartbeat=self.oldest_heartbeat)

    def _hear(self, nodes: list[Node] | ClusterError, view: View) -> None:
        self.looked_at = self._clock.monotonic()
        if not isinstance(nodes, ClusterError):
            self._contact.heard(self.nodes)
        if view.stores is not None or view.members is not None:
            self._contact.heard(self.pd)

    async def _nodes(self) -> list[Node] | ClusterError:
        try:
            return await self.cluster.backend.nodes()
        except ClusterError as error:
            return error

    def _matched(self, nodes: list[Node], view: View) -> tuple[Node, ...]:
        """By what PD says now, or said last."""
        known = view.model_copy(update={"stores": self._stores, "members": self._members})
        found = matched(nodes, known)
        self._names = {n.store: n.name for n in found if n.store is not None}
        self._names_in_pd = {n.member: n.name for n in found if n.member is not None}
        return found

    def _settled(self, view: View) -> bool:
        now = self._clock.monotonic()
        if view.pd_leader != self._leader:
            self._leader, self._leader_since = view.pd_leader, now
        return self._leader is not None and now - self._leader_since >= self.cluster.heartbeat

    async def _tickets(self, view: View, settled: bool) -> tuple[Ticket, ...]:  # noqa: FBT001 - a truth
        name = self.cluster.name
        found = violations(
            view,
            settled=settled,
            names=self._names,
            members=self._names_in_pd,
            ops=self._ops,
            baseline=self._baseline,
        )
        for violation in found:
            await self._journal.occurred(name, violation, view.at)
        violated = {(v.invariant, v.subject) for v in found}
        judged = answerable(view, settled=settled)
        still_open = []
        for ticket in await self._journal.open_tickets(name):
            if ticket.invariant in judged and (ticket.invariant, ticket.subject) not in violated:
                await self._journal.resolve(ticket.id, view.at)
            else:
                still_open.append(ticket)
        return tuple(still_open)

"""Processes: the fault backend of a playground (engine.ports.FaultBackend)."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from bot.cluster.faults import deed_of
from bot.cluster.harm import allowed, injected, planned, undone
from bot.cluster.supervisor import KIND, Info, Supervisor
from bot.domain.cluster import Node, NodeEvent
from bot.domain.errors import ClusterError, RollbackFailed, Unreachable
from bot.domain.fault import Fault, Injection, Support
from bot.engine.ports import Clock

_LOG_LINES: Final = 1_000
_TOLD: Final = frozenset({"start", "die", "pause", "unpause"})
_OVERLAP: Final = timedelta(seconds=1)
_REMEMBERED: Final = 1_000
_LONGEST_BACKOFF: Final = 2.0


class Processes:
    """The nodes of the playground whose supervisor listens at `socket`."""

    def __init__(self, socket: Path, *, clock: Clock) -> None:
        self.socket = socket
        self._clock = clock
        self._supervisor = Supervisor(socket)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._supervisor.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def info(self) -> Info:
        """What the playground says of itself: ready, timers, PD's URLs. Raises ClusterError."""
        return await self._supervisor.info()

    async def nodes(self) -> list[Node]:
        """All nodes of the cluster, running or not. Raises ClusterError; answers within 3 s."""
        return await self._supervisor.nodes()

    async def events(self) -> AsyncGenerator[NodeEvent, None]:
        """What happens to nodes, from now on, as it happens. Reconnects by itself; never ends.

        After a lost connection it asks from a second before the last event on, and leaves out
        what it has told already.
        """
        since = self._clock.now()
        first, backoff = since, 0.0
        told: deque[NodeEvent] = deque(maxlen=_REMEMBERED)
        while True:
            with suppress(Unreachable):
                async with aclosing(self._supervisor.events(since)) as stream:
                    async for seen in stream:
                        backoff = 0.0
                        event = NodeEvent(**seen.model_dump())
                        if event.event in _TOLD and event not in told:
                            told.append(event)
                            since = max(first, event.at - _OVERLAP)
                            yield event
            backoff = min(max(0.05, backoff * 2), _LONGEST_BACKOFF)
            await self._clock.sleep(backoff)

    async def logs(self, node: str, since: datetime) -> list[str]:
        """A node's last thousand log lines since then, oldest first. Raises ClusterError."""
        return await self._supervisor.logs(node, since, _LOG_LINES)

    def supports(self, fault: Fault) -> Support:
        """Whether the fault is possible here at all, and if not, why not."""
        return deed_of(fault).supported_by(self._supervisor)

    async def allows(self, fault: Fault, node: Node) -> Support:
        """Whether the fault is possible on that node as it is now, and if not, why not."""
        return await allowed(self._supervisor, fault, node)

    async def plan(self, fault: Fault, node: Node) -> Injection:
        """The receipt that suffices to undo the fault. Harms nothing.

        Raises:
            Unsupported: processes cannot have this fault.
            FaultError: the node is not there, or is not running.
        """
        return await planned(self._supervisor, fault, node)

    async def inject(self, injection: Injection) -> None:
        """Harm the node. Raises InjectionFailed; the node may then be half harmed."""
        await injected(self._supervisor, injection)

    async def rollback(self, injection: Injection) -> None:
        """Put the node right, and see it run. Idempotent; safe on a half-injected fault.

        Raises:
            RollbackFailed: it does not run, or cannot be asked.
        """
        name = injection.node.name
        if injection.backend != KIND:
            raise RollbackFailed(
                f"{name} is no process: the receipt was written by {injection.backend}.",
                mend=injection.mend,
            )
        try:
            async with self._supervisor_of(injection) as supervisor:
                await undone(supervisor, injection, self._clock)
        except Unreachable as error:
            raise RollbackFailed(
                f"{name} could not be put right: {error}.",
                mend="A playground's nodes end with it. Start one with: chaosbot playground. "
                f"Then run: {injection.mend}",
            ) from error
        except ClusterError as error:
            raise RollbackFailed(
                f"{name} could not be put right: {error}.", mend=f"Run: {injection.mend}"
            ) from error

    @asynccontextmanager
    async def _supervisor_of(self, injection: Injection) -> AsyncIterator[Supervisor]:
        """The supervisor that the receipt names; usually ours."""
        if injection.endpoint == str(self.socket):
            yield self._supervisor
            return
        other = Supervisor(Path(injection.endpoint))
        try:
            yield other
        finally:
            await other.aclose()

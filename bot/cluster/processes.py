"""Processes: the fault backend of a playground (engine.ports.FaultBackend)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from bot.cluster.faults import deed_of
from bot.cluster.supervisor import Info, Supervisor
from bot.domain.cluster import Node, NodeEvent, NodeState
from bot.domain.errors import (
    ClusterError,
    FaultError,
    InjectionFailed,
    RollbackFailed,
    Unreachable,
    Unsupported,
)
from bot.domain.fault import Fault, Injection, Support
from bot.engine.ports import Clock

KIND: Final = "processes"
MEND: Final = "chaosbot recover"
_LOG_LINES: Final = 1_000
_TOLD: Final = frozenset({"start", "die", "pause", "unpause"})
_OVERLAP: Final = timedelta(seconds=1)
_REMEMBERED: Final = 1_000
_LONGEST_BACKOFF: Final = 2.0
_RUNS_WITHIN: Final = 5.0


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
        """Yes, or why not."""
        return deed_of(fault).supported_by(self._supervisor)

    async def plan(self, fault: Fault, node: Node) -> Injection:
        """The receipt that suffices to undo the fault. Harms nothing.

        Raises:
            Unsupported: processes cannot have this fault.
            FaultError: the node is not there, or is not running.
        """
        support = self.supports(fault)
        if not support.supported:
            raise Unsupported(support.why_not)
        try:
            now = await self._supervisor.node(node.name)
        except ClusterError as error:
            raise FaultError(f"{node.name} cannot be harmed: {error}.") from error
        if now.state is NodeState.EXITED:
            raise FaultError(f"{node.name} cannot be harmed: it is not running.")
        before = now.model_copy(update={"store": node.store})
        return Injection(
            backend=KIND, endpoint=str(self.socket), fault=fault, node=before, mend=MEND
        )

    async def inject(self, injection: Injection) -> None:
        """Harm the node. Raises InjectionFailed; the node may then be half harmed."""
        try:
            await deed_of(injection.fault).inject(self._supervisor, injection.node)
        except ClusterError as error:
            raise InjectionFailed(f"{injection.text} failed: {error}.") from error

    async def rollback(self, injection: Injection) -> None:
        """Put the node right, and see it run. Idempotent; safe on a half-injected fault.

        Raises:
            RollbackFailed: it does not run, or cannot be asked.
        """
        name, now = injection.node.name, injection.node
        right = {NodeState.RUNNING, injection.node.state}
        if injection.backend != KIND:
            raise RollbackFailed(
                f"{name} is no process: the receipt was written by {injection.backend}.",
                mend=injection.mend,
            )
        try:
            async with self._supervisor_of(injection) as supervisor:
                await deed_of(injection.fault).undo(supervisor, injection.node)
                async with asyncio.timeout(_RUNS_WITHIN):
                    while (now := await supervisor.node(name)).state not in right:
                        await self._clock.sleep(0.02)
        except TimeoutError:
            raise RollbackFailed(
                f"{name} is {now.state.value} {_RUNS_WITHIN:g} s after its start.",
                mend=f"Look at its log, then run: {injection.mend}",
            ) from None
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

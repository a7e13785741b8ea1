"""Docker: the fault backend of a compose project (engine.ports.FaultBackend).

Nodes are the project's containers whose service is one of those that run TiKV or PD. A node is
named after its service; where a service has several containers, with the container's number.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final, Self

from bot.cluster.container_shapes import PROJECT, Inspected
from bot.cluster.containers import KIND, Containers, by_receipt
from bot.cluster.engine import Engine
from bot.cluster.engine_errors import Missing
from bot.cluster.engine_events import Hearing, Memory
from bot.cluster.engine_place import Place
from bot.cluster.faults import deed_of
from bot.cluster.harm import allowed, injected, planned, undone
from bot.domain.cluster import Node, NodeEvent, Role
from bot.domain.errors import BadAnswer, ClusterError, RollbackFailed
from bot.domain.fault import Fault, Injection, Support
from bot.engine.ports import Clock

_LOG_LINES: Final = 1_000
_OVERLAP: Final = timedelta(seconds=1)
_SAME: Final = timedelta(seconds=1)
_REMEMBERED: Final = 1_000
_LONGEST_BACKOFF: Final = 2.0
_UNDER_WAY: Final = 60.0  # the longest that a deed of ours may still be under way


@dataclass(frozen=True, kw_only=True)
class Project:
    """A compose project, and which of its services run what (patterns: "tikv*")."""

    name: str
    tikv: Sequence[str] = ("tikv*",)
    pd: Sequence[str] = ("pd*",)

    def role(self, service: str) -> Role | None:
        """What a service's containers do in the cluster; None: something else."""
        if any(fnmatchcase(service, pattern) for pattern in self.tikv):
            return Role.TIKV
        if any(fnmatchcase(service, pattern) for pattern in self.pd):
            return Role.PD
        return None

    def named(self, containers: Sequence[Inspected]) -> dict[str, tuple[Inspected, Node]]:
        """The nodes among a project's containers, by name."""
        roles = [(c, role) for c in containers if (role := self.role(c.service))]
        several = Counter(c.service for c, _ in roles)
        names = [
            f"{c.service}-{c.number}" if several[c.service] > 1 else c.service for c, _ in roles
        ]
        twice = {name for name, times in Counter(names).items() if times > 1}
        found = {}
        for (container, role), name in zip(roles, names, strict=True):
            own = container.name if name in twice else name
            found[own] = (container, container.node(own, role))
        return dict(sorted(found.items()))


class Docker:
    """The nodes of `project` under `engine`, which is closed with this."""

    def __init__(self, engine: Engine, project: Project, *, clock: Clock) -> None:
        self.engine = engine
        self.project = project
        self._clock = clock
        self._runtime = Containers(engine, self._find)
        self._known: dict[str, tuple[str, Role]] = {}  # container id -> node, role
        self._hosts: dict[
            str, tuple[tuple[str, ...], ...]
        ] = {}  # container id -> when on its networks

    async def aclose(self) -> None:
        """Close the connections."""
        await self.engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def containers(self) -> dict[str, tuple[Inspected, Node]]:
        """The containers that are nodes, by the node's name. Raises ClusterError."""
        listed = await self.engine.containers([f"{PROJECT}={self.project.name}"])
        found = self.project.named(listed)
        self._known = {c.id: (name, node.role) for name, (c, node) in found.items()}
        return {name: (c, self._remembering(c, node)) for name, (c, node) in found.items()}

    async def nodes(self) -> list[Node]:
        """All nodes of the project, running or not. Raises ClusterError; answers within 3 s."""
        return [node for _, node in (await self.containers()).values()]

    async def events(self) -> AsyncGenerator[NodeEvent, None]:
        """What happens to nodes, from now on, as it happens. Reconnects by itself; never ends.

        After a lost connection it asks from a second before the last event on, compares what it
        knew with what is there now, and leaves out what it has told already.
        """
        since = first = self._clock.now()
        told: deque[NodeEvent] = deque(maxlen=_REMEMBERED)
        inferred: deque[NodeEvent] = deque(maxlen=_REMEMBERED)
        memory, backoff = Memory(), 0.0
        while True:
            hearing = Hearing(self.engine, since)
            try:
                for event in memory.missed(await self.nodes(), self._clock.now()):
                    if event.at >= first and not _like(event, told):
                        inferred.append(event)
                        yield event
                async with aclosing(hearing.events()) as heard:
                    async for raw in heard:
                        backoff = 0.0
                        happened = await self._event(raw)
                        if happened is None or happened in told or _like(happened, inferred):
                            continue
                        told.append(happened)
                        memory.note(happened)
                        since = max(first, happened.at - _OVERLAP)
                        yield happened
            except ClusterError:
                backoff = min(max(0.05, backoff * 2), _LONGEST_BACKOFF)
            finally:
                hearing.close()
            await self._clock.sleep(backoff)

    async def logs(self, node: str, since: datetime) -> list[str]:
        """A node's last thousand log lines since then, oldest first. Raises ClusterError."""
        found, _ = await self._find(node)
        return await self.engine.logs(found.id, since, _LOG_LINES)

    def supports(self, fault: Fault) -> Support:
        """Whether the fault is possible here at all, and if not, why not."""
        return deed_of(fault).supported_by(self._runtime)

    async def allows(self, fault: Fault, node: Node) -> Support:
        """Whether the fault is possible on that node as it is now, and if not, why not."""
        return await allowed(self._runtime, fault, node)

    async def plan(self, fault: Fault, node: Node) -> Injection:
        """The receipt that suffices to undo the fault. Harms nothing.

        Raises:
            Unsupported: the node cannot have this fault, as it hangs on its networks.
            FaultError: the node is not there, or is not running.
        """
        return await planned(self._runtime, fault, node)

    async def inject(self, injection: Injection) -> None:
        """Harm the node. Raises InjectionFailed; the node may then be half harmed."""
        await injected(self._runtime, injection)

    async def rollback(self, injection: Injection) -> None:
        """Put the node right, and see it run. Idempotent; safe on a half-injected fault.

        Raises:
            RollbackFailed: it does not run, its container is gone, or the engine is.
        """
        name = injection.node.name
        if injection.backend != KIND:
            raise RollbackFailed(
                f"{name} is no container: the receipt was written by {injection.backend}.",
                mend=injection.mend,
            )
        try:
            async with self._engine_of(injection) as engine:
                await engine.settled(_UNDER_WAY)
                runtime = Containers(engine, by_receipt(engine, injection))
                await undone(runtime, injection, self._clock)
        except ClusterError as error:
            raise RollbackFailed(
                f"{name} could not be put right: {error}.",
                mend=" ".join(filter(None, (error.mend, f"Run: {injection.mend}"))),
            ) from error

    @asynccontextmanager
    async def _engine_of(self, injection: Injection) -> AsyncIterator[Engine]:
        """The engine that the receipt names; usually ours."""
        if injection.endpoint == self.engine.place.url:
            yield self.engine
            return
        other = Engine(Place(url=injection.endpoint, tls=self.engine.place.tls))
        try:
            yield other
        finally:
            await other.aclose()

    async def _find(self, name: str) -> tuple[Inspected, Node]:
        for container, (known, role) in self._known.items():
            if known == name:
                try:
                    found = await self.engine.inspect(container)
                except Missing:
                    break
                return found, self._remembering(found, found.node(name, role))
        listed = await self.containers()
        if name not in listed:
            there = ", ".join(listed) or "none"
            raise BadAnswer(
                f"the compose project {self.project.name} has no node {name} (it has: {there})"
            )
        return listed[name]

    def _remembering(self, container: Inspected, node: Node) -> Node:
        """The node with the names and addresses that it has while it is on its networks.

        The last of its hosts are the addresses that it has now: none, where it is on no network.
        """
        if any(node.hosts[-1:]):
            self._hosts[container.id] = node.hosts
            return node
        known = self._hosts.get(container.id, node.hosts)
        return node.model_copy(update={"hosts": (*known, ())})

    async def _event(self, raw: dict[str, Any]) -> NodeEvent | None:
        """An event of the engine in our words; None: of no node of ours."""
        actor = raw.get("Actor") or {}
        said: dict[str, str] = actor.get("Attributes") or {}
        network = raw.get("Type") == "network"
        container = str(said.get("container") if network else actor.get("ID"))
        if container not in self._known and said.get(PROJECT) == self.project.name:
            await self.nodes()  # made after the last look
        if container not in self._known:
            return None
        code = said.get("exitCode", "")
        return NodeEvent(
            at=datetime.fromtimestamp(int(raw.get("timeNano", 0)) / 1e9, UTC),
            node=self._known[container][0],
            event=str(raw.get("Action")),
            exit_code=int(code) if code.isdigit() else None,
        )


def _like(event: NodeEvent, others: deque[NodeEvent]) -> bool:
    """Whether that very thing was told, by a listing or the stream, which differ a little."""
    return any(
        (o.node, o.event) == (event.node, event.event) and abs(o.at - event.at) < _SAME
        for o in others
    )

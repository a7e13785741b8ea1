"""Containers: nodes under a Docker engine, and what can be done to them (cluster.faults.Runtime).

A node is found again by the name that its project gives it or, for an undoing, by its receipt: by
the container's id, else by the container that compose has made in its place.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from signal import Signals
from typing import Final

from bot.cluster.container_shapes import NUMBER, PROJECT, SERVICE, Inspected
from bot.cluster.engine import Engine
from bot.cluster.engine_errors import Missing
from bot.cluster.faults.runtime import Remedy, still_it
from bot.domain.cluster import Node, NodeState
from bot.domain.errors import BadAnswer, ClusterError, RollbackFailed
from bot.domain.fault import Attachment, Container, Fault, Injection

KIND: Final = "docker"
GRACE: Final = 30  # seconds; TiKV takes up to 20 to hand its leaders away, Docker's own is 10
_ITS_OWN: Final = "user specified IP address is supported only"
_TAKEN: Final = "in use"

Find = Callable[[str], Awaitable[tuple[Inspected, Node]]]


class Containers:
    """Containers under an engine; `find` is how a node's container is found by the node's name."""

    kind = KIND
    no_networks = ""

    def __init__(self, engine: Engine, find: Find) -> None:
        self._engine = engine
        self._find = find
        self.endpoint = engine.place.url

    async def node(self, name: str) -> Node:
        """The node as it is now."""
        return (await self._find(name))[1]

    async def container(self, name: str) -> Container:
        """The container that the node runs in, with its networks."""
        found = (await self._find(name))[0].container()
        if not found.networks:
            raise BadAnswer(
                f"the container {found.name} is on no network: a fault may be in already"
            )
        return found

    async def kill(self, node: Node) -> None:
        """SIGKILL to the very process that `node` describes; looked at once, just before."""
        found, now = await self._find(node.name)
        still_it(node, now)
        await self._engine.kill(found.id, Signals.SIGKILL.name)

    async def start(self, name: str) -> None:
        """Start a node that has exited; one that runs is left alone."""
        await self._engine.start(await self._id(name))

    async def stop(self, name: str) -> None:
        """Stop a node with its own signal and grace period, or 30 s where it has none."""
        found, _ = await self._find(name)
        timeout = found.config.stop_timeout
        await self._engine.stop(found.id, GRACE if timeout is None else timeout)

    async def pause(self, name: str) -> None:
        """Freeze a running node."""
        await self._engine.pause(await self._id(name))

    async def unpause(self, name: str) -> None:
        """Let a frozen node run on; one that runs is left alone."""
        found, node = await self._find(name)
        if node.state is NodeState.PAUSED:
            await self._engine.unpause(found.id)

    async def detach(self, name: str, attachment: Attachment) -> None:
        """Take a node off a network; one that is not on it is left alone."""
        found, _ = await self._find(name)
        if attachment.name in found.networking.networks:
            await self._engine.disconnect(found.id, attachment.network)

    async def attach(self, name: str, attachment: Attachment) -> None:
        """Hang a node on a network as it was.

        One that is on it, but without its names, is taken off first. An address that nobody had
        chosen is asked for, and done without where the engine does not give it.
        """
        found, _ = await self._find(name)
        now = found.networking.networks.get(attachment.name)
        if now is not None and set(attachment.aliases) <= {*now.aliases, found.name}:
            return
        if now is not None:
            await self._engine.disconnect(found.id, attachment.name)
        known = await self._engine.networks([attachment.network, attachment.name])
        network = next(iter(known), attachment.network)
        try:
            await self._engine.connect(found.id, network, attachment)
        except ClusterError as error:
            if attachment.fixed or not any(word in str(error) for word in (_ITS_OWN, _TAKEN)):
                raise
            free = attachment.model_copy(update={"ipv4": None, "ipv6": None})
            await self._engine.connect(found.id, network, free)

    def by_hand(self, remedy: Remedy, injection: Injection) -> str:
        """The docker command that does it."""
        if injection.container is None:
            return f"docker start {injection.node.name}"
        name = shlex.quote(injection.container.name)
        match remedy:
            case Remedy.START:
                return f"docker start {name}"
            case Remedy.UNPAUSE:
                return f"docker unpause {name}"
            case Remedy.CONNECT:
                each = (_connecting(a, name) for a in injection.container.networks)
                return " && ".join(each)

    def doing(self, injection: Injection) -> str:
        """The docker command that does it."""
        found = injection.container
        name = shlex.quote(found.name if found else injection.node.name)
        match injection.fault:
            case Fault.PARTITION:
                networks = found.networks if found else ()
                each = (f"docker network disconnect {shlex.quote(n.name)} {name}" for n in networks)
                return " && ".join(each)
            case fault:
                return f"docker {fault.value} {name}"

    async def _id(self, name: str) -> str:
        return (await self._find(name))[0].id


def _connecting(attachment: Attachment, name: str) -> str:
    words = ["docker network connect"]
    words += [f"--alias {shlex.quote(a)}" for a in attachment.aliases]
    words += [f"--link {shlex.quote(link)}" for link in attachment.links]
    if attachment.fixed:
        words += [f"--ip {attachment.ipv4}"] if attachment.ipv4 else []
        words += [f"--ip6 {attachment.ipv6}"] if attachment.ipv6 else []
    return " ".join([*words, shlex.quote(attachment.name), name])


def by_receipt(engine: Engine, injection: Injection) -> Find:
    """How the container of a receipt is found: by its id, else the one made in its place.

    Finding raises RollbackFailed where there is none any more.
    """
    known = injection.container

    async def find(name: str) -> tuple[Inspected, Node]:
        if known is None:
            raise RollbackFailed(f"{name}: the receipt names no container.", mend=injection.mend)
        try:
            found = await engine.inspect(known.id)
        except Missing:
            found = await _in_its_place(engine, known, name)
        return found, found.node(name, injection.node.role)

    return find


async def _in_its_place(engine: Engine, known: Container, name: str) -> Inspected:
    labels = [f"{PROJECT}={known.project}", f"{SERVICE}={known.service}"]
    found = await engine.containers(labels) if known.service else []
    for one in found:
        if one.number == known.number or (len(found) == 1 and NUMBER not in one.labels):
            return one
    up = f"docker compose -p {shlex.quote(known.project)} up -d {shlex.quote(known.service)}"
    raise RollbackFailed(
        f"{name} could not be put right: its container {known.name} was removed, and there is none "
        "in its place.",
        mend=f"Make it anew: {up}",
    )

"""Docker: the engine, the compose project, its nodes, PD as it is reached from here, the load.

The engine is found, and the project too, exactly as the bot finds them.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Awaitable, Sequence
from contextlib import aclosing
from typing import Final

from bot.cluster.container_shapes import Inspected
from bot.cluster.docker import Docker, Project
from bot.cluster.docker_discovery import Containers, find_project, pd_addresses, timing
from bot.cluster.engine import Engine
from bot.cluster.engine_errors import RAISED, Missing, translated
from bot.cluster.engine_place import located
from bot.doctor.finding import Finding, broken, works
from bot.doctor.nodes import node_states
from bot.doctor.pd import look_at_pd
from bot.domain.cluster import Node, NodeState
from bot.domain.errors import ChaosError, ClusterError, SettingsError, Unreachable
from bot.engine.clock import SystemClock
from bot.settings import Settings

_IMAGE: Final = 1.5  # seconds, to look for the load's image
_FIRST: Final = "Put Docker right first."


async def look_at_docker(settings: Settings) -> list[Finding]:
    """Engine, project, nodes, PD, the load's image; what hangs on another thing says so."""
    try:
        engine = Engine(located(os.environ))
    except SettingsError as error:
        return [broken("Docker", error, mend="Look at DOCKER_CONTEXT and DOCKER_HOST.")]
    async with aclosing(engine):
        return await _Look(settings, engine).all()


class _Look:
    """One look at one engine. `containers` are the nodes', once the project is found."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine

    async def all(self) -> list[Finding]:
        """The engine's side, and PD's beside it where its addresses are set."""
        known: asyncio.Future[list[Node] | None] = asyncio.get_running_loop().create_future()
        if self._settings.pd:
            pd = asyncio.ensure_future(self._pd(self._settings.pd, known))
            found, containers = await self._nodes()
            known.set_result([node for _, node in containers.values()] or None)
            image = await self._image(containers)
            return [*found, *await pd, image]
        found, containers = await self._nodes()
        known.set_result([node for _, node in containers.values()] or None)
        if not containers:
            return [*found, _unknown("PD"), _unknown("YCSB", needed=False)]
        try:
            urls = pd_addresses(containers, self._engine.place.host)
        except SettingsError as error:
            return [*found, broken("PD", error), await self._image(containers)]
        pds, image = await asyncio.gather(self._pd(urls, known), self._image(containers))
        return [*found, *pds, image]

    async def _nodes(self) -> tuple[list[Finding], Containers]:
        """The engine, the project and its nodes, as far as they are there."""
        place, settings = self._engine.place, self._settings
        found: list[Finding] = []
        try:
            version = await self._engine.version()
        except ClusterError as error:
            return [broken("Docker", error, mend=error.mend or "See that it runs.")], {}
        said = f"{version.get('Version')}, API {version.get('ApiVersion')}"
        found.append(works("Docker", f"The engine at {place.url} answers: {said}."))
        try:
            project = await find_project(
                self._engine,
                settings.docker_project,
                tikv=settings.docker_tikv,
                pd=settings.docker_pd,
            )
            backend = Docker(self._engine, project, clock=SystemClock())
            containers = await backend.containers()
        except ChaosError as error:
            return [*found, broken("compose project", error, mend=error.mend or _FIRST)], {}
        found.append(works("compose project", f"{project.name}, with {len(containers)} nodes."))
        found.append(_states(project, containers))
        return found, containers

    def _pd(
        self, urls: Sequence[str], nodes: asyncio.Future[list[Node] | None]
    ) -> Awaitable[list[Finding]]:
        mend = "Start its container, or say in CHAOSBOT_PD where PD answers, seen from here."
        return look_at_pd(urls, nodes, mend=mend)

    async def _image(self, containers: Containers) -> Finding:
        """The image of the load's container. Without it runs go on, without load."""
        check = "YCSB"
        stand_in = timing(containers, None).playground_image
        image, command = self._settings.ycsb_container(stand_in)
        try:
            async with asyncio.timeout(_IMAGE + 0.3):
                client = await asyncio.to_thread(self._engine.client, _IMAGE)
                await asyncio.to_thread(client.inspect_image, image)
        except TimeoutError:
            late = Unreachable(f"{self._engine.place} did not answer within {_IMAGE:g} s")
            return broken(check, late, mend=_FIRST, needed=False)
        except RAISED as error:
            why = translated(error, str(self._engine.place))
            if isinstance(why, Missing):
                text = f"There is no image {image}: runs go on without load."
                mend = "Build it (make up does), or name another one in CHAOSBOT_YCSB_IMAGE."
                return broken(check, text, mend=mend, needed=False)
            return broken(check, why, mend=why.mend or _FIRST, needed=False)
        return works(check, f"The image {image} is there; it runs {command[0]}.", needed=False)


def _unknown(check: str, *, needed: bool = True) -> Finding:
    why = "Not known: the cluster's containers were not found."
    mend = "First put right what stands above."
    return broken(check, why, mend=mend, needed=needed)


def _states(project: Project, containers: Containers) -> Finding:
    commands = {name: _command(container, node) for name, (container, node) in containers.items()}
    alone = [n for n, (c, _) in containers.items() if not c.networking.networks]
    if alone:
        why = f"{', '.join(alone)} of {project.name} is on no network: a fault may still be in."
        mend = f"chaosbot recover, or: docker compose -p {shlex.quote(project.name)} up -d"
        return broken("nodes", why, mend=mend)
    return node_states([node for _, node in containers.values()], commands)


def _command(container: Inspected, node: Node) -> str:
    word = "unpause" if node.state is NodeState.PAUSED else "start"
    return f"docker {word} {shlex.quote(container.name)}"

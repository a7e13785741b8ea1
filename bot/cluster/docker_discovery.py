"""What an engine's containers say of the cluster: its project, where PD answers, its timers.

Nothing is read from a container's name: compose says in labels what it has made, and a container
what it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.cluster.container_shapes import PROJECT, Inspected
from bot.cluster.docker import Project
from bot.cluster.engine import Engine
from bot.domain.cluster import Node, Role
from bot.domain.errors import SettingsError

_PD_PORT: Final = "2379/tcp"
_ANYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - nothing is bound here
_STAND_IN: Final = "bot.playground.node"
_REAL_TIME: Final = "--real-time"
_TIMER: Final = "--timer=store_heartbeat="
_FAST_HEARTBEAT: Final = 0.5  # seconds, of the playground
_HEARTBEAT: Final = 10.0  # seconds, TiKV's default

Containers = Mapping[str, tuple[Inspected, Node]]


async def find_project(
    engine: Engine, name: str | None, *, tikv: Sequence[str], pd: Sequence[str]
) -> Project:
    """The project of that name or, without one, the only one that has TiKV and PD.

    Raises:
        SettingsError: there is none, or there are several.
        ClusterError: the engine cannot be asked.
    """
    projects: dict[str, list[Inspected]] = {}
    for container in await engine.containers():
        projects.setdefault(container.labels[PROJECT], []).append(container)
    fitting = []
    for project, containers in sorted(projects.items()):
        candidate = Project(name=project, tikv=tuple(tikv), pd=tuple(pd))
        roles = {candidate.role(c.service) for c in containers}
        if roles >= {Role.TIKV, Role.PD} and name in (None, project):
            fitting.append(candidate)
    if len(fitting) == 1:
        return fitting[0]
    found = ", ".join(projects if not fitting else (p.name for p in fitting)) or "none"
    if fitting:
        raise SettingsError(
            f"Several compose projects have TiKV and PD: {found}.",
            mend="Name one in CHAOSBOT_DOCKER_PROJECT.",
        )
    wanted = f"The compose project {name} has no" if name else "No compose project has"
    raise SettingsError(
        f"{wanted} services that run TiKV ({', '.join(tikv)}) and PD ({', '.join(pd)}). "
        f"Projects at {engine.place}: {found}.",
        mend='Start the cluster ("make up"), or set CHAOSBOT_DOCKER_PROJECT, '
        "CHAOSBOT_DOCKER_TIKV_SERVICES and CHAOSBOT_DOCKER_PD_SERVICES.",
    )


def pd_addresses(containers: Containers, host: str) -> tuple[str, ...]:
    """Where PDs answer: at the ports that they publish, else at the containers' own addresses.

    `host` is the engine's, where a port is published on all of its addresses.

    Raises:
        SettingsError: nowhere.
    """
    published, own = [], []
    for container, node in containers.values():
        if node.role is not Role.PD:
            continue
        bound = container.networking.ports.get(_PD_PORT) or container.host.bindings.get(_PD_PORT)
        for binding in (bound or ())[:1]:
            if binding.port:
                where = host if binding.ip in _ANYWHERE else binding.ip
                published.append(f"{where}:{binding.port}")
        own += [f"{e.ipv4}:2379" for e in container.networking.networks.values() if e.ipv4][:1]
    if not published and not own:
        raise SettingsError(
            "PD's containers publish no port and have no address.",
            mend="Start them, or say in CHAOSBOT_PD where PD answers.",
        )
    return tuple(published or own)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How often stores report to PD (seconds), and the image of the nodes if they are stand-ins."""

    heartbeat: float
    fast: bool
    playground_image: str | None


def timing(containers: Containers, heartbeat: float | None) -> Timing:
    """What the nodes' own commands say; `heartbeat` is what was set, which wins."""
    stands_in = [c for c, _ in containers.values() if _STAND_IN in c.config.command]
    if not stands_in:
        return Timing(heartbeat=heartbeat or _HEARTBEAT, fast=False, playground_image=None)
    command = stands_in[0].config.command
    fast = _REAL_TIME not in command
    beats = [w.removeprefix(_TIMER) for w in command if w.startswith(_TIMER)]
    own = float(beats[-1]) if beats else _FAST_HEARTBEAT if fast else _HEARTBEAT
    return Timing(heartbeat=heartbeat or own, fast=fast, playground_image=stands_in[0].config.image)

"""Parts: what an engine is put together from, as the settings name it.

A cluster is a backend, PD, a load and a diagnostician; a receipt is undone by the kind of backend
that wrote it, whatever cluster is set up.
"""

from __future__ import annotations

import logging
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass

from bot.cluster.containers import KIND as CONTAINERS
from bot.cluster.docker import Docker, Project
from bot.cluster.docker_discovery import find_project, pd_addresses, timing
from bot.cluster.engine import Engine
from bot.cluster.engine_place import located
from bot.cluster.metrics import NodeMetrics
from bot.cluster.pd import Pd
from bot.cluster.processes import Processes
from bot.cluster.prometheus import Prometheus
from bot.cluster.supervisor import KIND as PROCESSES
from bot.cluster.ycsb import Ycsb
from bot.cluster.ycsb_container import YcsbContainer, sweep
from bot.diagnosis.claude import Claude
from bot.diagnosis.diagnostician import Blind
from bot.domain.errors import ClusterError, SettingsError
from bot.engine.ports import (
    Clock,
    Cluster,
    Diagnostician,
    FaultBackend,
    Metrics,
    MetricsHistory,
)
from bot.journal import Journal
from bot.settings import Settings

log = logging.getLogger(__name__)
NO_KEY = "no Claude key is set"
_SHARE = 0.75  # of the time for a diagnosis; the rest is for the evidence, and for the rules


async def cluster_of(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> tuple[Cluster, bool]:
    """The cluster that the settings name, closed by `stack`, and whether its timers run fast.

    Raises:
        SettingsError: there is no such cluster.
        ClusterError: what runs its nodes cannot be asked.
    """
    made = _docker if settings.cluster == "docker" else _playground
    return await made(settings, clock, stack)


async def _playground(
    settings: Settings, clock: Clock, stack: AsyncExitStack
) -> tuple[Cluster, bool]:
    """The playground as a cluster, and whether its timers run fast."""
    backend = await stack.enter_async_context(Processes(settings.socket, clock=clock))
    try:
        info = await backend.info()
    except ClusterError as error:
        raise SettingsError(
            f"No playground answers at {settings.socket}.",
            mend='Start one with "chaosbot playground".',
        ) from error
    pd = await stack.enter_async_context(Pd(info.pd, clock=clock))
    heartbeat = settings.heartbeat or info.heartbeat
    cluster = Cluster(
        name=settings.cluster_name,
        backend=backend,
        pd=pd,
        load=Ycsb(settings.ycsb_command(info.pd), clock=clock),
        diagnostician=_diagnostician(
            settings, backend, await _seen(settings, stack), clock, heartbeat
        ),
        heartbeat=heartbeat,
    )
    return cluster, not info.real_time


async def _docker(settings: Settings, clock: Clock, stack: AsyncExitStack) -> tuple[Cluster, bool]:
    """A compose project as a cluster, and whether its timers run fast."""
    backend = await stack.enter_async_context(await docker_backend(settings, clock))
    containers = await backend.containers()
    urls = settings.pd or pd_addresses(containers, backend.engine.place.host)
    pd = await stack.enter_async_context(Pd(urls, clock=clock))
    timers = timing(containers, settings.heartbeat)
    image, command = settings.ycsb_container(timers.playground_image)
    load = YcsbContainer(backend, pd, image, command, owner=str(settings.home), clock=clock)
    await sweep_loads(settings, backend.engine)
    cluster = Cluster(
        name=settings.cluster_name,
        backend=backend,
        pd=pd,
        load=load,
        diagnostician=_diagnostician(
            settings, backend, await _seen(settings, stack), clock, timers.heartbeat
        ),
        heartbeat=timers.heartbeat,
    )
    return cluster, timers.fast


async def docker_backend(settings: Settings, clock: Clock) -> Docker:
    """The compose project that the settings mean, under the engine that the environment names.

    Raises:
        SettingsError: there is no such project, or there are several.
        ClusterError: the engine cannot be asked.
    """
    found = Engine(located(os.environ))
    try:
        project = await find_project(
            found, settings.docker_project, tikv=settings.docker_tikv, pd=settings.docker_pd
        )
    except ClusterError as error:
        await found.aclose()
        said = str(error)
        raise ClusterError(f"{said[:1].upper()}{said[1:]}.", mend=error.mend) from error
    except BaseException:
        await found.aclose()
        raise
    return Docker(found, project, clock=clock)


async def sweep_loads(settings: Settings, engine: Engine | None = None) -> None:
    """Remove the containers of loads that an earlier process has left behind, where Docker is."""
    ours = engine is None
    try:
        engine = engine or Engine(located(os.environ))
    except SettingsError as error:
        log.info("No load was looked for: %s", error)
        return
    try:
        for name in await sweep(engine, str(settings.home)):
            log.warning("The load's container %s was left behind, and is removed.", name)
    except ClusterError as error:
        log.info("No load was looked for: %s", error)
    finally:
        if ours:
            await engine.aclose()


async def undoing(
    settings: Settings, journal: Journal, clock: Clock, stack: AsyncExitStack
) -> dict[str, FaultBackend]:
    """Who undoes the faults that are still in: a backend for each kind of open receipt.

    Raises:
        SettingsError: the settings for Docker cannot be used.
        JournalError: the receipts cannot be read.
    """
    found: dict[str, FaultBackend] = {}
    for _, injection in await journal.open_injections():
        if injection.backend in found:
            continue
        if injection.backend == PROCESSES:
            nodes = Processes(settings.socket, clock=clock)
            found[PROCESSES] = await stack.enter_async_context(nodes)
        elif injection.backend == CONTAINERS:
            docker = Docker(Engine(located(os.environ)), Project(name=""), clock=clock)
            found[CONTAINERS] = await stack.enter_async_context(docker)
    return found


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """What the nodes count of themselves, now and (with a Prometheus) over time."""

    now: Metrics
    over_time: MetricsHistory | None


async def _seen(settings: Settings, stack: AsyncExitStack) -> _Figures:
    now = await stack.enter_async_context(NodeMetrics())
    url = settings.prometheus_url
    prometheus = await stack.enter_async_context(Prometheus(url)) if url else None
    return _Figures(now=now, over_time=prometheus)


def _diagnostician(
    settings: Settings, backend: FaultBackend, figures: _Figures, clock: Clock, heartbeat: float
) -> Diagnostician:
    key = settings.anthropic_api_key
    model = None
    if key is not None:
        model = Claude(
            key.get_secret_value(),
            model=settings.model,
            clock=clock,
            base_url=settings.anthropic_base_url,
            limit=_SHARE * settings.timings(fast=False).diagnosis,
        )
    return Blind(
        backend,
        figures.now,
        model,
        NO_KEY,
        clock,
        history=figures.over_time,
        heartbeat=heartbeat,
    )

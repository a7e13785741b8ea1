"""The app: the only file that names concrete parts, and puts them together.

settings -> journal + cluster -> Chaos -> (what earlier processes left is put right) -> views
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

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
from bot.domain.approval import Policy
from bot.domain.errors import ClusterError, SettingsError
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.engine.patience import cancelled
from bot.engine.ports import (
    Clock,
    Cluster,
    Diagnostician,
    FaultBackend,
    Metrics,
    MetricsHistory,
)
from bot.engine.recovery import recover
from bot.journal import Journal
from bot.schedule import Schedule
from bot.settings import Settings

log = logging.getLogger(__name__)
NO_KEY = "no Claude key is set"
_SHARE = 0.75  # of the time for a diagnosis; the rest is for the evidence, and for the rules


@asynccontextmanager
async def engine(
    settings: Settings, *, put_right: bool = True, clusters: bool = True
) -> AsyncIterator[Chaos]:
    """An engine on the settings' cluster and journal; ended in order, with every node back.

    `put_right`: what earlier processes have left behind is put right first. Without `clusters`
    it can do that, from the receipts alone, and nothing else.

    Raises:
        SettingsError: the state folder cannot be used, or another chaosbot uses it.
        ClusterError: the cluster cannot be found.
        JournalError: the journal cannot be used.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(_alone_in(settings.prepare_home()))
        journal = await stack.enter_async_context(await Journal.open(settings.journal))
        undoing = await _undoing(settings, journal, clock, stack)
        known, fast = [], False
        if clusters:
            made = _docker if settings.cluster == "docker" else _playground
            cluster, fast = await made(settings, clock, stack)
            known.append(cluster)
        chaos = Chaos(
            known,
            journal,
            clock,
            timings=settings.timings(fast=fast),
            policy=Policy(approvers=frozenset(settings.approvers)),
            random=SystemRandom(),
            undoing=undoing,
        )
        stack.push_async_callback(chaos.close)
        if put_right:
            for left in await recover(chaos, kept_down=False):
                log.warning("Run %d: %s", left.run, left.became)
        yield chaos


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """The bot against Slack, until `stop` is set. Raises ChaosError."""
    from bot.slack import Access, SlackBot

    bot_token, app_token = settings.slack_tokens()
    access = Access(bot_token=bot_token, app_token=app_token, api_url=settings.slack_api_url)
    async with (
        engine(settings) as chaos,
        _watching(chaos, settings.monitor),
        SlackBot(chaos, access) as bot,
    ):
        log.warning("Serving %s as %s. Ctrl-C ends it.", bot.team, bot.name)
        gc.freeze()  # what is here stays: no collection needs to look at it again
        await stop.wait()
        log.warning("Ending: every node is restored first.")
        await chaos.close()


@asynccontextmanager
async def _watching(chaos: Chaos, seconds: float) -> AsyncIterator[None]:
    """Check every cluster on an interval and on every change; a failure is logged."""
    async with Schedule(chaos.check, seconds=seconds, failed=_check_failed):
        following = asyncio.create_task(chaos.follow(_check_failed))
        try:
            yield
        finally:
            await cancelled(following)


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


async def _undoing(
    settings: Settings, journal: Journal, clock: Clock, stack: AsyncExitStack
) -> dict[str, FaultBackend]:
    """Who undoes the faults that are still in: a backend for each kind of open receipt."""
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


@contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Keep every other chaosbot out of a state folder: two would each undo the other's faults.

    Raises:
        SettingsError: another one is in it; the sentence names its process.
    """
    lock = home / "lock"
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise SettingsError(
                f"Another chaosbot (process {held.read().strip() or 'unknown'}) uses {home}.",
                mend="Stop it, or set CHAOSBOT_HOME to another folder.",
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def _check_failed(error: Exception) -> None:
    log.error("The cluster could not be checked: %s", error, exc_info=error)

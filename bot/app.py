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
from pathlib import Path
from random import SystemRandom

from bot.cluster.metrics import NodeMetrics
from bot.cluster.pd import Pd
from bot.cluster.processes import Processes
from bot.cluster.ycsb import Ycsb
from bot.diagnosis.claude import Claude
from bot.diagnosis.diagnostician import Blind
from bot.domain.approval import Policy
from bot.domain.errors import ClusterError, SettingsError
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.engine.patience import cancelled
from bot.engine.ports import Clock, Cluster, Diagnostician, FaultBackend, Metrics
from bot.engine.recovery import recover
from bot.journal import Journal
from bot.schedule import Schedule
from bot.settings import Settings

log = logging.getLogger(__name__)
NO_KEY = "no Claude key is set"
_SHARE = 0.75  # of the time for a diagnosis; the rest is for the evidence, and for the rules


@asynccontextmanager
async def engine(settings: Settings, *, put_right: bool = True) -> AsyncIterator[Chaos]:
    """An engine on the settings' cluster and journal; ended in order, with every node back.

    `put_right`: what earlier processes have left behind is put right first.

    Raises:
        SettingsError: the state folder cannot be used, or another chaosbot uses it.
        ClusterError: the cluster cannot be found.
        JournalError: the journal cannot be used.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(_alone_in(settings.prepare_home()))
        journal = await stack.enter_async_context(await Journal.open(settings.journal))
        cluster, fast = await _playground(settings, clock, stack)
        chaos = Chaos(
            [cluster],
            journal,
            clock,
            timings=settings.timings(fast=fast),
            policy=Policy(approvers=frozenset(settings.approvers)),
            random=SystemRandom(),
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
    metrics = await stack.enter_async_context(NodeMetrics())
    cluster = Cluster(
        name=settings.cluster_name,
        backend=backend,
        pd=pd,
        load=Ycsb(settings.ycsb_command(info.pd), clock=clock),
        diagnostician=_diagnostician(settings, backend, metrics, clock, info.heartbeat),
        heartbeat=info.heartbeat,
    )
    return cluster, not info.real_time


def _diagnostician(
    settings: Settings, backend: FaultBackend, metrics: Metrics, clock: Clock, heartbeat: float
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
    return Blind(backend, metrics, model, NO_KEY, clock, heartbeat=heartbeat)


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

"""The app: puts the engine together; `parts` has what a cluster is made of.

settings -> lock -> journal + cluster -> Chaos; what earlier processes have left -> safety
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, TypeVar

from bot.domain.approval import Policy
from bot.domain.errors import ChaosError, ClusterError
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.engine.patience import cancelled
from bot.engine.ports import Clock, Cluster
from bot.engine.recovery import Left, Recovery
from bot.engine.safety import Safety
from bot.engine.stream import Stream
from bot.guardian import lost
from bot.journal import Journal
from bot.lock import GUARDIAN, Lock, Taken, held
from bot.parts import cluster_of, sweep_loads, undoing
from bot.settings import Settings

log = logging.getLogger(__name__)
_T = TypeVar("_T")

_GUARDIAN_TAKES: Final = 60.0  # seconds; one attempt of a guardian takes no longer
_LOOK: Final = 0.1
_FIRST_RETRY, _LAST_RETRY = 1.0, 15.0  # seconds
_AGAIN: Final = 1.0  # seconds until a watch that has failed begins anew


class Ended(Exception):  # noqa: N818 - what happened, not what went wrong
    """Somebody has asked for the end while something was waited for."""


@asynccontextmanager
async def engine(
    settings: Settings, *, policy: Policy, stop: asyncio.Event, dry: bool = False
) -> AsyncIterator[Chaos]:
    """An engine for one command, with `policy` for all that is decided; every node is back after it.

    What earlier processes have left is put right first: nobody is here who decides about it. `dry`:
    nothing is touched, at no time. `stop` ends what is waited for.

    Raises:
        Taken: another chaosbot uses the state folder.
        SettingsError: the state folder cannot be used.
        ClusterError: the cluster cannot be found.
        JournalError: the journal cannot be used.
        Ended: `stop` was set.
    """
    async with (
        alone(settings.prepare_home(), "run", stop),
        assembled(settings, policy) as chaos,
    ):
        if dry:
            yield chaos
            return
        for left in await chaos.recovery.recover(kept_down=False):
            log.warning("Run %d: %s", left.run, left.became)
        await chaos.listen()
        async with safe(chaos, settings.deadman):
            yield chaos


async def put_right(settings: Settings, role: str, *, kept_down: bool) -> list[Left]:
    """Restore and end whatever an earlier process has left, from the receipts alone.

    `kept_down`: nodes that somebody decided to keep down are restored, too. The guardian waits for
    nobody, and writes nothing down where what runs the nodes does not answer.

    Raises:
        Taken: another chaosbot uses the state folder, and takes care of it.
        SettingsError: the state folder cannot be used.
        ClusterError: the guardian asked for nodes, and nobody answered.
        JournalError: the journal cannot be used.
    """
    home, clock = settings.prepare_home(), SystemClock()
    async with AsyncExitStack() as stack:
        if role == GUARDIAN:
            stack.enter_context(held(home, role))
        else:
            await stack.enter_async_context(alone(home, role, asyncio.Event()))
        journal = await stack.enter_async_context(
            await Journal.open(settings.journal, secrets=settings.secrets())
        )
        backends = await undoing(settings, journal, clock, stack)
        if role == GUARDIAN:
            injections = [injection for _, injection in await journal.open_injections()]
            for kind in {i.backend for i in injections if not lost(i.backend, i.endpoint)} & set(
                backends
            ):
                await backends[kind].nodes()
        recovery = Recovery(journal, Stream(), clock, {}, backends)
        found = await recovery.recover(kept_down=kept_down)
        await sweep_loads(settings)
    return found


async def left_behind(journal: Journal, *, kept_down: bool) -> list[Left]:
    """The runs that have not ended and the faults that are still in. Raises JournalError."""
    recovery = Recovery(journal, Stream(), SystemClock(), {}, {})
    return await recovery.left_behind(kept_down=kept_down)


def policy_of(settings: Settings) -> Policy:
    """Who may decide, as the settings say."""
    return Policy(
        approvers=frozenset(settings.approvers),
        groups=frozenset(settings.approver_groups),
        needed=settings.approvals,
        starter=settings.starter_may_approve,
        at_deadline="keep down" if settings.at_deadline == "keep down" else "restore",
    )


@asynccontextmanager
async def alone(home: Path, role: str, stop: asyncio.Event) -> AsyncIterator[Lock]:
    """The lock on a state folder. A guardian that holds it is waited for: it puts things right."""
    ends, said = time.monotonic() + _GUARDIAN_TAKES, False
    async with AsyncExitStack() as stack:
        while True:
            try:
                lock = stack.enter_context(held(home, role))
                break
            except Taken as taken:
                if taken.holder.role != GUARDIAN or time.monotonic() >= ends:
                    raise
            if not said:
                log.warning("The guardian puts right what was left behind: waiting for it.")
                said = True
            await unless(stop, asyncio.sleep(_LOOK))
        yield lock


@asynccontextmanager
async def assembled(
    settings: Settings, policy: Policy, *, stop: asyncio.Event | None = None
) -> AsyncIterator[Chaos]:
    """An engine under a lock that is held, closed in order; raises as `engine` does.

    `stop`: a cluster that is away is waited for until then, if something is left in it.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(
            await Journal.open(settings.journal, secrets=settings.secrets())
        )
        backends = await undoing(settings, journal, clock, stack)
        cluster, fast = await _cluster(settings, journal, clock, stack, stop)
        chaos = Chaos(
            [cluster],
            journal,
            clock,
            timings=settings.timings(fast=fast),
            policy=policy,
            limits=settings.limits(),
            random=SystemRandom(),
            undoing=backends,
        )
        stack.push_async_callback(chaos.close)
        yield chaos


@asynccontextmanager
async def safe(chaos: Chaos, deadman: float) -> AsyncIterator[None]:
    """Watch over an engine (`engine.safety`); `deadman`: seconds of silence."""
    guarding = asyncio.create_task(_keep_safe(chaos, deadman))
    try:
        yield
    finally:
        await cancelled(guarding)


async def _cluster(
    settings: Settings,
    journal: Journal,
    clock: Clock,
    stack: AsyncExitStack,
    stop: asyncio.Event | None,
) -> tuple[Cluster, bool]:
    said, wait = "", _FIRST_RETRY
    while True:
        async with AsyncExitStack() as attempt:
            try:
                found = await cluster_of(settings, clock, attempt)
            except ChaosError as error:
                away = isinstance(error, ClusterError) or isinstance(error.__cause__, ClusterError)
                if not stop or not away or not await left_behind(journal, kept_down=False):
                    raise
                if error.whole != said:
                    said = error.whole
                    log.warning("%s It is tried again: runs are unfinished.", said)
            else:
                stack.push_async_exit(attempt.pop_all())
                return found
        await unless(stop, asyncio.sleep(wait))
        wait = min(wait * 2, _LAST_RETRY)


async def _keep_safe(chaos: Chaos, deadman: float) -> None:
    """The engine's safety. It has to go on, whatever happens to it."""
    while True:
        try:
            await Safety(chaos, deadman=deadman).keep_watch()
        except Exception:  # a defect: without a watch, a fault might stay in
            log.exception("The watch over the runs has failed, and begins anew.")
        await asyncio.sleep(_AGAIN)


async def unless(stop: asyncio.Event | None, doing: Coroutine[Any, Any, _T]) -> _T:
    """What `doing` returns. Raises Ended as soon as `stop` is set; it is then cancelled."""
    if stop is None:
        return await doing
    task, stopped = asyncio.ensure_future(doing), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Ended
        return task.result()
    finally:
        await cancelled(task, stopped)

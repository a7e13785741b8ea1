"""Restoring puts the node right; verifying proves that the cluster is well again, and stays so.

Putting a node right is shielded from cancellation, and has a limit of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.domain.cluster import View
from bot.domain.errors import RollbackFailed
from bot.domain.events import FaultRolledBack, ProbesAnswered, RecoveryJudged
from bot.domain.events import RollbackFailed as RollbackFailedEvent
from bot.domain.experiment import Stage
from bot.domain.fault import Injection
from bot.domain.hypothesis import Probe, Verdict, heard_since, overall, throughput
from bot.engine.ledger import Ledger
from bot.engine.loading import Load
from bot.engine.patience import until, within
from bot.engine.ports import Clock, FaultBackend
from bot.engine.run import Run

_BETWEEN_ATTEMPTS = 1.0  # seconds
_SHORTEST = 0.01  # seconds between two looks
_SMOOTHING = 2.0  # seconds of load over which "clients are served again" is judged


async def roll_back(
    injection: Injection, backend: FaultBackend, ledger: Ledger, clock: Clock, limit: float
) -> None:
    """Undo a fault, trying again until it is undone or the limit (seconds) has passed.

    Nobody can cancel it half-way; who tries is cancelled after it. What is journalled, is journalled after the deed: a journal
    that fails must not keep the node down.

    Raises:
        RollbackFailed: the node is still broken.
    """
    doing = asyncio.ensure_future(_attempts(injection, backend, ledger, clock, limit))
    interrupted = False
    while not doing.done():
        try:
            await asyncio.wait({doing})
        except asyncio.CancelledError:
            interrupted = True
    doing.result()
    if interrupted:
        raise asyncio.CancelledError


async def _attempts(
    injection: Injection, backend: FaultBackend, ledger: Ledger, clock: Clock, limit: float
) -> None:
    began = clock.monotonic()
    while True:
        left = began + limit - clock.monotonic()
        try:
            await within(clock, max(left, _BETWEEN_ATTEMPTS), backend.rollback(injection))
        except Exception as error:
            if clock.monotonic() - began + _BETWEEN_ATTEMPTS < limit:
                await clock.sleep(_BETWEEN_ATTEMPTS)
                continue
            said = str(error) or f"it took longer than {limit:g} s ({type(error).__name__})"
            await ledger.try_write(RollbackFailedEvent(error=said, mend=injection.mend))
            raise RollbackFailed(
                f"{injection.node.name} is still down: {said}", mend=injection.mend
            ) from error
        break
    took = clock.monotonic() - began
    await ledger.try_write(FaultRolledBack(took=took, what=f"Restored {injection.node.label}"))


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """What verifying found: `why` names what does not hold."""

    verified: bool
    why: str = ""


async def verify(run: Run, load: Load) -> Recovery:
    """Watch until the cluster is well and has stayed so, or the limit has passed.

    Well: the steady-state hypothesis holds, the restored store has sent a heartbeat since, and
    clients get at least 90% of their baseline. A store may be Up and crash seconds later (seen
    on a real cluster), so it all has to last for the settling time.
    """
    timings, clock = run.timings, run.clock
    limit = clock.monotonic() + timings.recovery
    await run.ledger.enter(Stage.VERIFYING, run.in_seconds(timings.recovery + timings.settling))
    well_since: float | None = None
    while True:
        run.changed.clear()
        probes = _well_again(run, load, (await run.monitor.check()).view)
        now = clock.monotonic()
        well = overall(p.verdict for p in probes) is Verdict.HELD
        well_since = (now if well_since is None else well_since) if well else None
        lasting = well_since is not None and now - well_since >= timings.settling
        if lasting or (well_since is None and now >= limit):
            break
        await until(clock, _until_next(run, well_since, now), run.changed)
    await run.ledger.write(ProbesAnswered(stage=Stage.VERIFYING, probes=probes))
    bad = "; ".join(f"{p.probe}: {p.observed}" for p in probes if p.verdict is not Verdict.HELD)
    judged = RecoveryJudged(
        verified=well_since is not None,
        seconds=None if well_since is None else well_since - run.restore_began,
        ops=load.recent(max(timings.settling, _SMOOTHING)),
        why=bad,
    )
    await run.ledger.write(judged)
    return Recovery(verified=judged.verified, why=bad)


def _until_next(run: Run, well_since: float | None, now: float) -> float:
    if well_since is None:
        return run.timings.poll
    return min(run.timings.poll, max(_SHORTEST, well_since + run.timings.settling - now))


def _well_again(run: Run, load: Load, view: View) -> tuple[Probe, ...]:
    probes = run.monitor.probes(view)
    if run.node.store is not None:
        probes = (*probes, heard_since(view, run.node.store, run.during))
    if load.loaded and load.baseline:
        probes = (*probes, throughput(load.recent(_SMOOTHING), load.baseline))
    return probes

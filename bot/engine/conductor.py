"""The conductor: takes a run through its stages, and ends it truthfully whatever happens.

    checking -> loading -> injecting -> detecting -> diagnosing -> awaiting approval
             -> restoring -> verifying                                     | any end
                                                                           v
                                               the node is restored if it is not yet -> finished

The stages run in a task of their own that an abort cancels; the ending is in none, and putting
a node right cannot be cancelled. A run that an earlier process has begun goes on from the stage
at which its history ends (docs/recovery.md has the table); one that is handed over stops where it
stands, and has no end yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random

from bot.domain.approval import Decision
from bot.domain.errors import ChaosError, JournalError, Refused, RollbackFailed
from bot.domain.events import (
    EndingBegan,
    FaultInjected,
    FaultPlanned,
    GuardsAnswered,
    ProbesAnswered,
    RunFinished,
    SteadyStateSeen,
    TargetChosen,
)
from bot.domain.experiment import Experiment, Outcome, Stage
from bot.domain.limits import Limits
from bot.domain.report import EndingReport
from bot.engine.checking import Findings, bounds, examine
from bot.engine.detecting import detect
from bot.engine.diagnosing import diagnose
from bot.engine.loading import Load
from bot.engine.patience import cancelled, until
from bot.engine.ports import Journal
from bot.engine.restoring import roll_back, verify
from bot.engine.run import Run

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the stages ended. `restore`: a node that is still broken has to be put right."""

    outcome: Outcome
    why: str = ""
    restore: bool = True


class Conductor:
    """Conducts one run."""

    def __init__(self, run: Run, journal: Journal, random: Random, limits: Limits) -> None:
        self.run = run
        self._journal = journal
        self._random = random
        self._limits = limits
        self._load = Load(run)
        self._followers: list[asyncio.Task[None]] = []

    async def conduct(self) -> None:
        """From checking, or from where an earlier process left the run, to finished."""
        await self._run_to_its_end(self._stages())

    async def end(self, ending: EndingReport) -> None:
        """Nothing more of its stages: the node is restored, and the run ends so."""
        stages = _already(Ending(outcome=ending.outcome, why=ending.why))
        await self._run_to_its_end(stages)

    async def restore_kept_down(self) -> None:
        """Bring back a node that was kept down, in a run that is already finished."""
        await self._run_to_its_end(self._bring_back())

    async def _run_to_its_end(self, stages: Coroutine[None, None, Ending]) -> None:
        self.run.stages = task = asyncio.create_task(stages)
        try:
            ending = await self._ending(task)
            if ending is None:
                await self._load.stop()
            else:
                await self._end(ending)
        finally:
            await cancelled(*self._followers)

    async def _stages(self) -> Ending:
        run = self.run
        if run.report.fault.injected_at is None:
            if not run.past(Stage.CHECKING):
                await self._check()
            await self._put_load()
            await self._inject()
        else:
            await self._go_on()
        if run.past(Stage.DETECTING):
            check = await run.monitor.check()
        else:
            check = await detect(run, self._load)
        if not run.past(Stage.DIAGNOSING):
            await diagnose(run, self._load, check, self._journal)
        if not run.past(Stage.AWAITING_APPROVAL):
            return await self._wait_for_approval()
        return await self._restore_and_verify()

    async def _go_on(self) -> None:
        """What runs beside the stages, once more, after another process had begun the run."""
        run = self.run
        self._follow(run.follow_nodes())
        await self._load.resume()
        if self._load.loaded:
            self._follow(self._load.follow())
        run.during = await run.monitor.look()
        await run.look_back()

    async def _bring_back(self) -> Ending:
        injection = self.run.report.injection
        if injection is None:
            return Ending(outcome=Outcome.NOT_RECOVERED, why="There is nothing to restore.")
        self.run.choose(injection.node, await self.run.monitor.look())
        return await self._restore_and_verify()

    async def _check(self) -> None:
        run = self.run
        await run.ledger.enter(Stage.CHECKING)
        found = await self._examined(run.experiment)
        await run.ledger.write(TargetChosen(node=found.node, address=found.address))
        await run.ledger.write(ProbesAnswered(stage=Stage.CHECKING, probes=found.probes))
        await run.ledger.write(GuardsAnswered(guards=found.guards))
        found.refuse()
        run.choose(found.node, found.view)

    async def _put_load(self) -> None:
        run = self.run
        await run.ledger.enter(Stage.LOADING, run.in_seconds(run.timings.warm_up))
        self._follow(run.follow_nodes())
        await self._load.start()
        if self._load.loaded:
            self._follow(self._load.follow())
            await self._load.take_baseline()
        found = await self._examined(run.on_node)
        found.refuse()  # what was well before the load may not be well under it
        if found.node.name != run.node.name:
            await run.ledger.write(TargetChosen(node=found.node, address=found.address))
        run.choose(found.node, found.view)
        await run.ledger.write(SteadyStateSeen(view=found.view))

    async def _examined(self, experiment: Experiment) -> Findings:
        permitted = await bounds(self._limits, self._journal, self.run.clock.now(), own=1)
        return await examine(experiment, self.run.monitor, self._random, permitted)

    async def _inject(self) -> None:
        run = self.run
        backend = run.cluster.backend
        await run.ledger.enter(Stage.INJECTING)
        injection = await backend.plan(run.experiment.fault, run.node)
        await run.ledger.write(FaultPlanned(injection=injection))
        at, began = run.clock.now(), run.clock.monotonic()
        await backend.inject(injection)
        took = run.clock.monotonic() - began
        await run.ledger.write(FaultInjected(at=at, took=took, what=injection.text))
        await run.see_told()
        await self._load.look_back()

    async def _wait_for_approval(self) -> Ending:
        run = self.run
        left = await run.stay(Stage.AWAITING_APPROVAL, run.timings.approval)
        await run.ballot.recount()
        if run.report.approval is None and not await until(run.clock, left, run.ballot.decided):
            await run.ballot.expire()
        approval = run.report.approval
        if approval and approval.decision is Decision.KEPT_DOWN:
            why = f"{run.report.node_label} is kept down by {approval.by}."
            return Ending(outcome=Outcome.NOT_RECOVERED, why=why, restore=False)
        return await self._restore_and_verify()

    async def _restore_and_verify(self) -> Ending:
        await self._restore()
        recovery = await verify(self.run, self._load)
        if recovery.verified:
            return Ending(outcome=Outcome.RECOVERED)
        return Ending(outcome=Outcome.NOT_RECOVERED, why=recovery.why)

    async def _restore(self) -> None:
        run, injection = self.run, self.run.report.injection
        if injection is None or not run.report.broken:
            run.restore_began = run.clock.monotonic() - run.since_restore
            return
        try:
            if run.report.stage is not Stage.RESTORING:  # it is, if that is where it was aborted
                await run.ledger.enter(Stage.RESTORING, run.in_seconds(run.timings.rollback))
        except JournalError as error:  # the node comes first
            log.error("Run %d restores without its journal: %s", run.ledger.run, error)  # noqa: TRY400 - a sentence, no traceback
        run.restore_began = run.clock.monotonic()
        await roll_back(injection, run.cluster.backend, run.ledger, run.clock, run.timings.rollback)

    async def _ending(self, stages: asyncio.Task[Ending]) -> Ending | None:
        """How the stages ended; None if they did not: the next process goes on with them."""
        run = self.run
        try:
            return await stages
        except asyncio.CancelledError:
            if run.failure is not None:
                return _failed(run, run.failure)
            if run.report.ending is not None:
                return Ending(outcome=run.report.ending.outcome, why=run.report.ending.why)
            if run.handed_over:
                return None
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the node is restored and it is said
            return _failed(run, error)

    async def _end(self, ending: Ending) -> None:
        run = self.run
        await run.ledger.flush()
        if ending.restore and run.report.broken:
            if run.report.ending is None:
                began = EndingBegan(outcome=ending.outcome, why=ending.why)
                await run.ledger.try_write(began)
            try:
                await self._restore()
            except RollbackFailed as error:
                ending = Ending(outcome=Outcome.NOT_RECOVERED, why=error.whole)
        await self._load.stop()
        await run.ledger.try_write(RunFinished(outcome=ending.outcome, why=ending.why))

    def _follow(self, following: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(following)
        task.add_done_callback(self._followed)
        self._followers.append(task)

    def _followed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.run.fail(error)


async def _already(ending: Ending) -> Ending:
    return ending


def _failed(run: Run, error: BaseException) -> Ending:
    match error:
        case Refused():
            return Ending(outcome=Outcome.REFUSED, why=error.whole)
        case RollbackFailed():  # it was tried until its limit
            return Ending(outcome=Outcome.NOT_RECOVERED, why=error.whole, restore=False)
        case ChaosError():
            return Ending(outcome=Outcome.FAILED, why=error.whole)
        case _:
            log.error("Run %d met a defect.", run.ledger.run, exc_info=error)
            return Ending(outcome=Outcome.FAILED, why=f"A defect in Chaosbot: {error!r}")

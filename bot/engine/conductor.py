"""The conductor: takes a run through its stages, and ends it truthfully whatever happens.

    checking -> loading -> injecting -> detecting -> diagnosing -> awaiting approval
             -> restoring -> verifying                                     | any end
                                                                           v
                                               the node is restored if it is not yet -> finished

The stages run in a task of their own that an abort cancels; the ending is in none, and putting
a node right cannot be cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random

from bot.domain.approval import Decision
from bot.domain.diagnosis import grade
from bot.domain.errors import ChaosError, JournalError, Refused, RollbackFailed, Undecidable
from bot.domain.events import (
    Diagnosed,
    DiagnosisGraded,
    EvidenceGathered,
    FaultInjected,
    FaultPlanned,
    GuardsAnswered,
    Noted,
    ProbesAnswered,
    RunFinished,
    TargetChosen,
)
from bot.domain.experiment import Outcome, Stage
from bot.engine.checking import examine
from bot.engine.detecting import detect
from bot.engine.loading import Load
from bot.engine.monitor import Check
from bot.engine.patience import cancelled, until, within
from bot.engine.ports import Journal, Scene
from bot.engine.restoring import roll_back, verify
from bot.engine.run import Run

log = logging.getLogger(__name__)
_SIMILAR = 5  # earlier tickets that a diagnosis may look at


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the stages ended. `restore`: a node that is still broken has to be put right."""

    outcome: Outcome
    why: str = ""
    restore: bool = True


class Conductor:
    """Conducts one run."""

    def __init__(self, run: Run, journal: Journal, random: Random) -> None:
        self.run = run
        self._journal = journal
        self._random = random
        self._load = Load(run)
        self._followers: list[asyncio.Task[None]] = []

    async def conduct(self) -> None:
        """From checking to finished. Returns when the run is over."""
        await self._run_to_its_end(self._stages())

    async def restore_kept_down(self) -> None:
        """Bring back a node that was kept down, in a run that is already finished."""
        await self._run_to_its_end(self._bring_back())

    async def _run_to_its_end(self, stages: Coroutine[None, None, Ending]) -> None:
        self.run.stages = task = asyncio.create_task(stages)
        try:
            await self._end(await self._ending(task))
        finally:
            await cancelled(*self._followers)

    async def _stages(self) -> Ending:
        await self._check()
        await self._put_load()
        await self._inject()
        await self._diagnose(await detect(self.run, self._load))
        return await self._wait_for_approval()

    async def _bring_back(self) -> Ending:
        injection = self.run.report.injection
        if injection is None:
            return Ending(outcome=Outcome.NOT_RECOVERED, why="There is nothing to restore.")
        self.run.choose(injection.node, await self.run.monitor.look())
        return await self._restore_and_verify()

    async def _check(self) -> None:
        run = self.run
        await run.ledger.enter(Stage.CHECKING)
        found = await examine(run.experiment, run.monitor, self._random)
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
        found = await examine(run.on_node, run.monitor, self._random)
        found.refuse()  # what was well before the load may not be well under it
        if found.node.name != run.node.name:
            await run.ledger.write(TargetChosen(node=found.node, address=found.address))
        run.choose(found.node, found.view)

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

    async def _diagnose(self, check: Check) -> None:
        run = self.run
        await run.ledger.enter(Stage.DIAGNOSING, run.in_seconds(run.timings.diagnosis))
        scene = await self._scene(check)
        doctor = run.cluster.diagnostician
        try:
            evidence = await within(run.clock, run.timings.diagnosis, doctor.gather(scene))
            await run.ledger.write(EvidenceGathered(evidence=evidence))
            components = [n.name for n in check.view.nodes or scene.before.nodes or ()]
            diagnosis = await within(
                run.clock, run.timings.diagnosis, doctor.diagnose(evidence, components)
            )
        except TimeoutError:
            note = f"There is no diagnosis: it took longer than {run.timings.diagnosis:g} s."
            await run.ledger.write(Noted(note=note))
            return
        await run.ledger.write(Diagnosed(diagnosis=diagnosis))
        graded = grade(diagnosis, evidence, run.experiment.fault, run.node)
        await run.ledger.write(DiagnosisGraded(grade=graded))

    async def _scene(self, check: Check) -> Scene:
        earlier = {}
        for ticket in check.tickets:
            for similar in await self._journal.similar_tickets(ticket, _SIMILAR):
                earlier[similar.id] = similar
        before = self.run.before or check.view
        return Scene(
            before=before,
            now=check.view,
            since=before.at,
            samples=tuple(self._load.samples),
            baseline_ops=self._load.baseline,
            tickets=check.tickets,
            earlier=tuple(earlier.values()),
        )

    async def _wait_for_approval(self) -> Ending:
        run = self.run
        limit = run.timings.approval
        await run.ledger.enter(Stage.AWAITING_APPROVAL, run.in_seconds(limit))
        if not await until(run.clock, limit, run.decided):
            try:
                await run.decide(Decision.EXPIRED, by="deadline")
            except Undecidable:
                log.info("Run %d was decided in its deadline's last moment.", run.ledger.run)
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
        if injection is None:
            return
        try:
            if run.report.stage is not Stage.RESTORING:  # it is, if that is where it was aborted
                await run.ledger.enter(Stage.RESTORING, run.in_seconds(run.timings.rollback))
        except JournalError as error:  # the node comes first
            log.error("Run %d restores without its journal: %s", run.ledger.run, error)  # noqa: TRY400 - a sentence, no traceback
        run.restore_began = run.clock.monotonic()
        await roll_back(injection, run.cluster.backend, run.ledger, run.clock, run.timings.rollback)

    async def _ending(self, stages: asyncio.Task[Ending]) -> Ending:
        run = self.run
        try:
            return await stages
        except asyncio.CancelledError:
            if run.failure is not None:
                return _failed(run, run.failure)
            if run.aborted is None:
                raise
            await run.ledger.try_write(run.aborted)
            why = f"by {run.aborted.by}" + (f": {run.aborted.why}" if run.aborted.why else "")
            return Ending(outcome=Outcome.ABORTED, why=why)
        except Exception as error:  # noqa: BLE001 - whatever it is, the node is restored and it is said
            return _failed(run, error)

    async def _end(self, ending: Ending) -> None:
        run = self.run
        if ending.restore and run.report.broken:
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

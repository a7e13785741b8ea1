"""Diagnosing: evidence is gathered blind, a diagnosis is made of it, and then held against the truth."""

from __future__ import annotations

from typing import Final

from bot.domain.diagnosis import Diagnosis, grade
from bot.domain.events import Diagnosed, DiagnosisGraded, EvidenceGathered, Noted
from bot.domain.experiment import Stage
from bot.engine.loading import Load
from bot.engine.monitor import Check
from bot.engine.patience import within
from bot.engine.ports import Journal, Scene
from bot.engine.run import Run

_SIMILAR: Final = 5  # earlier tickets that a diagnosis may look at


async def diagnose(run: Run, load: Load, check: Check, journal: Journal) -> None:
    """Make a diagnosis and grade it; what an earlier process has done of that is not done again.

    `check` is the last look at the cluster with the fault in.
    """
    if run.report.diagnosis is None:
        await _make(run, await _scene(run, load, check, journal))
    if (made := run.report.diagnosis) and made.grade is None:
        known = made.model_dump(include=set(Diagnosis.model_fields))
        diagnosis = Diagnosis.model_validate(known)
        graded = grade(diagnosis, run.report.evidence, run.experiment.fault, run.node)
        await run.ledger.write(DiagnosisGraded(grade=graded))


async def _make(run: Run, scene: Scene) -> None:
    limit, doctor = run.timings.diagnosis, run.cluster.diagnostician
    await run.ledger.enter(Stage.DIAGNOSING, run.in_seconds(limit))
    try:
        evidence = await within(run.clock, limit, doctor.gather(scene))
        await run.ledger.write(EvidenceGathered(evidence=evidence))
        components = [n.name for n in scene.now.nodes or scene.before.nodes or ()]
        diagnosis = await within(run.clock, limit, doctor.diagnose(evidence, components))
    except TimeoutError:
        await run.ledger.write(
            Noted(note=f"There is no diagnosis: it took longer than {limit:g} s.")
        )
        return
    await run.ledger.write(Diagnosed(diagnosis=diagnosis))


async def _scene(run: Run, load: Load, check: Check, journal: Journal) -> Scene:
    earlier = {}
    for ticket in check.tickets:
        for similar in await journal.similar_tickets(ticket, _SIMILAR):
            earlier[similar.id] = similar
    before = run.before or check.view
    return Scene(
        before=before,
        now=check.view,
        since=before.at,
        samples=tuple(load.samples),
        baseline_ops=load.baseline,
        tickets=check.tickets,
        earlier=tuple(earlier.values()),
    )

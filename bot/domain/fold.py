"""The fold: a report is what is left when a history is folded, event by event.

    Report = fold(records) = advance(... advance(advance(None, r1), r2) ..., rn)

so a view that holds a report only needs the records that came since.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain import events as e
from bot.domain.approval import Vote
from bot.domain.experiment import Outcome, Stage
from bot.domain.hypothesis import overall
from bot.domain.load import LoadSample, first_stall, stall_with
from bot.domain.model import Instant
from bot.domain.report import (
    ApprovalReport,
    DiagnosisReport,
    EndingReport,
    FaultReport,
    HypothesisReport,
    LoadReport,
    Moment,
    ProbeReport,
    RecoveryReport,
    Report,
    SignalReport,
    StageTime,
    TicketReport,
)

# What a run that goes on after its end does not have yet.
_END = ("outcome", "finished_at", "seconds", "ending")


def fold(records: Iterable[e.Record]) -> Report:
    """The report of a history.

    Raises:
        ValueError: the history is empty or does not begin with its start.
    """
    told = iter(records)
    first = next(told, None)
    if first is None:
        raise ValueError("an empty history folds to nothing")
    report = advance(None, first)
    for record in told:  # nobody else has this report yet: it needs no copy for each record
        report.__dict__.update(_changed(report, record))
    return report


def advance(report: Report | None, record: e.Record) -> Report:
    """The report with one more event.

    Raises:
        ValueError: the first record of a history is not its start.
    """
    if report is None:
        if not isinstance(record.event, e.RunStarted):
            raise ValueError(f"run {record.run} begins with {record.event.event}, not its start")
        report = _begun(record, record.event)
    return report.model_copy(update=_changed(report, record))


def _changed(report: Report, record: e.Record) -> dict[str, object]:
    changed = _changes(report, record)
    if text := record.event.text:
        moment = Moment(at=record.at, event=record.event.event, text=text)
        changed["timeline"] = (*report.timeline, moment)
    return changed


def _begun(record: e.Record, event: e.RunStarted) -> Report:
    experiment = event.experiment
    return Report(
        run=record.run,
        command=experiment.command,
        reason=experiment.reason,
        started_by=event.started_by,
        cluster=event.cluster,
        channel=event.channel,
        started_at=record.at,
        fault=FaultReport(kind=experiment.fault.value, target=str(experiment.target)),
        timings=event.timings,
        policy=event.policy,
    )


def _changes(report: Report, record: e.Record) -> dict[str, object]:  # noqa: C901, PLR0911, PLR0912 - one case an event
    match record.event:
        case e.StageEntered() as event:
            return _stage_entered(report, record, event)
        case e.TargetChosen(node=node, address=address):
            chosen = {"node": node.name, "role": node.role.value, "store": node.store}
            return {"fault": report.fault.model_copy(update={**chosen, "address": address})}
        case e.ProbesAnswered() as event:
            return {"hypothesis": _answered(report.hypothesis, event)}
        case e.GuardsAnswered(guards=guards):
            return {"guards": guards}
        case e.LoadStarted(load=described):
            if report.load:  # another load of the same run, after a restart
                return {"load": report.load.model_copy(update={"described": described})}
            return {"load": LoadReport(described=described)}
        case e.LoadSampled(sample=sample):
            return {"load": _sampled(report, sample)}
        case e.BaselineTaken(ops=ops):
            if report.load is None:
                return {}
            return {"load": report.load.model_copy(update={"baseline_ops": ops})}
        case e.FaultPlanned(injection=injection):
            return {"injection": injection}
        case e.FaultInjected(at=at):
            return _injected(report, at)
        case e.SignalSeen(signal=signal, seconds=seconds, detail=detail):
            seen = SignalReport(signal=signal, seconds=seconds, detail=detail)
            return {"signals": (*report.signals, seen)}
        case e.TicketLinked(ticket=ticket, seconds=seconds):
            linked = TicketReport(
                id=ticket.id,
                invariant=ticket.invariant,
                subject=ticket.subject,
                severity=ticket.severity,
                opened_seconds=seconds,
                occurrences=ticket.occurrences,
            )
            return {"ticket": linked}
        case e.DetectionEnded(detected=detected, missing=missing):
            return {"detected": detected, "missing_signals": missing}
        case e.EvidenceGathered(evidence=evidence):
            return {"evidence": evidence}
        case e.Diagnosed(diagnosis=diagnosis):
            whole = DiagnosisReport(**diagnosis.model_dump(), evidence=report.evidence)
            return {"diagnosis": whole}
        case e.DiagnosisGraded(grade=grade) if report.diagnosis:
            return {"diagnosis": report.diagnosis.model_copy(update={"grade": grade})}
        case e.VoteCast(decision=decision, by=by):
            vote = Vote(decision=decision, by=by, at=record.at)
            return {"votes": (*report.votes, vote)}
        case e.EndingBegan(outcome=outcome, why=why):
            return {"ending": EndingReport(outcome=outcome, why=why)}
        case e.Decided(decision=decision, by=by, seconds=seconds):
            return {"approval": ApprovalReport(decision=decision, by=by, seconds=seconds)}
        case e.AbortAsked(by=by, why=why):
            said = f"by {by}" + (f": {why}" if why else "")
            return {"aborted_by": by, "ending": EndingReport(outcome=Outcome.ABORTED, why=said)}
        case e.RestoreAsked(by=by):
            return {"restore_asked_by": by}
        case e.FaultRolledBack():
            fault = report.fault.model_copy(update={"rolled_back_at": record.at})
            return {"fault": fault, "mend": None}
        case e.RollbackFailed(mend=mend):
            return {"mend": mend}
        case e.RecoveryJudged() as event:
            return _judged(report, event)
        case e.Noted(note=note):
            return {"notes": (*report.notes, note)}
        case e.RunFinished(outcome=outcome, why=why):
            return _finished(report, record, outcome, why)
        case _:
            return {}


def _stage_entered(report: Report, record: e.Record, event: e.StageEntered) -> dict[str, object]:
    if report.stages and report.stages[-1].stage is event.stage and not report.finished:
        again = report.stages[-1].model_copy(update={"deadline": event.deadline, "seconds": None})
        return {"stages": (*report.stages[:-1], again)}  # taken up after a restart
    entered = StageTime(stage=event.stage, started_at=record.at, deadline=event.deadline)
    changed: dict[str, object] = {"stages": (*_closed(report, record), entered)}
    if (
        event.stage is Stage.RESTORING and report.finished
    ):  # a kept-down run that goes on has no outcome yet
        changed |= dict.fromkeys(_END) | {"why": ""}
    return changed


def _closed(report: Report, record: e.Record) -> tuple[StageTime, ...]:
    if not report.stages:
        return ()
    last = report.stages[-1]
    took = (record.at - last.started_at).total_seconds()
    return (*report.stages[:-1], last.model_copy(update={"seconds": round(took, 3)}))


def _answered(hypothesis: HypothesisReport, event: e.ProbesAnswered) -> HypothesisReport:
    when = {Stage.CHECKING: "before", Stage.DETECTING: "during", Stage.VERIFYING: "after"}
    probes = tuple(ProbeReport(**p.model_dump(), stage=event.stage) for p in event.probes)
    kept = tuple(p for p in hypothesis.probes if p.stage is not event.stage)
    verdict = overall(p.verdict for p in probes)
    return hypothesis.model_copy(update={"probes": (*kept, *probes), when[event.stage]: verdict})


def _sampled(report: Report, sample: LoadSample) -> LoadReport | None:
    if report.load is None:
        return None
    samples = (*report.load.samples, sample)
    changed: dict[str, object] = {
        "samples": samples,
        "errors": report.load.errors + sample.errors,
    }
    injected = report.fault.injected_at
    if injected and sample.at > injected and report.fault.rolled_back_at is None:
        lowest = report.load.lowest_ops
        changed["lowest_ops"] = sample.ops if lowest is None else min(lowest, sample.ops)
    if injected and report.load.stall_seconds is None:
        before = report.load.samples[-1] if report.load.samples else None
        base = report.load.baseline_ops
        stall = stall_with(report.load.stall, before, sample, base, injected)
        changed |= {"stall": stall, "stall_seconds": stall and stall.seconds}
    return report.load.model_copy(update=changed)


def _injected(report: Report, at: Instant) -> dict[str, object]:
    changed: dict[str, object] = {"fault": report.fault.model_copy(update={"injected_at": at})}
    if load := report.load:  # some of its samples may be younger than the injection
        stall = first_stall(load.samples, load.baseline_ops, at)
        found = {"stall": stall, "stall_seconds": stall and stall.seconds}
        changed["load"] = load.model_copy(update=found)
    return changed


def _judged(report: Report, event: e.RecoveryJudged) -> dict[str, object]:
    base = report.load.baseline_ops if report.load else None
    ratio = round(event.ops / base, 3) if base and event.ops is not None else None
    recovery = RecoveryReport(
        verified=event.verified, seconds=event.seconds, throughput_ratio=ratio, why=event.why
    )
    changed: dict[str, object] = {"recovery": recovery}
    if report.load:
        changed["load"] = report.load.model_copy(update={"restored_ops": event.ops})
    return changed


def _finished(report: Report, record: e.Record, outcome: Outcome, why: str) -> dict[str, object]:
    return {
        "outcome": outcome,
        "why": why,
        "finished_at": record.at,
        "seconds": round((record.at - report.started_at).total_seconds(), 3),
        "stages": _closed(report, record),
    }

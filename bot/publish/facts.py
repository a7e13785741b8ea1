"""Facts: a report's parts in words, as Markdown and HTML both show them. Pure functions."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.experiment import Outcome
from bot.domain.narrative import abort_sentence, kept_down
from bot.domain.report import DiagnosisReport, Report
from bot.domain.sentence import exact, raised

_GONE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Fact:
    """One fact and its name."""

    name: str
    value: str


def clean(text: str) -> str:
    """The text on one line, without control characters and marks that turn its direction."""
    return "".join(" " if unicodedata.category(c) in _GONE else c for c in text)


def utc(moment: datetime | None) -> str:
    """A time of day for people: "2026-11-22 12:33:30 UTC"; "" for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def clock(moment: datetime) -> str:
    """A time within a run, to the tenth of a second: "12:33:30.1"."""
    at = moment.astimezone(UTC)
    return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"


def mood(report: Report) -> str:
    """How the run ended, or stands: "good", "bad", "odd" or "going"."""
    if report.outcome is None:
        return "going"
    if kept_down(report) or report.outcome is Outcome.ABORTED:
        return "odd"
    return "good" if report.outcome is Outcome.RECOVERED else "bad"


def summary(report: Report) -> list[Fact]:
    """Who did what to which node, when, and for how long."""
    fault = report.fault
    facts = [
        Fact("Cluster", report.cluster),
        Fact("Started by", report.started_by),
        Fact("Reason", report.reason),
        Fact("Started", utc(report.started_at)),
        Fact("Finished", utc(report.finished_at)),
        Fact("Took", exact(report.seconds) if report.seconds is not None else ""),
        Fact("Node", report.node_label if fault.node else ""),
        Fact("Address", fault.address or ""),
        Fact("Injected", utc(fault.injected_at)),
        Fact("Rolled back", utc(fault.rolled_back_at)),
        Fact("Ticket", _ticket(report)),
        Fact("Aborted", str(abort_sentence(report) or "").removeprefix("Aborted ")),
    ]
    return [Fact(f.name, clean(f.value)) for f in facts if f.value]


def headline_figures(report: Report) -> list[Fact]:
    """The few numbers that somebody who only skims should see."""
    facts = []
    if report.signals:
        first = min(report.signals, key=lambda s: s.seconds)
        facts.append(Fact("First noticed", f"+{exact(first.seconds)}"))
    if report.load and report.load.stall_seconds is not None:
        facts.append(Fact("Clients stalled", exact(report.load.stall_seconds)))
    if report.recovery and report.recovery.seconds is not None:
        facts.append(Fact("Time to recover", exact(report.recovery.seconds)))
    if report.recovery and report.recovery.throughput_ratio is not None:
        facts.append(Fact("Throughput after", f"{report.recovery.throughput_ratio:.0%}"))
    return facts


def diagnosed_by(diagnosis: DiagnosisReport) -> str:
    """Who made the diagnosis, why they, and how sure they are."""
    by = "the rules" if diagnosis.by == "rules" else raised(diagnosis.by)
    why = f", because {diagnosis.why}" if diagnosis.why else ""
    return clean(f"By {by}{why}. Confidence: {diagnosis.confidence.value}.")


def graded(diagnosis: DiagnosisReport) -> str:
    """The grade in one sentence, "" without one."""
    grade = diagnosis.grade
    if grade is None:
        return ""
    return (
        f"Graded against the injected fault: component {grade.component.value}, "
        f"fault {grade.fault.value}, {grade.claims_grounded} of {grade.claims} claims grounded."
    )


def ballot(report: Report) -> list[str]:
    """Each vote about the node and each that was refused, in their order, with its time."""
    told = [m for m in report.timeline if m.event in {"vote_cast", "vote_refused"}]
    return [clean(f"{clock(m.at)} {m.text}") for m in told]


def _ticket(report: Report) -> str:
    if report.ticket is None:
        return ""
    t = report.ticket
    invariant = t.invariant.replace("_", " ")
    opened = f"opened +{exact(t.opened_seconds)}"
    return f"{t.id}: {invariant} violated by {t.subject}, {t.severity.value}, {opened}"

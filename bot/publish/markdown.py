"""Markdown: a report for an issue or a wiki. It has no HTML, and text from a cluster is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.narrative import alarm, decision_sentence, headline, result_lines, title
from bot.domain.progress import SignalLine, chart, signal_lines
from bot.domain.report import Report
from bot.domain.sentence import exact, raised
from bot.publish import facts
from bot.publish.facts import clean

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")
_LEADING: Final = re.compile(r"^([-+=]|\d+(?=[.)]))")


def markdown(report: Report) -> str:
    """The report as CommonMark with tables, ending in a line break."""
    blocks = [f"# {escaped(title(report))}", f"**{_state(report)}**", *_alarm(report)]
    blocks.append(_list(f"{f.name}: {escaped(f.value)}" for f in facts.summary(report)))
    if report.finished:
        blocks.append(_list(escaped(line) for line in result_lines(report)))
    blocks += _chart(report) + _signals(report) + _diagnosis(report) + _approval(report)
    blocks += _stages(report) + _hypothesis(report) + _timeline(report)
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: on one line, without markup, links or mentions."""
    flat = _SPECIAL.sub(r"\\\1", clean(text).strip())
    flat = _LEADING.sub(lambda m: f"{m[1]}\\" if m[1].isdigit() else f"\\{m[1]}", flat)
    return flat.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _state(report: Report) -> str:
    said = headline(report, None).removeprefix(f"Run {report.run} ({report.command}): ")
    return escaped(raised(said))


def _alarm(report: Report) -> list[str]:
    loud = alarm(report)
    if loud is None or loud.command is None:
        return []
    return ["Mend it by hand:", "    " + clean(loud.command)]


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([escaped(cell) or " " for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _chart(report: Report) -> list[str]:
    parts = chart(report)
    if not parts or report.load is None:
        return []
    course = " ".join(f"{part.words} {part.blocks}" for part in parts)
    base = report.load.baseline_ops
    of = f" (a full block: {base:,.0f} ops/s)" if base else ""
    return [f"## Throughput{of}", course]


def _signals(report: Report) -> list[str]:
    lines = signal_lines(report)
    if not lines:
        return []

    def row(line: SignalLine) -> Sequence[str]:
        return (line.words, line.time or "not seen", line.detail)

    return [
        "## Signals",
        _table(("Signal", "Since the injection", "Detail"), (row(line) for line in lines)),
    ]


def _diagnosis(report: Report) -> list[str]:
    said = report.diagnosis
    if said is None:
        return []
    claims = [
        ("Against it: " if claim.against else "")
        + escaped(claim.text)
        + (f" ({escaped(', '.join(claim.evidence))})" if claim.evidence else " (no evidence)")
        for claim in said.claims
    ]
    evidence = [(e.id, e.source, facts.clock(e.at), e.text) for e in said.evidence]
    return [
        "## Diagnosis",
        f"**{escaped(said.summary)}**",
        escaped(facts.diagnosed_by(said)),
        _list(claims),
        f"Next: {escaped(said.next_step)}" if said.next_step else "",
        escaped(facts.graded(said)),
        "### Evidence",
        _table(("Id", "Source", "At (UTC)", "What was seen"), evidence),
    ]


def _approval(report: Report) -> list[str]:
    decided, votes = decision_sentence(report), facts.ballot(report)
    if decided is None and not votes:
        return []
    said = escaped(str(decided)) if decided else ""
    return ["## Decision", said, _list(escaped(vote) for vote in votes)]


def _stages(report: Report) -> list[str]:
    rows = [
        (
            raised(s.stage.value),
            facts.clock(s.started_at),
            "" if s.seconds is None else exact(s.seconds),
        )
        for s in report.stages
    ]
    return ["## Stages", _table(("Stage", "Began (UTC)", "Took"), rows)] if rows else []


def _hypothesis(report: Report) -> list[str]:
    rows = [
        (p.stage.value, p.probe.replace("_", " "), p.verdict.value, p.observed, p.tolerance)
        for p in report.hypothesis.probes
    ]
    head = ("While", "Probe", "Verdict", "Observed", "Tolerated")
    answered = ["## Steady state", _table(head, rows)] if rows else []
    if report.guards:
        guards = [f"{g.verdict.value}: {escaped(g.text)}" for g in report.guards]
        answered += ["## Blast radius", _list(guards)]
    return answered


def _timeline(report: Report) -> list[str]:
    lines = [f"{facts.clock(m.at)} {escaped(m.text)}" for m in report.timeline]
    return ["## Timeline (UTC)", _list(lines)] if lines else []

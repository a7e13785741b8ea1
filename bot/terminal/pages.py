"""Pages: what is printed at once: a result, an overview of all clusters, a preview of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.text import Text

from bot.domain.blast_radius import Guard
from bot.domain.cluster import View
from bot.domain.hypothesis import Probe, Verdict
from bot.domain.narrative import state_line, title
from bot.domain.progress import Glyph
from bot.domain.report import Report
from bot.engine.overview import ClusterStatus, Overview, Preview
from bot.terminal import wording
from bot.terminal.pen import Pen
from bot.terminal.wording import marked

_HEADS = {
    Verdict.HELD: "well",
    Verdict.DEVIATED: "not well",
    Verdict.UNKNOWN: "not known to be well",
}


def print_result(report: Report, file: TextIO, *, lively: bool | None = None) -> None:
    """How a finished run ended, and what it showed."""
    pen = Pen(file, lively=lively)
    style = wording.STYLES[wording.result_glyph(report)].removeprefix("bold ")
    lines = wording.result(report)
    pen.panel(title(report), lines, style=style, loud=style == "red")


def print_preview(preview: Preview, file: TextIO, *, lively: bool | None = None) -> None:
    """What a run would do, or why it would not."""
    pen = Pen(file, lively=lively)
    head = wording.clean(f"Dry run: {preview.command} in {preview.cluster}")
    lines = []
    if preview.node:
        lines.append(marked(Glyph.NOW, f"Target: {preview.node.label}"))
    lines += _probes(preview.probes) + _guards(preview.guards)
    if preview.refused:
        lines.append(marked(Glyph.FAILED, f"It would be refused: {preview.refused}"))
    elif preview.injection:
        lines.append(marked(Glyph.DONE, f"It would do: {preview.injection.text}"))
        if preview.injection.does:
            lines.append(marked(Glyph.AHEAD, f"By hand that is: {preview.injection.does}"))
        mend = f"By hand it is undone with: {preview.injection.mend}"
        lines.append(marked(Glyph.AHEAD, mend))
    lines.append(Text("Nothing was touched.", "bold"))
    pen.panel(head, lines, style="red" if preview.refused else "cyan")


def print_overview(overview: Overview, file: TextIO, *, lively: bool | None = None) -> None:
    """All clusters, their open tickets, and the newest runs."""
    pen = Pen(file, lively=lively)
    if overview.halted:
        halted = [
            marked(Glyph.FAILED, overview.halted.text),
            Text("Nothing is started until an approver resumes."),
        ]
        pen.panel("Halted", halted, style="red", loud=True)
    for cluster in overview.clusters:
        style = "green" if cluster.verdict is Verdict.HELD else "yellow"
        head = wording.clean(f"Cluster {cluster.name}: {_HEADS[cluster.verdict]}")
        pen.panel(head, _cluster(cluster), style=style)
    if overview.latest:
        runs = [_run(report) for report in overview.latest]
        pen.panel("Runs", runs, style="cyan")
    elif not overview.clusters:
        pen.lines([Text("There is no cluster, and there was no run.")])


def _cluster(cluster: ClusterStatus) -> list[Text]:
    lines = _probes(cluster.probes)
    lines += [
        marked(Glyph.WAITING, f"{part} could not be asked", detail=why)
        for part, why in cluster.view.unanswered.items()
    ]
    lines += _nodes(cluster.view)
    for ticket in cluster.tickets:
        times = "once" if ticket.occurrences == 1 else f"{ticket.occurrences} times"
        detail = f"{ticket.severity.value}, seen {times}"
        lines.append(marked(Glyph.FAILED, f"Ticket {ticket.id}: {ticket.text}", detail=detail))
    if cluster.run:
        lines.append(_run(cluster.run))
    return lines


def _nodes(view: View) -> list[Text]:
    lines = []
    for node in view.nodes or ():
        store = view.store(node.store)
        said = f"{store.state.value}, {store.leaders} leaders" if store else ""
        if node.name == view.pd_leader:
            said = "leads PD"
        glyph = Glyph.DONE if node.state.value == "running" else Glyph.FAILED
        detail = ", ".join(part for part in (node.state.value, said) if part)
        lines.append(marked(glyph, node.label, detail=detail, indent=2))
    return lines


def _run(report: Report) -> Text:
    glyph = wording.result_glyph(report) if report.outcome else Glyph.NOW
    return marked(glyph, title(report), detail=str(state_line(report)))


def _probes(probes: Iterable[Probe]) -> list[Text]:
    return [
        marked(
            wording.VERDICTS[p.verdict],
            p.probe.replace("_", " "),
            detail=f"{p.verdict.value}: {p.observed} (tolerated: {p.tolerance})",
        )
        for p in probes
    ]


def _guards(guards: Iterable[Guard]) -> list[Text]:
    return [marked(wording.VERDICTS[g.verdict], g.text) for g in guards]

"""Wording: lines of styled text, the same for a terminal and for a log (which takes their text).

Whatever comes from the cluster or from people passes through `clean`: a log line must not be able
to move the cursor, colour the screen, or pretend to be two lines.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rich.text import Text

from bot.domain.experiment import Outcome, Stage
from bot.domain.hypothesis import Verdict
from bot.domain.narrative import Alarm, alarm, kept_down, outcome_sentence, result_lines
from bot.domain.narrative import title as run_title
from bot.domain.progress import Glyph, SignalLine, StageLine, chart, spark
from bot.domain.report import DiagnosisReport, Report
from bot.domain.sentence import ended, exact, raised, rough

STYLES = {
    Glyph.DONE: "green",
    Glyph.NOW: "cyan",
    Glyph.AHEAD: "dim",
    Glyph.FAILED: "bold red",
    Glyph.SKIPPED: "dim",
    Glyph.WAITING: "yellow",
}
VERDICTS = {
    Verdict.HELD: Glyph.DONE,
    Verdict.DEVIATED: Glyph.FAILED,
    Verdict.UNKNOWN: Glyph.WAITING,
}
LOUD = "bold white on red"
_GONE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str) -> str:
    """The text on one line, without control characters and marks that turn its direction."""
    shown = (" " if unicodedata.category(c) in _GONE else c for c in text)
    return "".join(shown)


def marked(glyph: Glyph, words: str, *, time: str = "", detail: str = "", indent: int = 0) -> Text:
    """A mark and its words: "✓ node exit +0.07 s · exit 137"."""
    line = Text(" " * indent)
    line.append(f"{glyph} ", STYLES[glyph])
    line.append(clean(words), "bold red" if glyph is Glyph.FAILED else "")
    if time:
        line.append(f" {time}", "bold")
    if detail:
        line.append(" · ", "dim").append(clean(detail))
    return line


def opening(report: Report) -> Text:
    """What runs, where, and who asked for it."""
    line = Text(run_title(report), "bold")
    line.append(clean(f" in {report.cluster}, started by {report.started_by}"), "not bold")
    if report.reason:
        line.append(clean(f': "{report.reason}"'), "not bold")
    return line


def entering(stage: StageLine) -> Text:
    """A stage that begins, and how long it may take."""
    place = 1 + list(Stage).index(stage.stage)
    line = Text().append(f"{place}/{len(Stage) - 1} ", "dim").append(stage.name, "bold cyan")
    if stage.whole is not None:
        line.append(f" · up to {rough(stage.whole)}", "dim")
    return line


def leaving(stage: StageLine) -> Text:
    """A stage that is over, how long it took, and what it showed."""
    return marked(stage.glyph, stage.name, time=stage.time, detail=str(stage.detail))


def seen(signal: SignalLine) -> Text:
    """A signal as it lit up."""
    return marked(signal.glyph, signal.words, time=signal.time, detail=signal.detail, indent=2)


def diagnosis_title(diagnosis: DiagnosisReport) -> str:
    """Who says so, and how sure they are."""
    sure = diagnosis.confidence.value
    return clean(f"Diagnosis by {_maker(diagnosis)} · confidence {sure}")


def _maker(diagnosis: DiagnosisReport) -> str:
    return "the rules" if diagnosis.by == "rules" else raised(diagnosis.by)


def diagnosis_lines(diagnosis: DiagnosisReport) -> list[Text]:
    """The answer first, then the claims with the evidence that they rest on, then the grade."""
    lines = [Text(clean(ended(diagnosis.summary)), "bold")]
    if diagnosis.why:
        lines.append(Text(clean(f"By {_maker(diagnosis)}, because {ended(diagnosis.why)}"), "dim"))
    for claim in diagnosis.claims:
        line = Text("• ").append("Against it: " if claim.against else "", "italic")
        line.append(clean(claim.text)).append(clean(f" {' '.join(claim.evidence)}"), "cyan")
        lines.append(line)
    if diagnosis.next_step:
        lines.append(Text("Next: ", "bold").append(clean(diagnosis.next_step), "not bold"))
    grade = diagnosis.grade
    if grade:
        right = grade.component.value == grade.fault.value == "right"
        line = Text("Graded against the injected fault: ", "green" if right else "yellow")
        line.append(f"component {grade.component.value}, fault {grade.fault.value}, ")
        line.append(f"{grade.claims_grounded} of {grade.claims} claims grounded.")
        lines.append(line)
    return lines


def alarm_lines(loud: Alarm) -> list[Text]:
    """The loudest thing there is to say, and the command that mends it, on a line of its own."""
    lines = [Text(clean(loud.sentence.upper()), LOUD)]
    if loud.command:
        lines += [Text("Mend it by hand:", "bold"), Text(f"  {clean(loud.command)}", "bold red")]
    return lines


def result_glyph(report: Report) -> Glyph:
    """How a finished run ended, as a mark."""
    if kept_down(report) or report.outcome is Outcome.ABORTED:
        return Glyph.WAITING
    return Glyph.DONE if report.outcome is Outcome.RECOVERED else Glyph.FAILED


def result(report: Report) -> list[Text]:
    """How a finished run ended, and what it showed."""
    loud = alarm(report)
    glyph = result_glyph(report)
    if loud:
        lines = alarm_lines(loud)
    else:
        lines = [marked(glyph, str(outcome_sentence(report)))]
        lines[0].stylize(f"bold {STYLES[glyph]}", 0)
    lines += [Text(clean(line)) for line in result_lines(report)]
    parts = chart(report)
    if report.fault.injected_at and parts:
        line = Text()
        for part in parts:
            line.append(f" {part.words} ", "dim").append(part.blocks, "cyan")
        lines.append(Text("Clients over time:").append_text(line))
    if kept_down(report):
        by_hand = f", or by hand: {report.injection.mend}" if report.injection else ""
        lines.append(Text(clean(f"Bring it back: /chaos restore {report.run}{by_hand}"), "bold"))
    took = f"The run took {exact(report.seconds)}. " if report.seconds is not None else ""
    lines.append(Text(f"{took}Its report: chaosbot report {report.run}", "dim"))
    return lines


def throughput(report: Report, width: int) -> Text | None:
    """The last samples as a sparkline, then now against the baseline; None without load."""
    if report.load is None or not report.load.samples:
        return None
    samples, base = report.load.samples, report.load.baseline_ops
    recent = [s.ops for s in samples[-max(4, width - 34) :]]
    now = recent[-1]
    hurt = bool(base) and now < 0.5 * (base or 0)
    style = "red" if hurt else "green"
    line = Text("  ").append(spark(recent, base or max(*recent, 1.0)), style)
    of = f" of {base:,.0f}" if base else ""
    return line.append(f" {now:,.0f}{of} ops/s", f"bold {style}")


def plain(lines: Sequence[Text]) -> list[str]:
    """The lines for a log."""
    return [line.plain for line in lines]

"""A thread: the messages that should stand for a run.

A pure function of its report, the time, and whether Chaosbot is halted.

root       in the channel   the run, and one line of state for who only skims
live       in its thread    stages, countdown, signals, throughput, Abort
diagnosis  in its thread    what is broken, with its evidence; Approve, Keep it down
result     in its thread    how it ended, and what it showed
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slack_sdk.models.blocks import Block

from bot.domain.diagnosis import Claim, Mark
from bot.domain.experiment import Outcome
from bot.domain.narrative import (
    alarm,
    decision_sentence,
    headline,
    kept_down,
    outcome_sentence,
    result_lines,
    state_line,
    title,
    vote_sentences,
)
from bot.domain.progress import chart
from bot.domain.report import DiagnosisReport, Report
from bot.domain.sentence import ended, sentence
from bot.slack import blocks, buttons
from bot.slack.blocks import BlockJson
from bot.slack.live import live_blocks, moment
from bot.slack.mrkdwn import (
    Markup,
    bold,
    code,
    cut,
    is_user,
    italic,
    join,
    line,
    lines,
    person,
    plain,
    said,
)
from bot.slack.question import approvers, decision, undecided

_CLAIM = 600  # characters of one claim; with ten of them the buttons still are on a screen
_CLAIMS = 12
HALTED = Markup("Chaosbot is halted: nothing is started until an approver types `/chaos resume`.")
_OUTCOME = re.compile(r"^(Recovered|Refused|Aborted|Failed)")


class Key(StrEnum):
    """The messages of a run, in the order in which they are posted."""

    ROOT = "root"
    LIVE = "live"
    DIAGNOSIS = "diagnosis"
    RESULT = "result"


@dataclass(frozen=True, kw_only=True)
class Desired:
    """A message that should stand.

    `text` is what notifications and screen readers read. Two contents with the same `essence`
    differ by a tick only: a second less, another throughput.
    """

    text: str
    blocks: tuple[BlockJson, ...]
    essence: str
    in_thread: bool = True


def messages(report: Report, now: datetime, *, halted: bool = False) -> dict[Key, Desired]:
    """The messages that should stand."""
    standing = {**still(report, halted=halted), Key.LIVE: live(report, now)}
    return {key: standing[key] for key in Key if key in standing}


def still(report: Report, *, halted: bool = False) -> dict[Key, Desired]:
    """Those of them that no clock moves."""
    standing = {Key.ROOT: _root(report)}
    if report.diagnosis is not None:
        standing[Key.DIAGNOSIS] = _diagnosis(report, report.diagnosis)
    # Once there was an end, its message stays: a node that was kept down may still come back.
    if any(told.event == "run_finished" for told in report.timeline):
        standing[Key.RESULT] = _result(report, halted=halted)
    return standing


def live(report: Report, now: datetime) -> Desired:
    """The one with the countdown."""
    return _desired(_headline(report, now), live_blocks(report, now), moment(report))


def _desired(
    text: Markup, made: list[Block], essence: str = "", *, in_thread: bool = True
) -> Desired:
    fitted = blocks.message(made)
    return Desired(
        text=cut(text, blocks.TEXT),
        blocks=fitted,
        essence=essence or f"{text}{fitted}",
        in_thread=in_thread,
    )


def _headline(report: Report, now: datetime | None) -> Markup:
    """The state in one sentence; who has ended a run is named in it."""
    if report.finished and alarm(report) is None:
        return join(" ", (line(f"{title(report)}."), said(outcome_sentence(report))))
    return line(headline(report, now))


def _root(report: Report) -> Desired:
    loud = _loud(report)
    run = join(
        "",
        (
            bold(title(report)),
            Markup(" in "),
            line(report.cluster),
            Markup(", started by "),
            person(report.started_by),
            Markup(f": “{line(report.reason)}”" if report.reason else ""),
        ),
    )
    state = Markup("") if loud else said(state_line(report))
    section = blocks.section(lines(*loud, run, state))
    told = join(" ", (line(f"{title(report)}."), said(state_line(report))))
    return _desired(_headline(report, None) if loud else told, [section], in_thread=False)


def _diagnosis(report: Report, diagnosis: DiagnosisReport) -> Desired:
    sure = f"confidence {diagnosis.confidence.value}"
    source = "the rules" if diagnosis.by == "rules" else diagnosis.by.capitalize()
    why = f", because {diagnosis.why.removesuffix('.')}" if diagnosis.why else ""
    first = join(" · ", (bold(diagnosis.summary), Markup(sure), line(f"by {source}{why}")))
    claims = [_claim(claim) for claim in diagnosis.claims[:_CLAIMS]]
    if len(diagnosis.claims) > _CLAIMS:
        claims.append(italic(f"and {len(diagnosis.claims) - _CLAIMS} more claims"))
    made: list[Block] = [blocks.section(cut(first, 1_000))]
    # Claims stand in one section as long as they fit.
    if claims:
        made.append(blocks.section(lines(*claims)))
    if diagnosis.next_step:
        made.append(blocks.section(join(" ", (bold("Next:"), line(diagnosis.next_step)))))
    if graded := _graded(diagnosis):
        made.append(blocks.context(graded))
    told = line(f"Run {report.run}: {diagnosis.summary.removesuffix('.')} ({sure}).")
    return _desired(join(" ", (told, _asked(report))), [*made, *decision(report)])


def _claim(claim: Claim) -> Markup:
    cited = join(" ", (code(item) for item in claim.evidence[:8]))
    against = bold("Against it:") if claim.against else Markup("")
    text = cut(line(claim.text), _CLAIM)
    return join(" ", (Markup("•"), against, text, cited))


def _graded(diagnosis: DiagnosisReport) -> Markup | None:
    grade = diagnosis.grade
    if grade is None:
        return None
    right = grade.component is grade.fault is Mark.RIGHT
    glyph = "✓" if right and grade.claims_grounded == grade.claims else "✗"
    return Markup(
        f"{glyph} Graded against the injected fault: component {grade.component.value}, "
        f"fault {grade.fault.value}, {grade.claims_grounded} of {grade.claims} claims grounded."
    )


def _asked(report: Report) -> Markup:
    decided = decision_sentence(report)
    if decided is not None:
        return said(decided)
    if not undecided(report):
        return Markup("")
    votes = (said(sentence("So far ", vote, ".")) for vote in vote_sentences(report))
    return join(" ", (Markup("Restore it?"), *votes))


def _result(report: Report, *, halted: bool) -> Desired:
    loud = _loud(report)
    if not report.finished:
        first = said(state_line(report))
    elif loud:
        first = lines(*loud)
    else:
        glyph = Markup("✓" if report.outcome is Outcome.RECOVERED else "–")  # noqa: RUF001
        glyph = Markup("✗") if report.outcome is Outcome.FAILED else glyph
        first = join(" ", (glyph, _loudly(said(outcome_sentence(report)))))
    made: list[Block] = [blocks.section(first)]
    if kept_down(report):
        command = code(f"/chaos restore {report.run}")
        made.append(
            blocks.section(Markup(f"The button below brings it back, and so does {command}"))
        )
    facts = lines(*(line(ended(text)) for text in result_lines(report)))
    if facts:
        made.append(blocks.section(facts))
    parts = chart(report)
    if parts:
        drawn = join(" ", (Markup(f"{part.words} {code(part.blocks)}") for part in parts))
        made.append(blocks.context(join(" ", (Markup("Throughput"), drawn))))
    down = report.finished and report.broken and report.fault.injected_at is not None
    choice = [buttons.restore(report)] if down else []
    if halted:
        made.append(blocks.context(HALTED))
    elif report.finished:
        choice.append(buttons.again(report))
    made.append(blocks.actions(*choice, buttons.summary(report)))
    return _desired(_headline(report, None), made)


def _loudly(outcome: Markup) -> Markup:
    """An outcome with its word in bold."""
    return Markup(_OUTCOME.sub(r"*\1*", outcome))


def _loud(report: Report) -> tuple[Markup, ...]:
    """The alarm, what mends it, and who has to know."""
    found = alarm(report)
    if found is None:
        return ()
    mend = Markup(f"Mend it by hand: {code(found.command)}") if found.command else Markup("")
    starter = (report.started_by,) if is_user(report.started_by) else ()
    called = approvers((*starter, *report.policy.named))
    asked = join(" ", (called, plain("please look at it now."))) if called else Markup("")
    return (Markup(f"✗ {bold(found.sentence)}"), mend, asked)

"""Modals: what does not fit into a thread: the evidence of a diagnosis, the report of a run.

A view holds 100 blocks; what is more is cut, and the last block says how to read it all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from slack_sdk.models.blocks import Block, PlainTextObject
from slack_sdk.models.views import View

from bot.domain.hypothesis import Verdict
from bot.domain.narrative import (
    alarm,
    decision_sentence,
    outcome_sentence,
    result_lines,
    state_line,
    title,
)
from bot.domain.report import Moment, Report
from bot.domain.sentence import exact
from bot.slack import blocks
from bot.slack.mrkdwn import Markup, bold, code, cut, italic, join, line, lines, named, plain, said

_MOST: Final = 95  # blocks; some are for what stands above and below
_CHARACTERS: Final = 50_000
_REFUSED: Final = re.compile(r"Refused to ([UW][A-Z0-9]+) \(")
_ITEM: Final = 1_500
_PART: Final = 2_800


def evidence_modal(report: Report) -> dict[str, Any]:
    """What a diagnosis rests on, item by item, with the claims that cite it."""
    items = report.diagnosis.evidence if report.diagnosis else report.evidence
    cited = {
        e for claim in (report.diagnosis.claims if report.diagnosis else ()) for e in claim.evidence
    }
    made: list[Block] = [
        blocks.context(
            Markup("Gathered blind: nothing here says which fault was chosen, by whom or how.")
        )
    ]
    left = _CHARACTERS
    for place, item in enumerate(items):
        told = lines(
            join(
                " · ",
                (
                    bold(item.id),
                    line(item.source),
                    Markup(f"{item.at.astimezone(UTC):%H:%M:%S} UTC"),
                    Markup("cited" if item.id in cited else ""),
                ),
            ),
            cut(plain(item.text), _ITEM),
        )
        left -= len(told)
        if place == _MOST or left < 0:
            made.append(_more(len(items) - place, "items", report))
            break
        made.append(blocks.section(told))
    if not items:
        made.append(blocks.section(Markup("No evidence is gathered yet.")))
    return _view(f"Run {report.run}: evidence", made)


def report_modal(report: Report) -> dict[str, Any]:
    """A run from its beginning to its end."""
    loud = alarm(report)
    over = outcome_sentence(report) if report.finished else state_line(report)
    made: list[Block] = [blocks.header(title(report)), blocks.section(said(over))]
    if loud and loud.command:
        made.append(blocks.section(Markup(f"Mend it by hand: {code(loud.command)}")))
    made.append(blocks.section(lines(*_facts(report))))
    shown = [line(text) for text in result_lines(report)]
    if shown:
        made.append(blocks.section(lines(*shown)))
    if probes := _probes(report):
        made.append(blocks.section(lines(bold("Steady state"), *probes)))
    if report.timeline:
        made += [blocks.divider(), blocks.section(bold("Timeline"))]
        made += _timeline(report, _MOST - len(made))
    return _view(f"Run {report.run}: report", made)


def _facts(report: Report) -> Iterable[Markup]:
    fault = report.fault
    about = f"{fault.kind} {report.node_label}" + (f" at {fault.address}" if fault.address else "")
    yield named(f"Started by {report.started_by} in {report.cluster}", (report.started_by,))
    if report.reason:
        yield line(f"Reason: {report.reason}")
    yield line(f"Fault: {about}")
    if report.ticket:
        ticket = report.ticket
        yield line(
            f"Ticket {ticket.id}: {ticket.invariant} of {ticket.subject}, "
            f"{ticket.severity.value}, opened +{exact(ticket.opened_seconds)}"
        )
    if report.diagnosis:
        yield line(f"Diagnosis by {report.diagnosis.by}: {report.diagnosis.summary}")
    decided = decision_sentence(report)
    if decided:
        yield said(decided)


def _probes(report: Report) -> list[Markup]:
    glyphs = {Verdict.HELD: "✓ held", Verdict.DEVIATED: "✗ deviated", Verdict.UNKNOWN: "? unknown"}
    return [
        cut(line(f"{p.stage.value}: {p.probe} {glyphs[p.verdict]}, {p.observed}"), 300)
        for p in report.hypothesis.probes
    ]


def _timeline(report: Report, most: int) -> list[Block]:
    """The moments, as many to a section as fit."""
    users = {u for u in (report.started_by, report.aborted_by) if u}
    users |= {report.approval.by} if report.approval else set()
    users |= {vote.by for vote in report.votes}
    users |= {report.restore_asked_by} if report.restore_asked_by else set()
    zero = report.fault.injected_at or report.started_at
    parts: list[list[Markup]] = [[]]
    told = 0
    for moment in report.timeline:
        one = cut(join(" ", (_offset(moment.at, zero), _told(moment, users))), 600)
        if sum(len(m) + 1 for m in parts[-1]) + len(one) > _PART:
            if len(parts) >= min(most - 1, _CHARACTERS // _PART):
                break
            parts.append([])
        parts[-1].append(one)
        told += 1
    made: list[Block] = [blocks.section(lines(*part)) for part in parts if part]
    if told < len(report.timeline):
        made.append(_more(len(report.timeline) - told, "moments", report))
    return made


def _told(moment: Moment, users: set[str]) -> Markup:
    refused = _REFUSED.match(moment.text) if moment.event == "vote_refused" else None
    return named(moment.text, {*users, refused[1]} if refused else users)


def _offset(at: datetime, zero: datetime) -> Markup:
    seconds = (at - zero).total_seconds()
    sign = "−" if seconds < 0 else "+"  # noqa: RUF001 - a minus, as wide as the plus
    return bold(f"{sign}{exact(abs(seconds))}")


def _more(count: int, what: str, report: Report) -> Block:
    return blocks.context(
        join(
            " ",
            (italic(f"and {count} more {what}; all of it:"), code(f"chaosbot report {report.run}")),
        )
    )


def _view(name: str, made: list[Block]) -> dict[str, Any]:
    view = View(
        type="modal",
        title=PlainTextObject(text=blocks.title(name)),
        close=PlainTextObject(text="Close"),
        blocks=list(blocks.view(made)),
    )
    return dict(view.to_dict())

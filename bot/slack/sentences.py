"""Sentences: what one person is told, and nobody else: errors, help, how all stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final

from slack_sdk.models.blocks import Block

from bot.domain.command import USAGE
from bot.domain.control import Halt
from bot.domain.errors import ChaosError, NotAllowed, RollbackFailed
from bot.domain.hypothesis import Verdict
from bot.domain.narrative import headline, outcome_sentence, title
from bot.domain.report import Report
from bot.engine.overview import ClusterStatus, Overview
from bot.slack import blocks
from bot.slack.blocks import BlockJson
from bot.slack.mrkdwn import (
    Markup,
    bold,
    code,
    cut,
    join,
    line,
    lines,
    named,
    person,
    plain,
    said,
    time_of_day,
)
from bot.slack.question import approvers

DEFECT: Final = Markup(
    "Sorry, that is a defect of mine, and it is in my log. Nothing was started by it."
)
_VERBS: Final = frozenset(words.split()[0] for words, _ in USAGE)
_ALONE: Final = frozenset({"approve", "halt", "help", "history", "resume", "status"})
_QUOTED: Final = re.compile(r'"([^"]{1,80})"')
_ID: Final = re.compile(r"\b[UW][A-Z0-9]{7,20}\b")
_LONGEST: Final = 2_900
_CAN_NOT_POST: Final = {
    "not_in_channel": "I am not in this channel.",
    "channel_not_found": "I cannot see this channel.",
    "is_archived": "This channel is archived.",
    "restricted_action": "I am not allowed to post in this channel.",
    "missing_scope": "I lack a permission (scope) to post here.",
}


def error_sentence(error: ChaosError) -> Markup:
    """An error and what mends it, with commands as they are typed here."""
    if isinstance(error, NotAllowed):
        return Markup(f"You may not decide this. {approvers(error.approvers)} may.")
    mend = code(error.mend) if isinstance(error, RollbackFailed) else _as_typed(error.mend)
    whole = join(" ", (_mentioned(str(error)), mend))
    return cut(whole, _LONGEST)


def help_sentence() -> Markup:
    """Everything that can be typed."""
    typed = (join(" ", (code(f"/chaos {words}"), line(what))) for words, what in USAGE)
    return lines(bold("What you can type"), *typed)


def unseen_run(run: int, trouble: str) -> Markup:
    """A run goes on, and its thread cannot be shown where it was asked for."""
    why = _CAN_NOT_POST.get(trouble, f"Slack says {trouble}.")
    return Markup(
        f"Run {run} goes on, but nobody can see it here: {plain(why)} Invite me, and its thread "
        f"appears within a minute; or stop it with {code(f'/chaos abort {run}')}"
    )


def status_blocks(
    overview: Overview, links: Mapping[int, str]
) -> tuple[str, tuple[BlockJson, ...]]:
    """How all stands: top-level text and blocks. `links` are the threads of runs."""
    made: list[Block] = [blocks.section(halt_sentence(overview.halted))] if overview.halted else []
    made += [blocks.section(lines(*_cluster(c, links))) for c in overview.clusters]
    if not overview.clusters:
        made.append(blocks.section(Markup("No cluster is set up.")))
    if overview.latest:
        told = (_run(report, links) for report in overview.latest)
        made.append(blocks.section(lines(bold("Latest runs"), *told)))
    text = "; ".join(f"{c.name}: {_words(c.verdict)}" for c in overview.clusters)
    halted = "Chaosbot is halted. " if overview.halted else ""
    text = f"{halted}{text or 'No cluster is set up.'}"
    return cut(line(text), blocks.TEXT), blocks.message(made)


def halt_sentence(halt: Halt) -> Markup:
    """That Chaosbot is halted, loudly; by whom, why, and how it ends."""
    since = join(" ", (Markup("Since"), time_of_day(halt.since), Markup("by"), person(halt.by)))
    why = cut(line(halt.why), 1_000)
    resume = Markup("Nothing is started until an approver types `/chaos resume`.")
    return lines(
        join(" ", (Markup("✗"), bold("Chaosbot is halted."))), join(": ", (since, why)), resume
    )


def halted_sentence(runs: Sequence[int]) -> Markup:
    """What a halt does, to who asked for it."""
    numbers = ", ".join(str(run) for run in runs)
    stopped = f"run{'s' if len(runs) > 1 else ''} {numbers} {'are' if len(runs) > 1 else 'is'}"
    aborted = f"{stopped} being aborted" if runs else "no run was going on"
    return Markup(
        f"Chaosbot is halted: {aborted}, and every node is restored. Nothing is started until an "
        "approver types `/chaos resume`."
    )


def history_blocks(
    reports: Sequence[Report], links: Mapping[int, str]
) -> tuple[str, tuple[BlockJson, ...]]:
    """The newest runs, with links, outcomes and times: top-level text and blocks."""
    if not reports:
        return "There was no run yet.", ()
    told = [join(" · ", (_run(report, links), _when(report))) for report in reports]
    newest = line(f"The newest {len(told)} of all runs: {title(reports[0])} …")
    # A section holds 3,000 characters, a line at most 500 of them.
    parts = [told[place : place + 5] for place in range(0, len(told), 5)]
    made: list[Block] = [blocks.section(bold("Newest runs"))]
    made += [blocks.section(lines(*part)) for part in parts]
    return cut(newest, blocks.TEXT), blocks.message(made)


def _when(report: Report) -> Markup:
    at = report.started_at
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Markup(f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{utc}>")


def _cluster(cluster: ClusterStatus, links: Mapping[int, str]) -> list[Markup]:
    glyph = {Verdict.HELD: "✓", Verdict.DEVIATED: "✗"}.get(cluster.verdict, "?")
    told = [join(" ", (Markup(glyph), bold(cluster.name), Markup(_words(cluster.verdict))))]
    for probe in cluster.probes:
        if probe.verdict is not Verdict.HELD:
            what = f"{probe.probe} {probe.verdict.value}: {probe.observed}, not {probe.tolerance}"
            told.append(cut(line(f"• {what}"), 400))
    stores, leader = cluster.view.stores, cluster.view.pd_leader
    if stores is not None:
        up = sum(store.state == "Up" for store in stores)
        told.append(line(f"{up} of {len(stores)} stores up, PD led by {leader or 'nobody'}"))
    if cluster.run:
        told.append(_run(cluster.run, links))
    told += [
        cut(line(f"Ticket {t.id}, {t.severity.value}: {t.text} ({t.occurrences} times)"), 400)
        for t in cluster.tickets[:10]
    ]
    if not cluster.tickets:
        told.append(Markup("No open tickets"))
    return told


def _run(report: Report, links: Mapping[int, str]) -> Markup:
    link = links.get(report.run)
    name = Markup(f"<{link}|{line(title(report))}>") if link else line(title(report))
    if not report.finished:
        return join(" ", (name, Markup("·"), line(headline(report, None).partition(": ")[2])))
    return join(" ", (name, Markup("·"), cut(said(outcome_sentence(report)), 300)))


def _words(verdict: Verdict) -> str:
    told = {
        Verdict.HELD: "is in steady state",
        Verdict.DEVIATED: "is not in steady state",
        Verdict.UNKNOWN: "cannot tell whether it is in steady state",
    }
    return told[verdict]


def _as_typed(mend: str) -> Markup:
    """A remedy, in which a quoted command becomes one that can be typed here."""
    told: list[Markup] = []
    after = 0
    for found in _QUOTED.finditer(mend):
        words = found[1]
        if words.split()[:1] and words.split()[0] in _VERBS:
            told.append(_mentioned(mend[after : found.start()]))
            alone = " " not in words and words not in _ALONE
            told.append(bold(words) if alone else code(f"/chaos {words}"))
            after = found.end()
    return Markup("".join([*told, _mentioned(mend[after:])]))


def _mentioned(text: str) -> Markup:
    return named(text, _ID.findall(text))

"""The question: what becomes of the broken node; who may say so, who has, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterable

from slack_sdk.models.blocks import Block

from bot.domain.experiment import Stage
from bot.domain.narrative import abort_sentence, decision_sentence, vote_sentences
from bot.domain.report import Report
from bot.slack import blocks, buttons
from bot.slack.mrkdwn import Markup, bold, join, lines, person, said, time_of_day

_GROUP = re.compile(r"S[A-Z0-9]{5,20}")


def approvers(ids: Iterable[str]) -> Markup:
    """Users and user groups, each mentioned once."""
    return join(", ", (_group(one) or person(one) for one in dict.fromkeys(ids)))


def may_decide(report: Report) -> Markup:
    """Who may decide about the node, and how many of them it takes."""
    policy = report.policy
    who = approvers(policy.named) or Markup("Anybody here")
    starter = person(report.started_by)
    but = Markup("" if policy.starter else f", but not {starter}, who started it")
    takes = f"; it takes {policy.needed} votes" if policy.needed > 1 else ""
    return Markup(f"{who} may decide{but}{takes}.")


def undecided(report: Report) -> bool:
    """Whether somebody has to decide."""
    waiting = report.stage is Stage.AWAITING_APPROVAL
    return waiting and report.approval is None and report.aborted_by is None


def decision(report: Report) -> list[Block]:
    """The end of the diagnosis' message: the question with its buttons, or the answer."""
    made: list[Block] = []
    if text := _text(report):
        made.append(blocks.section(text))
    choice = (buttons.approve(report), buttons.keep_down(report)) if undecided(report) else ()
    made.append(blocks.actions(*choice, buttons.evidence(report)))
    return made


def _text(report: Report) -> Markup:
    # Who may decide is mentioned when the message is posted: later edits notify nobody.
    if answer := decision_sentence(report) or abort_sentence(report):
        return said(answer)
    if undecided(report) and report.deadline:
        asked = bold(f"Restore {report.node_label}?")
        question = join(" ", (asked, may_decide(report), _at_deadline(report)))
        return lines(question, *(said(vote) for vote in vote_sentences(report)))
    asking = report.stage is Stage.DIAGNOSING and report.policy.named
    return may_decide(report) if asking else Markup("")


def _at_deadline(report: Report) -> Markup:
    if report.deadline is None:
        return Markup("")
    at = time_of_day(report.deadline)
    if report.policy.at_deadline == "restore":
        return Markup(f"At {at} it is restored by itself.")
    return Markup(f"It stays down at {at} unless its restore is approved.")


def _group(one: str) -> Markup:
    return Markup(f"<!subteam^{one}>" if _GROUP.fullmatch(one) else "")

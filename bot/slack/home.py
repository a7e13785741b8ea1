"""Home: what stands in the app's Home tab. A pure function of how all stands.

The halt comes first, since that is what somebody in a hurry looks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from slack_sdk.models.blocks import Block

from bot.domain.approval import Policy
from bot.engine.overview import Overview
from bot.slack import blocks, buttons
from bot.slack.mrkdwn import Markup, bold, code, join, lines
from bot.slack.question import approvers
from bot.slack.sentences import halt_sentence, status_blocks

_NAMED: Final = 50  # approvers that are named


def home_view(
    overview: Overview,
    links: Mapping[int, str],
    policy: Policy,
    *,
    notice: Markup | None = None,
) -> dict[str, Any]:
    """The view as `views.publish` takes it.

    Args:
        overview: How all stands.
        links: The threads of runs, by run.
        policy: Who may decide.
        notice: What only this reader is told, such as why a click did nothing.
    """
    above: list[Block] = []
    if notice:
        above.append(blocks.section(join(" ", (Markup("✗"), notice))))
    halt = overview.halted
    above.append(blocks.section(halt_sentence(halt), buttons.resume()) if halt else _running())
    above.append(blocks.divider())
    # The halt stands above already.
    _, status = status_blocks(overview.model_copy(update={"halted": None}), links)
    below: list[Block] = [blocks.divider(), blocks.section(_policy(policy))]
    return {"type": "home", "blocks": [*blocks.view(above), *status, *blocks.view(below)]}


def _running() -> Block:
    typed = code("/chaos kill tikv")
    told = Markup(f"Type {typed} in a channel to break a node; {code('/chaos help')} tells more.")
    return blocks.section(lines(bold("Chaosbot"), told), buttons.halt())


def _policy(policy: Policy) -> Markup:
    who = approvers(policy.named[:_NAMED]) or Markup("Everybody in a run's channel")
    more = len(policy.named) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    votes = f" It takes {policy.needed} of them." if policy.needed > 1 else ""
    starter = "" if policy.starter else " Who has started a run may not decide about it."
    return lines(bold("Who may approve"), Markup(f"{who}{others}.{votes}{starter}"))

"""The examination: everything is looked at at once, each thing in bounded time; nothing raises.

settings -> state, Slack, cluster (nodes, PD, YCSB), Prometheus, Claude -> findings, in order
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

from bot.doctor.claude import look_at_claude
from bot.doctor.finding import Finding, broken, not_set
from bot.doctor.nodes import look_at_playground
from bot.doctor.prometheus import look_at_prometheus
from bot.doctor.slack import look_at_slack
from bot.doctor.state import look_at_state
from bot.settings import Settings

WITHIN: Final = 5.0  # seconds, for each


async def examine(
    settings: Settings, *, ask_claude: bool = False, channel: str | None = None
) -> list[Finding]:
    """What works, what is broken, what is not set; within 5 s, in a stable order. Never raises.

    `ask_claude` makes one call that costs a few tokens; `channel` is the id of a Slack channel
    that the bot is to be in.
    """
    looks = {
        "state folder": look_at_state(settings),
        "Slack": look_at_slack(settings, channel),
        settings.cluster: _cluster(settings),
        "Prometheus": look_at_prometheus(settings),
        "Claude": look_at_claude(settings, ask=ask_claude),
    }
    found = await asyncio.gather(*(_bounded(name, look) for name, look in looks.items()))
    return [finding for part in found for finding in part]


async def _cluster(settings: Settings) -> list[Finding]:
    """The chosen kind of cluster; the other is not needed."""
    if settings.cluster == "playground":
        text = "The cluster is the playground, which needs none."
        mend = "To break containers: CHAOSBOT_CLUSTER=docker."
        return [*await look_at_playground(settings), not_set("Docker", text, mend=mend)]
    from bot.doctor.docker import look_at_docker  # noqa: PLC0415 - its SDK takes a while

    return await look_at_docker(settings)


def stands_in_the_way(findings: Sequence[Finding]) -> bool:
    """Whether something needed is broken."""
    return any(finding.stands_in_the_way for finding in findings)


async def _bounded(name: str, look: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(WITHIN):
            return await look
    except TimeoutError:
        return [broken(name, f"It could not be looked at within {WITHIN:g} s.")]
    except Exception as error:  # noqa: BLE001 - whatever a machine has in store, the rest is told
        why = f"It could not be looked at ({type(error).__name__}: {error})."
        return [broken(name, why, mend="This is a defect of chaosbot: please report it.")]

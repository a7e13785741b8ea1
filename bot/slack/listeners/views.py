"""Clicks that show something: the evidence of a diagnosis, the report of a run, as a modal.

A `trigger_id` is good for 3 seconds, so the modal is opened with what the journal says already.
"""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.chaos import Chaos
from bot.slack.answers import Answers, Asked
from bot.slack.failures import Failures
from bot.slack.listeners.actions import run_named
from bot.slack.memory import Memory
from bot.slack.modals import evidence_modal, report_modal
from bot.slack.mrkdwn import Markup, code

log = logging.getLogger(__name__)


class Views:
    """Opens modals."""

    def __init__(
        self,
        chaos: Chaos,
        client: AsyncWebClient,
        answers: Answers,
        failures: Failures,
        memory: Memory,
    ) -> None:
        self._chaos = chaos
        self._client = client
        self._answers = answers
        self._failures = failures
        self._memory = memory

    async def evidence(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Show what the diagnosis rests on."""
        await ack()
        asked = Asked.by_click(body)
        if not self._memory.again(asked.trigger_id):
            async with self._failures.told_to(asked):
                report = await self._chaos.report(run_named(asked))
                await self._open(asked, evidence_modal(report))

    async def report(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Show the whole run."""
        await ack()
        asked = Asked.by_click(body)
        if not self._memory.again(asked.trigger_id):
            async with self._failures.told_to(asked):
                report = await self._chaos.report(run_named(asked))
                await self._open(asked, report_modal(report))

    async def _open(self, asked: Asked, view: dict[str, Any]) -> None:
        try:
            await self._client.views_open(trigger_id=asked.trigger_id, view=view)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("The modal could not be opened: %s", error)
            typed = code(f"chaosbot report {run_named(asked)}")
            await self._answers.tell(
                asked,
                Markup(f"Slack did not open it. Click once more, or type {typed} in a shell."),
            )

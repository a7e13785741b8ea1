"""Clicks that show something: the evidence of a diagnosis, the report of a run, what "Run again" does.

A `trigger_id` is good for 3 seconds, so a modal is opened with what the journal says already; what
takes longer, the look at the cluster of a dry run, is put into the open one.
"""

from __future__ import annotations

import logging
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import ChaosError, Refused
from bot.engine.chaos import Chaos
from bot.slack.answers import Answers, Asked
from bot.slack.failures import Failures
from bot.slack.listeners.actions import run_named
from bot.slack.memory import Memory
from bot.slack.modals import evidence_modal, report_modal
from bot.slack.mrkdwn import Markup, code
from bot.slack.preview import again_dialog, experiment_of, wanted_by
from bot.slack.sentences import error_sentence
from bot.slack.web_api import CallFailed, call

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
                await self._open(asked, evidence_modal(report), f"chaosbot report {report.run}")

    async def report(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Show the whole run."""
        await ack()
        asked = Asked.by_click(body)
        if not self._memory.again(asked.trigger_id):
            async with self._failures.told_to(asked):
                report = await self._chaos.report(run_named(asked))
                await self._open(asked, report_modal(report), f"chaosbot report {report.run}")

    async def again(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Ask whether a run is to be started once more."""
        await ack()
        asked = Asked.by_click(body)
        if not self._memory.again(asked.trigger_id):
            async with self._failures.told_to(asked):
                if halt := self._chaos.halted:
                    raise Refused(halt.text, mend='An approver ends it with "resume".')
                wanted = experiment_of(await self._chaos.report(run_named(asked)))
                dialog = again_dialog(wanted, asked.channel, asked.thread_ts)
                await self._open(asked, dialog, f"/chaos {wanted.command}")

    async def dry_run(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Show in the open dialog what the run would do."""
        await ack()
        asked = Asked.by_dialog(body)
        if not self._memory.again(asked.trigger_id):
            async with self._failures.told_to(asked):
                await self._preview(asked, body)

    async def _preview(self, asked: Asked, body: dict[str, Any]) -> None:
        wanted = wanted_by(asked.text)
        try:
            preview = await self._chaos.preview(wanted)
            dialog = again_dialog(wanted, asked.channel, asked.thread_ts, preview=preview)
        except ChaosError as error:
            trouble = error_sentence(error)
            dialog = again_dialog(wanted, asked.channel, asked.thread_ts, trouble=trouble)
        view = str((body.get("view") or {}).get("id") or "")
        try:
            await call(self._client, "views.update", view_id=view, view=dialog)
        except CallFailed as error:  # closed already, most likely
            log.info("The dry run could not be shown: %s", error)

    async def _open(self, asked: Asked, view: dict[str, Any], instead: str) -> None:
        try:
            await call(self._client, "views.open", trigger_id=asked.trigger_id, view=view)
        except CallFailed as error:
            log.warning("The modal could not be opened: %s", error)
            where = "" if instead.startswith("/") else " in a shell"
            await self._answers.tell(
                asked,
                Markup(f"Slack did not open it. Click once more, or type {code(instead)}{where}."),
            )

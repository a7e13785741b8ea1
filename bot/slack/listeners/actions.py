"""Clicks that do something: approve, keep down, abort, restore, run it.

A click's value is the run, or the words of an experiment; the engine decides whether it still means
anything, and its refusal is told to the one who clicked. A click that decides about a node counts
only in the run's own message, and once.
"""

from __future__ import annotations

from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.domain.approval import Decision
from bot.domain.errors import CommandError
from bot.engine.chaos import Chaos
from bot.slack.acknowledgement import Acknowledgement
from bot.slack.answers import Asked
from bot.slack.buttons import run_of
from bot.slack.failures import Failures
from bot.slack.listeners.commands import Commands
from bot.slack.listeners.votes import RESTORE
from bot.slack.memory import Memory
from bot.slack.preview import wanted_by
from bot.slack.thread import Key


class Actions:
    """Listens to the buttons of the thread, and of previews."""

    def __init__(
        self, chaos: Chaos, commands: Commands, failures: Failures, memory: Memory
    ) -> None:
        self._chaos = chaos
        self._commands = commands
        self._failures = failures
        self._memory = memory

    async def approve(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """Vote for restoring the node."""
        await self._vote(Decision.APPROVED, ack, body, request)

    async def keep_down(
        self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        """Vote for leaving the node as it is."""
        await self._vote(Decision.KEPT_DOWN, ack, body, request)

    async def restore(self, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        """Bring back a node that was kept down."""
        asked = Asked.by_click(body)
        async with Acknowledgement(ack), self._failures.told_to(asked):
            if await self._first(RESTORE, asked, request):
                run = run_named(asked)
                await self._commands.votes.own_message(run, Key.RESULT, RESTORE, asked)
                await self._commands.votes.restore(run, asked)

    async def abort(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stop the run and restore its node."""
        asked = Asked.by_click(body)
        async with Acknowledgement(ack), self._failures.told_to(asked):
            if not self._memory.again(asked.trigger_id):
                await self._chaos.abort(run_named(asked), by=asked.user)

    async def run_it(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Do what a preview has shown."""
        await self._start(ack, Asked.by_click(body))

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Run the same experiment once more, in the channel of the dialog's thread."""
        await self._start(ack, Asked.by_dialog(body))

    async def _start(self, ack: AsyncAck, asked: Asked) -> None:
        async with Acknowledgement(ack) as heard, self._failures.told_to(asked):
            if not self._memory.again(asked.trigger_id):
                await self._commands.start(wanted_by(asked.text), asked, heard)

    async def _vote(
        self, decision: Decision, ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest
    ) -> None:
        asked = Asked.by_click(body)
        async with Acknowledgement(ack) as heard, self._failures.told_to(asked):
            if not await self._first(decision.value, asked, request):
                return
            run = run_named(asked)
            votes = self._commands.votes
            await votes.own_message(run, Key.DIAGNOSIS, decision.value, asked)
            told = await votes.cast(run, decision, asked)
            await heard.noted()
            # What was decided, everybody sees in the thread.
            if (await self._chaos.report(run)).approval is None:
                await self._commands.answers.tell(asked, told)

    async def _first(self, wanted: str, asked: Asked, request: AsyncBoltRequest) -> bool:
        """Whether a click is heard for the first time. Raises Undecidable if somebody replays it.

        What Slack itself sends once more says so, and is nobody's fault.
        """
        if not self._memory.again(asked.trigger_id):
            return True
        if not request.headers.get("x-slack-retry-num"):
            await self._commands.votes.replayed(run_of(asked.text), wanted, asked)
        return False


def run_named(asked: Asked) -> int:
    """The run that a button stands for.

    Raises:
        CommandError: it names none; the button is not one of ours.
    """
    run = run_of(asked.text)
    if run is None:
        raise CommandError("That button names no run.", word=asked.text[:40])
    return run

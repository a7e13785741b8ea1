"""Clicks that do something: approve, keep down, abort, restore, run again.

A click's value is the run; the engine decides whether it still means anything, and its refusal is
told to the one who clicked.
"""

from __future__ import annotations

from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.approval import Decision
from bot.domain.errors import CommandError
from bot.domain.experiment import Experiment
from bot.domain.fault import Fault
from bot.domain.target import Target
from bot.engine.chaos import Chaos
from bot.slack.answers import Asked
from bot.slack.buttons import run_of
from bot.slack.failures import Failures
from bot.slack.listeners.commands import Commands
from bot.slack.memory import Memory


class Actions:
    """Listens to the buttons of the thread."""

    def __init__(
        self, chaos: Chaos, commands: Commands, failures: Failures, memory: Memory
    ) -> None:
        self._chaos = chaos
        self._commands = commands
        self._failures = failures
        self._memory = memory

    async def approve(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Restore the node."""
        if asked := await self._heard(ack, body):
            async with self._failures.told_to(asked):
                await self._chaos.decide(run_named(asked), Decision.APPROVED, by=asked.user)

    async def keep_down(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Leave the node as it is."""
        if asked := await self._heard(ack, body):
            async with self._failures.told_to(asked):
                await self._chaos.decide(run_named(asked), Decision.KEPT_DOWN, by=asked.user)

    async def abort(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stop the run and restore its node."""
        if asked := await self._heard(ack, body):
            async with self._failures.told_to(asked):
                await self._chaos.abort(run_named(asked), by=asked.user)

    async def restore(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Bring back a node that was kept down."""
        if asked := await self._heard(ack, body):
            async with self._failures.told_to(asked):
                await self._chaos.restore(run_named(asked), by=asked.user)

    async def again(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Run the same experiment once more, in the channel of the click."""
        if asked := await self._heard(ack, body):
            async with self._failures.told_to(asked):
                await self._again(asked)

    async def _again(self, asked: Asked) -> None:
        report = await self._chaos.report(run_named(asked))
        experiment = Experiment(
            fault=Fault(report.fault.kind),
            target=Target.parse(report.fault.target),
            cluster=report.cluster,
            reason=report.reason,
        )
        await self._commands.start(experiment, asked)

    async def _heard(self, ack: AsyncAck, body: dict[str, Any]) -> Asked | None:
        await ack()
        asked = Asked.by_click(body)
        return None if self._memory.again(asked.trigger_id) else asked


def run_named(asked: Asked) -> int:
    """The run that a button stands for.

    Raises:
        CommandError: it names none; the button is not one of ours.
    """
    run = run_of(asked.text)
    if run is None:
        raise CommandError("That button names no run.", word=asked.text[:40])
    return run

"""`/chaos ...`: the words are parsed at once, and what they ask for is handed to the engine."""

from __future__ import annotations

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.command import Abort, Command, Help, Restore, Status, parse
from bot.domain.errors import CommandError
from bot.domain.experiment import Experiment
from bot.engine.chaos import Chaos
from bot.slack.answers import Answers, Asked
from bot.slack.failures import Failures
from bot.slack.links import Links
from bot.slack.memory import Memory
from bot.slack.mrkdwn import Markup
from bot.slack.painter import Painter
from bot.slack.sentences import error_sentence, help_sentence, status_blocks, unseen_run

_ROOT_SECONDS = 10.0  # how long a run's root may take to appear before nobody is told about it


class Commands:
    """Listens to `/chaos`."""

    def __init__(  # noqa: PLR0913 - what it hears with, and whom it tells
        self,
        chaos: Chaos,
        painter: Painter,
        links: Links,
        *,
        answers: Answers,
        failures: Failures,
        memory: Memory,
    ) -> None:
        self._chaos = chaos
        self._painter = painter
        self._links = links
        self._answers = answers
        self._failures = failures
        self._memory = memory

    async def typed(self, ack: AsyncAck, body: dict[str, object]) -> None:
        """Somebody typed `/chaos`."""
        asked = Asked.by_command(body)
        if self._memory.again(asked.trigger_id):
            await ack()
            return
        try:
            command = parse(asked.text)
        except CommandError as error:
            await ack(error_sentence(error))
            return
        if isinstance(command, Help):
            await ack(help_sentence())
            return
        await ack()
        async with self._failures.told_to(asked):
            await self._do(command, asked)

    async def _do(self, command: Command, asked: Asked) -> None:
        match command:
            case Experiment():
                await self.start(command, asked)
            case Status():
                overview = await self._chaos.status()
                text, blocks = status_blocks(overview, await self._links.of(overview))
                await self._answers.tell(asked, text, blocks)
            case Abort(run=number):
                run = await self._chaos.abort(number, by=asked.user)
                await self._answers.tell(
                    asked, f"Run {run} is being aborted; its thread shows how it goes."
                )
            case Restore(run=run):
                await self._chaos.restore(run, by=asked.user)
                await self._answers.tell(
                    asked, f"The node of run {run} is being restored; its thread shows how it goes."
                )
            case Help():
                await self._answers.tell(asked, help_sentence())

    async def start(self, experiment: Experiment, asked: Asked) -> None:
        """Start a run; the painter's root message is the answer that everybody sees."""
        run = await self._chaos.propose(experiment, by=asked.user, channel=asked.channel)
        trouble = await self._painter.appeared(run, _ROOT_SECONDS)
        if trouble:
            await self._answers.tell(asked, Markup(unseen_run(run, trouble)))

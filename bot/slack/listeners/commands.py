"""`/chaos ...`: the words are parsed at once, and what they ask for is handed to the engine."""

from __future__ import annotations

from contextlib import suppress

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.approval import Decision
from bot.domain.command import (
    Abort,
    Approve,
    Command,
    DryRun,
    Halt,
    Help,
    History,
    Keep,
    Restore,
    Resume,
    Status,
    parse,
)
from bot.domain.errors import CommandError
from bot.domain.experiment import Experiment
from bot.engine.chaos import Chaos
from bot.engine.overview import Overview
from bot.slack.acknowledgement import Acknowledgement
from bot.slack.answers import Answers, Asked
from bot.slack.failures import Failures
from bot.slack.links import Links
from bot.slack.listeners.votes import RESTORE, Votes
from bot.slack.memory import Memory
from bot.slack.mrkdwn import Markup
from bot.slack.painter import Painter
from bot.slack.people import People
from bot.slack.preview import preview_message
from bot.slack.sentences import (
    error_sentence,
    halted_sentence,
    help_sentence,
    history_blocks,
    status_blocks,
    unseen_run,
)

_ROOT_SECONDS = 10.0  # how long a run's root may take to appear before nobody is told about it
_NEWEST = 10


class Commands:
    """Listens to `/chaos`, and carries out what is asked for, in whatever way it was asked."""

    def __init__(  # noqa: PLR0913 - what it hears with, and whom it tells
        self,
        chaos: Chaos,
        painter: Painter,
        links: Links,
        *,
        people: People,
        answers: Answers,
        failures: Failures,
        memory: Memory,
    ) -> None:
        self.votes = Votes(chaos, people, memory)
        self.answers = answers
        self._chaos = chaos
        self._painter = painter
        self._links = links
        self._failures = failures
        self._memory = memory

    async def typed(self, ack: AsyncAck, body: dict[str, object]) -> None:
        """Somebody typed `/chaos`."""
        asked = Asked.by_command(body)
        if self._memory.again(asked.trigger_id):
            await ack()
            async with self._failures.told_to(asked):
                await self._replayed(asked)
            return
        try:
            command = parse(asked.text)
        except CommandError as error:
            await ack(error_sentence(error))
            return
        if isinstance(command, Help):
            await ack(help_sentence())
            return
        async with Acknowledgement(ack) as heard, self._failures.told_to(asked):
            if isinstance(command, DryRun | Status | History):
                await heard.noted()  # these only look
            await self.do(command, asked, heard)

    async def _replayed(self, asked: Asked) -> None:
        """A vote that is sent again is an attempt; anything else just has no effect."""
        with suppress(CommandError):
            match parse(asked.text):
                case Approve(run=run):
                    await self.votes.replayed(run, Decision.APPROVED.value, asked)
                case Keep(run=run):
                    await self.votes.replayed(run, Decision.KEPT_DOWN.value, asked)
                case Restore(run=run):
                    await self.votes.replayed(run, RESTORE, asked)

    async def do(self, command: Command, asked: Asked, heard: Acknowledgement) -> None:  # noqa: C901 - one case a command
        """Carry out a command, and tell who asked. Raises ChaosError."""
        match command:
            case Experiment():
                await self.start(command, asked, heard)
            case DryRun(experiment=wanted):
                text, blocks = preview_message(await self._chaos.preview(wanted), wanted)
                await self.answers.tell(asked, text, blocks)
            case Approve(run=run):
                told = await self.votes.cast(run, Decision.APPROVED, asked)
                await heard.noted()
                await self.answers.tell(asked, told)
            case Keep(run=run):
                told = await self.votes.cast(run, Decision.KEPT_DOWN, asked)
                await heard.noted()
                await self.answers.tell(asked, told)
            case Restore(run=run):
                told = await self.votes.restore(run, asked)
                await heard.noted()
                await self.answers.tell(asked, told)
            case Abort(run=number):
                run = await self._chaos.abort(number, by=asked.user)
                await heard.noted()
                told = Markup(f"Run {run} is being aborted; its thread shows how it goes.")
                await self.answers.tell(asked, told)
            case Halt(why=why):
                # Before anything that asks Slack: it holds also where Slack is away.
                runs = await self._chaos.halt(asked.user, why)
                await heard.noted()
                self._painter.look()
                await self.answers.tell(asked, halted_sentence(runs))
            case Resume():
                await self.votes.resume(asked)
                await heard.noted()
                self._painter.look()
                await self.answers.tell(asked, "Runs may be started again.")
            case Status():
                overview = await self._chaos.status()
                text, blocks = status_blocks(overview, await self._links.of(overview))
                await self.answers.tell(asked, text, blocks)
            case History():
                newest = tuple(await self._chaos.history(_NEWEST))
                links = await self._links.of(Overview(clusters=(), latest=newest))
                await self.answers.tell(asked, *history_blocks(newest, links))
            case Help():
                await self.answers.tell(asked, help_sentence())

    async def start(self, experiment: Experiment, asked: Asked, heard: Acknowledgement) -> None:
        """Start a run; the painter's root message is the answer that everybody sees."""
        run = await self._chaos.propose(experiment, by=asked.user, channel=asked.channel)
        await heard.noted()
        trouble = await self._painter.appeared(run, _ROOT_SECONDS)
        if trouble:
            await self.answers.tell(asked, Markup(unseen_run(run, trouble)))

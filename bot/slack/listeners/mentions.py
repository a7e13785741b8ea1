"""`@chaosbot ...`: the same words as after `/chaos`; in a run's thread they mean that run.

Slack takes no slash command in a thread, but it takes a mention.
"""

from __future__ import annotations

import re
from typing import Any, Final

from slack_bolt.context.async_context import AsyncBoltContext

from bot.domain.command import Command, OfRun, parse
from bot.engine.chaos import Chaos
from bot.slack.acknowledgement import Acknowledgement
from bot.slack.answers import Asked
from bot.slack.failures import Failures
from bot.slack.listeners.commands import Commands
from bot.slack.memory import Memory

_NOT_SAID: Final = ("bot_id", "subtype", "edited")
# What Slack makes of "tikv-1.example.com" in a message.
_LINK: Final = re.compile(r"<(?:https?://|mailto:)[^|<>]*\|([^<>]*)>")


class Mentions:
    """Listens to who mentions us."""

    def __init__(
        self, chaos: Chaos, commands: Commands, failures: Failures, memory: Memory
    ) -> None:
        self._chaos = chaos
        self._commands = commands
        self._failures = failures
        self._memory = memory

    async def heard(self, body: dict[str, Any], context: AsyncBoltContext) -> None:
        """Somebody mentioned us; bots and edits of what was said do not count."""
        event = body.get("event")
        if not isinstance(event, dict) or any(event.get(name) for name in _NOT_SAID):
            return
        if self._memory.again(str(body.get("event_id") or "")):
            return
        asked = Asked.by_mention(body)
        async with self._failures.told_to(asked):
            command = parse(words(asked.text, context.bot_user_id or ""))
            heard = Acknowledgement(None)
            await self._commands.do(await self._of_thread(command, asked), asked, heard)

    async def _of_thread(self, command: Command, asked: Asked) -> Command:
        """The command, about the run of the thread where it names none."""
        if not isinstance(command, OfRun) or command.run is not None:
            return command
        if not asked.thread_ts or not asked.channel:
            return command
        run = await self._chaos.journal.run_at(asked.channel, asked.thread_ts)
        return command.model_copy(update={"run": run})


def words(text: str, bot: str) -> str:
    """What was said to us, as it was typed: without our name, Slack's escapes and backticks."""
    said = re.sub(rf"<@{re.escape(bot)}(\|[^<>]*)?>", " ", text) if bot else text
    said = _LINK.sub(r"\1", said)
    said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return said.strip().strip("`").strip()

"""The Home tab: somebody opens it, halts everything there, or resumes.

A click there has no `response_url`: what goes wrong is told at the top of the tab itself.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import ChaosError
from bot.engine.chaos import Chaos
from bot.slack.answers import Asked
from bot.slack.memory import Memory
from bot.slack.people import People
from bot.slack.sentences import DEFECT, error_sentence
from bot.slack.tabs import Tabs

log = logging.getLogger(__name__)
_WHY: Final = "from App Home"


class Home:
    """Listens to the Home tab."""

    def __init__(self, chaos: Chaos, people: People, tabs: Tabs, memory: Memory) -> None:
        self._chaos = chaos
        self._people = people
        self._tabs = tabs
        self._memory = memory

    async def opened(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        """Somebody looks at the app's tabs."""
        user = str(event.get("user") or "")
        again = self._memory.again(str(body.get("event_id") or ""))
        if user and event.get("tab") == "home" and not again:
            view = event.get("view")
            known = view.get("hash") if isinstance(view, dict) else None
            self._tabs.opened(user, str(known or ""))

    async def halt(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Abort every run, restore every node, start nothing new."""
        if asked := await self._heard(ack, body):
            async with self._told_to(asked.user):
                await self._chaos.halt(asked.user, _WHY)

    async def resume(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Let runs be started again."""
        if asked := await self._heard(ack, body):
            async with self._told_to(asked.user):
                await self._chaos.resume(await self._people.voter(asked.user, None))

    async def _heard(self, ack: AsyncAck, body: dict[str, Any]) -> Asked | None:
        await ack()
        asked = Asked.by_click(body)
        return None if self._memory.again(asked.trigger_id) else asked

    @asynccontextmanager
    async def _told_to(self, user: str) -> AsyncIterator[None]:
        try:
            yield
        except ChaosError as error:
            log.info("Refused: %s", error.whole)
            self._tabs.tell(user, error_sentence(error))
        except Exception:  # the user is told of each, the log of defects
            log.exception("A listener failed.")
            self._tabs.tell(user, DEFECT)
        self._tabs.refresh()

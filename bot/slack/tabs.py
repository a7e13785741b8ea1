"""Tabs: the Home tabs of those who looked at theirs lately, kept up to date.

Painted again when a run starts or ends, on a halt and a resume, and when somebody opens theirs;
one at a time, the one that was opened last first, well below Slack's 100 a minute (tier 4).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import ChaosError
from bot.domain.events import RunFinished, RunStarted
from bot.engine.chaos import Chaos
from bot.engine.overview import Overview
from bot.engine.patience import cancelled, until
from bot.slack.budget import Bucket
from bot.slack.home import home_view
from bot.slack.links import Links
from bot.slack.mrkdwn import Markup
from bot.slack.web_api import CallFailed, Hopeless, Paced, call

log = logging.getLogger(__name__)

_MOST: Final = 50
_KEPT: Final = 86_400.0  # seconds since it was opened
_LOOK: Final = 1.0  # seconds between two looks at whether all is halted
_YOUNG: Final = 2.0  # seconds for which one overview is shown to everybody
_NOTHING: Final = Markup("")
_PAUSE: Final = 10.0  # seconds after a call that nobody answered


@dataclass(kw_only=True)
class _Tab:
    """One person's. `hash` names what Slack shows there, "" if nobody knows."""

    opened_at: float  # monotonic seconds
    hash: str = ""
    notice: Markup = _NOTHING
    stale: bool = True


class Tabs:
    """Publishes Home tabs. A failure is logged, and hurts nobody."""

    def __init__(self, chaos: Chaos, client: AsyncWebClient, links: Links) -> None:
        self._chaos = chaos
        self._client = client
        self._links = links
        self._tabs: dict[str, _Tab] = {}  # by user, the one that was opened last at the end
        self._budget = Bucket(holds=10.0, rate=1.0)
        self._seen: tuple[float, Overview, dict[int, str]] | None = None
        self._changes = 0
        self._halted = chaos.halted
        self._wake = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to keep them."""
        self._tasks = (asyncio.create_task(self._watch()), asyncio.create_task(self._keep()))

    async def close(self) -> None:
        """Leave them as they are."""
        await cancelled(*self._tasks)

    def opened(self, user: str, known: str = "") -> None:
        """Somebody looks at theirs; `known` is the hash of what they see, if anything."""
        self._tabs.pop(user, None)
        self._tabs[user] = _Tab(opened_at=self._chaos.clock.monotonic(), hash=known)
        while len(self._tabs) > _MOST:
            del self._tabs[next(iter(self._tabs))]
        self._wake.set()

    def tell(self, user: str, notice: Markup) -> None:
        """Let one person read something at the top of theirs, until it is published again."""
        tab = self._tabs.setdefault(user, _Tab(opened_at=self._chaos.clock.monotonic()))
        tab.notice, tab.stale = notice, True
        self._wake.set()

    def refresh(self) -> None:
        """Something has changed that all of them show."""
        self._seen = None
        self._changes += 1
        for tab in self._tabs.values():
            tab.stale = True
        self._wake.set()

    async def _watch(self) -> None:
        with self._chaos.stream.watch() as records:
            async for record in records:
                if isinstance(record.event, (RunStarted, RunFinished)):
                    self.refresh()

    async def _keep(self) -> None:
        wait = _LOOK
        while True:
            await until(self._chaos.clock, wait, self._wake)
            self._wake.clear()
            if self._chaos.halted != self._halted:
                self._halted = self._chaos.halted
                self.refresh()
            wait = await self._publish_next()

    async def _publish_next(self) -> float:
        """Publish one that is stale; the seconds until there may be another to publish."""
        now = self._chaos.clock.monotonic()
        for user in [u for u, tab in self._tabs.items() if now - tab.opened_at > _KEPT]:
            del self._tabs[user]
        stale = ((user, tab) for user, tab in reversed(self._tabs.items()) if tab.stale)
        user, tab = next(stale, ("", None))
        if tab is None:
            return _LOOK
        if wait := self._budget.wait(now):
            return min(wait, _LOOK)
        try:
            await self._publish(user, tab)
        except Exception:  # a defect in one view must not end the others
            log.exception("The Home tab of %s could not be made.", user)
        return 0.0

    async def _publish(self, user: str, tab: _Tab) -> None:
        tab.stale = False  # what changes from here on makes it stale again
        try:
            overview, links = await self._overview()
        except ChaosError as error:
            log.warning("The Home tab of %s is not up to date: %s", user, error.whole)
            return
        notice = tab.notice
        view = home_view(overview, links, self._chaos.policy, notice=notice)
        now = self._chaos.clock.monotonic()
        self._budget.take(now)
        try:
            answer = await call(
                self._client, "views.publish", user_id=user, view=view, hash=tab.hash or None
            )
        except Hopeless as error:
            # Somebody else, such as the bot before this one, has published there meanwhile.
            tab.stale = error.code == "hash_conflict" and bool(tab.hash)
            tab.hash = ""
            if not tab.stale:
                log.warning("The Home tab of %s cannot be published: %s.", user, error.code)
        except CallFailed as error:
            tab.stale = True
            self._budget.shut(now, error.seconds if isinstance(error, Paced) else _PAUSE)
            log.info("The Home tab of %s: %s; trying again.", user, error)
        else:
            tab.hash = str((answer.get("view") or {}).get("hash") or "")
            if tab.notice == notice:
                tab.notice = _NOTHING

    async def _overview(self) -> tuple[Overview, dict[int, str]]:
        now = self._chaos.clock.monotonic()
        if self._seen is None or now - self._seen[0] > _YOUNG:
            changes = self._changes
            overview = await self._chaos.status()
            links = await self._links.of(overview)
            if changes != self._changes:  # it is old already; the next one is another
                return overview, links
            self._seen = (now, overview, links)
        return self._seen[1], self._seen[2]

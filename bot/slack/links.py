"""Links: where the threads of runs are, as addresses that Slack makes itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.overview import Overview
from bot.slack.painter import Painter
from bot.slack.web_api import CallFailed, call

log = logging.getLogger(__name__)
_MOST: Final = 200  # addresses that are kept


class Links:
    """Knows the addresses of threads; one that cannot be had is left out."""

    def __init__(self, client: AsyncWebClient, painter: Painter) -> None:
        self._client = client
        self._painter = painter
        self._known: dict[int, str] = {}

    async def of(self, overview: Overview) -> dict[int, str]:
        """The threads of the runs in an overview, by run. Raises JournalError."""
        runs = {report.run for report in overview.latest}
        runs |= {cluster.run.run for cluster in overview.clusters if cluster.run}
        found = await asyncio.gather(*(self._of(run) for run in sorted(runs)))
        return {run: link for run, link in zip(sorted(runs), found, strict=True) if link}

    async def _of(self, run: int) -> str | None:
        if run in self._known:
            return self._known[run]
        place = await self._painter.where(run)
        if place is None:
            return None
        try:
            answer = await call(
                self._client, "chat.getPermalink", channel=place.channel, message_ts=place.ts
            )
        except CallFailed as error:
            log.info("No link to the thread of run %d: %s", run, error)
            return None
        link = str(answer.get("permalink") or "")
        # It goes into markup between < and |, which it must not break.
        if not link.startswith(("https://", "http://")) or set("<>| \n") & set(link):
            return None
        self._known[run] = link
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
        return link

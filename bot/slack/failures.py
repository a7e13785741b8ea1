"""Failures: what becomes of an exception in a listener: a sentence to the user, a line in the log.

A listener must not raise after it has acknowledged: Bolt then takes the acknowledgement back
(slack-bolt 1.30, `AsyncioListenerRunner.run`; run), and Slack tells the user of a timeout.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from slack_bolt.response import BoltResponse

from bot.domain.errors import ChaosError
from bot.slack.answers import Answers, Asked
from bot.slack.sentences import DEFECT, error_sentence

log = logging.getLogger(__name__)


class Failures:
    """Tells of failures, without a traceback."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @asynccontextmanager
    async def told_to(self, asked: Asked) -> AsyncIterator[None]:
        """Tell the one who asked of whatever goes wrong within."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the user is told of each, the log of defects
            await self._tell(asked, error)

    async def outside(
        self, error: Exception, body: dict[str, Any], response: BoltResponse | None
    ) -> BoltResponse | None:
        """What Bolt itself caught: tell the user, and acknowledge if that was not done yet."""
        await self._tell(Asked.by(body), error)
        return BoltResponse(status=200, body="") if response is not None else None

    async def _tell(self, asked: Asked, error: Exception) -> None:
        if isinstance(error, ChaosError):
            log.info("Refused: %s", error.whole)
            await self._answers.tell(asked, error_sentence(error))
        else:
            log.error("A listener failed.", exc_info=error)
            await self._answers.tell(asked, DEFECT)

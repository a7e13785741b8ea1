"""An acknowledgement: Slack is told that a request was heard once what it asks for is journalled.

Whoever sees no error may rely on it, also when the bot is killed the moment after. Slack waits for
3 seconds and then tells its user of a failure, so what takes longer is acknowledged before.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.engine.patience import cancelled

_PATIENCE: Final = 2.0  # seconds


class Acknowledgement:
    """Given by `noted`, by the end of the `async with`, or after two seconds; None: by Bolt itself."""

    def __init__(self, ack: AsyncAck | None) -> None:
        self._ack = ack
        self._timer: asyncio.Task[None] | None = None

    async def noted(self) -> None:
        """What was asked for is in the journal, or was refused."""
        ack, self._ack = self._ack, None
        if ack is not None:
            await ack()

    async def __aenter__(self) -> Self:
        self._timer = asyncio.create_task(self._in_time())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.noted()
        if self._timer:
            await cancelled(self._timer)

    async def _in_time(self) -> None:
        await asyncio.sleep(_PATIENCE)
        await self.noted()

"""The parts of the local Slack, put together."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bot.sandbox.directory import Registration
from bot.sandbox.faults import Faults
from bot.sandbox.grants import Grants
from bot.sandbox.rates import Rates
from bot.sandbox.sockets import Sockets
from bot.sandbox.views import Views
from bot.sandbox.workspace import Workspace

RETRY_SECONDS = (0.0, 60.0, 300.0)  # before an event that nobody acknowledged is sent again
_CALLS = 5000  # kept for inspection


@dataclass(frozen=True, kw_only=True)
class Call:
    """One Web API call: `at` in seconds since 1970, `answer` is `ok` or the error code."""

    at: float
    method: str
    arguments: dict[str, Any]
    answer: str


class Slack:
    """One workspace, one app in it, and everything between them."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        registration: Registration | None = None,
        rate_limits: bool = True,
        ack_seconds: float = 3.0,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
    ) -> None:
        """Put an empty workspace together.

        Args:
            clock: Seconds since 1970; timestamps, rates, trigger ids and URLs go by it.
            registration: What the app has registered.
            rate_limits: Whether Slack's rate limits hold.
            ack_seconds: How long the app may take to acknowledge.
            retry_seconds: The waits before an event is sent again.
        """
        self.clock = clock
        self.registration = registration or Registration()
        self.retry_seconds = retry_seconds
        self.workspace = Workspace(clock)
        self.feed = self.workspace.feed
        self.views = Views(self.feed)
        self.grants = Grants(clock)
        self.rates = Rates(clock, enforced=rate_limits)
        self.faults = Faults()
        self.sockets = Sockets(clock, ack_seconds=ack_seconds)
        self.sockets.on_change = lambda count: self.feed.publish("sockets", count=count)
        self.calls: deque[Call] = deque(maxlen=_CALLS)
        self.url = "http://127.0.0.1"
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the request that caused it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def noted(self, call: Call) -> None:
        """Keep a call for inspection, and tell the watchers."""
        self.calls.append(call)
        self.feed.publish("call", method=call.method, answer=call.answer)

    async def stop(self) -> None:
        """End what still runs, and break the sockets off."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sockets.close_all()

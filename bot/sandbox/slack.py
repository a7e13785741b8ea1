"""The parts of the local Slack, put together."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.sandbox.controls import Control, Controls
from bot.sandbox.delivery import Delivery
from bot.sandbox.directory import Registration
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Faults
from bot.sandbox.grants import Grants
from bot.sandbox.rates import Rates
from bot.sandbox.request_url import RequestUrl
from bot.sandbox.sockets import Sockets
from bot.sandbox.views import Views
from bot.sandbox.workspace import Workspace

RETRY_SECONDS = (0.0, 60.0, 300.0)  # before an event that nobody acknowledged is sent again
_CALLS = 5000  # kept for inspection
_DELIVERIES = 1000  # the same


@dataclass(frozen=True, kw_only=True)
class Call:
    """One Web API call: `at` in seconds since 1970, `answer` is `ok` or the error code."""

    at: float
    method: str
    arguments: dict[str, Any]
    answer: str


class Slack:
    """One workspace, one app in it, and everything between them."""

    def __init__(  # noqa: PLR0913  what a test may set, all by name
        self,
        *,
        clock: Callable[[], float] = time.time,
        registration: Registration | None = None,
        rate_limits: bool = True,
        ack_seconds: float = 3.0,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
        request_url: str = "",
        signing_secret: str = "",
        controls: Sequence[Control] = (),
    ) -> None:
        """Put an empty workspace together.

        Args:
            clock: Seconds since 1970; timestamps, rates, trigger ids and URLs go by it.
            registration: What the app has registered.
            rate_limits: Whether Slack's rate limits hold.
            ack_seconds: How long the app may take to acknowledge.
            retry_seconds: The waits before an event is sent again.
            request_url: Where the app is delivered to in place of its sockets, if anywhere.
            signing_secret: With which requests to it are signed.
            controls: Buttons on the page that are not Slack's.

        Raises:
            ValueError: There is a request URL, but no signing secret.
        """
        self.clock = clock
        self.registration = registration or Registration()
        self.retry_seconds = retry_seconds
        self.workspace = Workspace(clock)
        self.feed = self.workspace.feed
        self.views = Views(self.feed)
        self.grants = Grants(clock)
        self.rates = Rates(clock, enforced=rate_limits)
        self.faults = Faults(clock)
        self.controls = Controls(self.feed, controls)
        self.sockets = Sockets(clock, ack_seconds=ack_seconds)
        self.sockets.on_change = lambda count: self.feed.publish("sockets", count=count)
        self.signing_secret = signing_secret
        self.request_url: RequestUrl | None = None
        if request_url:
            self.request_url = self.signed(request_url)
        self.calls: deque[Call] = deque(maxlen=_CALLS)
        self.deliveries: deque[Delivery] = deque(maxlen=_DELIVERIES)
        self.url = "http://127.0.0.1"
        self._tasks: set[asyncio.Task[None]] = set()

    def signed(self, url: str) -> RequestUrl:
        """A request URL of the app.

        Raises:
            ValueError: There is no signing secret.
        """
        if not self.signing_secret:
            raise ValueError("A request URL needs a signing secret.")
        seconds = self.sockets.ack_seconds
        return RequestUrl(url, self.signing_secret, self.clock, ack_seconds=seconds)

    async def use_request_url(self, url: str) -> None:
        """Deliver to a request URL from now on, once the app has answered its challenge.

        Args:
            url: Such as `http://127.0.0.1:3100/slack/events`; empty goes back to the sockets.

        Raises:
            SlackError: `challenge_failed`, as the app's settings would say, or
                `no_signing_secret`.
        """
        if url and not self.signing_secret:
            raise SlackError("no_signing_secret")
        wanted = self.signed(url) if url else None
        if wanted and not await wanted.verified():
            await wanted.close()
            raise SlackError("challenge_failed")
        old, self.request_url = self.request_url, wanted
        if old:
            await old.close()
        self.feed.publish("sockets", count=len(self.sockets), request_url=url)

    async def deliver(
        self,
        kind: str,
        payload: dict[str, Any],
        *,
        accepts_response: bool = False,
        attempt: int = 0,
        reason: str = "",
    ) -> dict[str, Any]:
        """Send something to the app, whichever way, and wait for its acknowledgement.

        Args:
            kind: `slash_commands`, `interactive` or `events_api`.
            payload: What happened.
            accepts_response: Whether the acknowledgement may carry a payload.
            attempt: For events: which retry this is, 0 for the first sending.
            reason: For events: why it is sent again.

        Returns:
            What the app acknowledged with, often an empty object.

        Raises:
            UndeliveredError: It did not arrive, or was not acknowledged in time.
        """
        sent = Delivery(at=self.clock(), kind=kind, payload=json.dumps(payload), attempt=attempt)
        if self.request_url:
            request = self.request_url.request(kind, payload, attempt=attempt, reason=reason)
            self._sent(replace(sent, url=request.url, headers=request.headers, body=request.body))
            return await self.request_url.send(request)
        self._sent(sent)
        return await self.sockets.deliver(
            kind, payload, accepts_response=accepts_response, attempt=attempt, reason=reason
        )

    def _sent(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self.feed.publish("delivery", kind=delivery.kind)

    def deactivate(self, user: str) -> None:
        """Deactivate a user: `users.info` says `deleted`, and nothing else stops them here.

        Raises:
            SlackError: `user_not_found`.
        """
        gone = self.workspace.people.set_deleted(user, deleted=True)
        self.feed.publish("person", person=gone.as_slack())

    def reactivate(self, user: str) -> None:
        """Take a deactivation back.

        Raises:
            SlackError: `user_not_found`.
        """
        back = self.workspace.people.set_deleted(user, deleted=False)
        self.feed.publish("person", person=back.as_slack())

    def set_members(self, group: str, users: Sequence[str]) -> None:
        """Say who is in a user group.

        Raises:
            SlackError: `no_such_subteam` or `user_not_found`.
        """
        changed = self.workspace.people.set_members(group, users)
        self.feed.publish("group", group=changed.as_slack(with_users=True))

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
        if self.request_url:
            await self.request_url.close()

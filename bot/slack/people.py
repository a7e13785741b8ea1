"""People: who votes, as Slack knows them: deactivated or not, and in which user groups.

Slack is asked at most once a minute for each user and each group (`usergroups.users.list` may be
called 20 times a minute), however many ask at once. When it does not answer, an answer that is at
most an hour old counts; without one a vote is refused, since nobody can say whose it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.approval import Policy, Voter
from bot.domain.errors import Undecidable
from bot.engine.ports import Clock
from bot.slack.web_api import CallFailed, Hopeless, Paced, call

log = logging.getLogger(__name__)
T = TypeVar("T")

_FRESH: Final = 60.0  # seconds
_USABLE: Final = 3600.0
_AGAIN: Final = 1.0  # seconds after a failure in which Slack is not asked again
_ALL: Final = ""  # a limit of calls is about everybody
_MOST: Final = 1000  # answers that are kept of each kind
_UNKNOWN: Final = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_NO_GROUP: Final = frozenset({"no_such_subteam", "subteam_not_found", "invalid_usergroup"})


class People:
    """Asks Slack who somebody is."""

    def __init__(self, client: AsyncWebClient, policy: Policy, clock: Clock) -> None:
        """Use a client that waits out nothing by itself; `policy` says which groups matter."""
        self._client = client
        self._policy = policy
        self._gone: _Known[bool] = _Known(clock, "whether {} is deactivated")
        self._members: _Known[frozenset[str]] = _Known(clock, "who is in the user group {}")

    async def voter(self, user: str, channel: str | None) -> Voter:
        """Somebody who votes from a channel.

        Raises:
            Undecidable: Slack does not answer who that is.
        """
        # Who is named needs no group, so that a vote does not hang on one more answer.
        asked = () if user in self._policy.approvers else tuple(sorted(self._policy.groups))
        gone, *members = await asyncio.gather(
            self._gone.of(user, lambda: self._ask_gone(user)),
            *(self._in_group(group, user) for group in asked),
        )
        groups = frozenset(group for group, listed in zip(asked, members, strict=True) if listed)
        return Voter(user=user, groups=groups, deactivated=gone, channel=channel)

    async def _in_group(self, group: str, user: str) -> bool:
        return user in await self._members.of(group, lambda: self._ask_members(group))

    async def _ask_gone(self, user: str) -> bool:
        try:
            answer = await call(self._client, "users.info", user=user)
        except Hopeless as error:
            if error.code in _UNKNOWN:
                return True
            raise
        return bool((answer.get("user") or {}).get("deleted"))

    async def _ask_members(self, group: str) -> frozenset[str]:
        try:
            answer = await call(self._client, "usergroups.users.list", usergroup=group)
        except Hopeless as error:
            if error.code in _NO_GROUP:
                log.warning("Slack knows no user group %s: nobody is in it.", group)
                return frozenset()
            raise
        return frozenset(str(user) for user in answer.get("users") or ())


@dataclass(frozen=True)
class _Answer(Generic[T]):
    at: float  # monotonic seconds
    value: T


class _Known(Generic[T]):
    """Answers to one question about many; who asks while it is being asked waits with the first."""

    def __init__(self, clock: Clock, question: str) -> None:
        self._clock = clock
        self._question = question
        self._answers: dict[str, _Answer[T]] = {}
        self._asking: dict[str, asyncio.Task[T]] = {}
        self._not_before: dict[str, tuple[float, CallFailed]] = {}

    async def of(self, one: str, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer about one; `ask` asks Slack. Raises Undecidable."""
        now = self._clock.monotonic()
        known = self._answers.get(one)
        if known and now - known.at < _FRESH:
            return known.value
        try:
            return await self._together(one, ask)
        except CallFailed as error:
            if known and now - known.at < _USABLE:
                log.warning("Slack does not say %s; its last answer counts.", self._about(one))
                return known.value
            raise Undecidable(
                f"Slack does not say {self._about(one)} ({error}), so nothing is decided by it.",
                mend="Try again in a minute. Everybody may stop a run with /chaos abort.",
            ) from error

    async def _together(self, one: str, ask: Callable[[], Awaitable[T]]) -> T:
        for about in (_ALL, one):
            until, failed = self._not_before.get(about, (0.0, None))
            if failed and self._clock.monotonic() < until:
                raise failed.with_traceback(None)
        task = self._asking.get(one)
        if task is None:
            task = self._asking[one] = asyncio.create_task(self._asked(one, ask))
        return await asyncio.shield(task)  # one who gives up does not take the answer from others

    async def _asked(self, one: str, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await ask()
        except CallFailed as error:
            about, pause = (_ALL, error.seconds) if isinstance(error, Paced) else (one, _AGAIN)
            self._not_before.pop(about, None)
            self._not_before[about] = (self._clock.monotonic() + pause, error)
            _bound(self._not_before)
            raise
        finally:
            del self._asking[one]
        self._not_before.pop(one, None)
        self._answers.pop(one, None)  # the newest last
        self._answers[one] = _Answer(self._clock.monotonic(), value)
        _bound(self._answers)
        return value

    def _about(self, one: str) -> str:
        return self._question.format(one)


def _bound(kept: dict[str, T]) -> None:
    while len(kept) > _MOST:
        del kept[next(iter(kept))]

"""Slack's rate limits: how often each method may be called.

Most methods have a tier, counted over a sliding minute, so that a short burst passes. Posting is
paced per channel besides: one message a second, with a small burst. Pure: a clock is handed in.
"""

import math
from collections import deque
from collections.abc import Callable

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute
_WINDOW = 60.0  # seconds
_POST_BURST = 5  # messages to one channel at once
_POST_PER_SECOND = 1.0
_POSTS_PER_MINUTE = 300  # in the whole workspace
_SPECIAL = 1200  # calls a minute to methods that Slack lets be called hundreds of times

_METHODS = {
    2: ("conversations.list usergroups.list usergroups.users.list users.list"),
    3: (
        "bots.info chat.delete chat.update conversations.history conversations.info "
        "conversations.join conversations.open conversations.replies reactions.add reactions.get "
        "reactions.remove team.info"
    ),
    4: (
        "api.test chat.postEphemeral conversations.members files.completeUploadExternal "
        "files.getUploadURLExternal files.info users.info views.open views.publish views.push "
        "views.update"
    ),
}
TIER_OF = {method: tier for tier, names in _METHODS.items() for method in names.split()}


class Rates:
    """Counts the calls of one app in one workspace."""

    def __init__(self, clock: Callable[[], float], *, enforced: bool = True) -> None:
        """Start with nothing counted.

        Args:
            clock: Seconds, from any start.
            enforced: Whether calls are refused at all.
        """
        self._clock = clock
        self.enforced = enforced
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def take(self, method: str, channel: str = "") -> int | None:
        """Count a call; None if it may pass, otherwise the seconds to wait.

        Slack does not count a call that it refuses.
        """
        if not self.enforced:
            return None
        if method != "chat.postMessage":
            tier = TIER_OF.get(method)
            return self._window(method, TIERS[tier] if tier else _SPECIAL)
        wait = self._pace(channel)
        if wait is None:
            wait = self._window(method, _POSTS_PER_MINUTE)
        return wait

    def _window(self, method: str, permitted: int) -> int | None:
        now = self._clock()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - _WINDOW:
            calls.popleft()
        if len(calls) >= permitted:
            return max(1, math.ceil(calls[0] + _WINDOW - now))
        calls.append(now)
        return None

    def _pace(self, channel: str) -> int | None:
        now = self._clock()
        left, at = self._posts.get(channel, (float(_POST_BURST), now))
        left = min(float(_POST_BURST), left + (now - at) * _POST_PER_SECOND)
        if left < 1:
            self._posts[channel] = (left, now)
            return max(1, math.ceil((1 - left) / _POST_PER_SECOND))
        self._posts[channel] = (left - 1, now)
        return None

"""A budget: how often Slack lets us call a method. Pure: the time is handed in, in seconds.

Slack allows `chat.update` about 50 times a minute in a workspace (tier 3) and `chat.postMessage`
about once a second in a channel (docs.slack.dev, "Rate limits"). We stay well below.
"""

from __future__ import annotations


class Bucket:
    """Tokens that come back at a steady rate; in any time t at most `holds + rate * t` go out."""

    def __init__(self, *, holds: float, rate: float) -> None:
        """Start full.

        Args:
            holds: The most tokens that there are at once.
            rate: Tokens that come back in a second.
        """
        self._holds = holds
        self._rate = rate
        self._tokens = holds
        self._at: float | None = None
        self._shut_until = float("-inf")

    def wait(self, now: float, *, keep: float = 0.0) -> float:
        """Seconds until a token can be taken that leaves `keep` others; 0.0 if one can now."""
        self._refill(now)
        lacking = max(0.0, 1.0 + keep - self._tokens)
        # A nanosecond of rounding must not become a wait of its own.
        lacking = 0.0 if lacking < 1e-9 else lacking  # noqa: PLR2004
        return max(lacking / self._rate, self._shut_until - now, 0.0)

    def take(self, now: float) -> None:
        """Take one."""
        self._refill(now)
        self._tokens -= 1.0

    def shut(self, now: float, seconds: float) -> None:
        """Slack said 429: give nothing for so long."""
        self._shut_until = max(self._shut_until, now + seconds)

    def _refill(self, now: float) -> None:
        if self._at is not None:
            self._tokens = min(self._holds, self._tokens + (now - self._at) * self._rate)
        self._at = now


def updates() -> Bucket:
    """For `chat.update`: at most 39 in any minute, of which bursts of 9."""
    return Bucket(holds=9.0, rate=0.5)


def posts() -> Bucket:
    """For `chat.postMessage` in one channel: one a second, after a burst of two at most.

    Slack allows short bursts; the root and the live message of a run are one thought.
    """
    return Bucket(holds=2.0, rate=1.0)


def lookups() -> Bucket:
    """For `conversations.history` and `.replies`: at most 25 in any minute."""
    return Bucket(holds=5.0, rate=1 / 3)


class Budgets:
    """All that the painter may spend."""

    def __init__(self) -> None:
        self.updates = updates()
        self.lookups = lookups()
        self._posts: dict[str, Bucket] = {}

    def post(self, channel: str) -> Bucket:
        """For posting in one channel."""
        return self._posts.setdefault(channel, posts())

"""A memory of what was heard: Slack sends again what it believes was lost.

Retries come at once, after one minute and after five, so ten minutes are enough (facts: Slack's
Events API documentation). What was sent again carries the same `trigger_id`, an event the same
`event_id`, however it comes (Socket Mode, HTTP).
"""

from __future__ import annotations

from bot.engine.ports import Clock

_SECONDS = 600.0


class Memory:
    """Knows for ten minutes what it has been told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}  # oldest first

    def again(self, what: str) -> bool:
        """Whether this was heard before; from now on it was. Nothing ("") is always new."""
        now = self._clock.monotonic()
        while self._heard and now - next(iter(self._heard.values())) >= _SECONDS:
            del self._heard[next(iter(self._heard))]
        if not what:
            return False
        known = what in self._heard
        self._heard.setdefault(what, now)
        return known

"""Contact: when each part that a run depends on was last heard, for the dead man's switch."""

from __future__ import annotations

from bot.engine.ports import Clock


class Contact:
    """Knows what is silent. A part counts from the first time that it is heard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, float] = {}

    def heard(self, part: str) -> None:
        """A part has answered just now."""
        self._heard[part] = self._clock.monotonic()

    def all_heard(self) -> None:
        """Begin anew: it was we who were not there to listen."""
        for part in self._heard:
            self.heard(part)

    def since(self, part: str) -> float:
        """Seconds since a part was heard; 0.0 for one that never was."""
        return self._clock.monotonic() - self._heard.get(part, self._clock.monotonic())

    def silent(self, limit: float) -> dict[str, float]:
        """The parts that were not heard for longer than `limit`, with the seconds of silence."""
        silence = {part: self.since(part) for part in self._heard}
        return {part: seconds for part, seconds in silence.items() if seconds > limit}

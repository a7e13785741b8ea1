"""Faults on demand: make Web API methods misbehave for the next few calls, or for a while.

Tests and demonstrations ask for them at the page's door; without asking there are none. Weather
that was met in practice, in these terms:

    a storm of 429        method="chat.*", status=429, retry_after=30, lasting=60
    Slack is ill          method="*", status=500, lasting=10
    a slow answer         method="chat.update", seconds=4               (then it takes effect)
    a late answer         method="chat.update", seconds=4, after=True   (it took effect at once)
    a lost answer         method="chat.postMessage", drop=True, after=True
    a refusal             method="chat.update", error="invalid_blocks"
    no way to reconnect   method="apps.connections.open", error="internal_error", lasting=5
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(kw_only=True)
class Fault:
    """What the next `times` calls of `method` meet, or with `lasting` all of them for a while.

    Attributes:
        method: A method, or a pattern such as `chat.*`, or `*` for any.
        times: How many calls meet it; with `lasting` it does not count.
        lasting: Seconds of the sandbox's clock for which every call meets it; 0 goes by `times`.
        status: HTTP status; 429 answers `ratelimited`, 500 and above answer no JSON.
        retry_after: Seconds in the `Retry-After` header of a 429.
        error: Slack's error code to answer with, such as `fatal_error`.
        seconds: How long to wait before anything else.
        drop: Whether the connection breaks off in place of an answer.
        after: Whether the call takes effect before it fails (the answer is late or lost).
    """

    method: str
    times: int = 1
    lasting: float = 0.0
    status: int = 200
    retry_after: int = 1
    error: str = ""
    seconds: float = 0.0
    drop: bool = False
    after: bool = False

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Fault":
        """Read a fault from the door's JSON, with the names of the attributes."""
        return cls(
            method=str(body.get("method", "*")),
            times=int(body.get("times", 1)),
            lasting=float(body.get("lasting", 0)),
            status=int(body.get("status", 200)),
            retry_after=int(body.get("retry_after", 1)),
            error=str(body.get("error", "")),
            seconds=float(body.get("seconds", 0)),
            drop=bool(body.get("drop", False)),
            after=bool(body.get("after", False)),
        )


class Faults:
    """The faults that wait for their call."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with none; `clock` gives seconds, from any start."""
        self._clock = clock
        self._waiting: list[tuple[Fault, float]] = []  # each with when it was asked for

    def add(self, fault: Fault) -> None:
        """Let a fault wait; one that lasts begins now."""
        self._waiting.append((fault, self._clock()))

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, used up by one."""
        now = self._clock()
        for entry in list(self._waiting):
            fault, since = entry
            if fault.lasting and now - since > fault.lasting:
                self._waiting.remove(entry)
            elif fnmatchcase(method, fault.method):
                if not fault.lasting:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(entry)
                return fault
        return None

"""Faults on demand: make a Web API method misbehave for the next few calls.

Tests and demonstrations ask for them at the page's door; without asking there are none.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(kw_only=True)
class Fault:
    """What the next `times` calls of `method` (`*` for any) meet.

    Attributes:
        status: HTTP status; 429 answers `ratelimited`, 500 and above answer no JSON.
        retry_after: Seconds in the `Retry-After` header of a 429.
        error: Slack's error code to answer with, such as `fatal_error`.
        seconds: How long to wait before anything else.
        after: Whether the call takes effect before it fails (the answer is lost).
    """

    method: str
    times: int = 1
    status: int = 200
    retry_after: int = 1
    error: str = ""
    seconds: float = 0.0
    after: bool = False

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> "Fault":
        """Read a fault from the door's JSON, with the names of the attributes."""
        return cls(
            method=str(body.get("method", "*")),
            times=int(body.get("times", 1)),
            status=int(body.get("status", 200)),
            retry_after=int(body.get("retry_after", 1)),
            error=str(body.get("error", "")),
            seconds=float(body.get("seconds", 0)),
            after=bool(body.get("after", False)),
        )


class Faults:
    """The faults that wait for their call."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait."""
        self.waiting.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        self.waiting.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets, used up by one."""
        for fault in self.waiting:
            if fault.method in {method, "*"}:
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None

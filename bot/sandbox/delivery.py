"""What is sent to the app, over its sockets or to its request URL, and why it may not arrive."""

from __future__ import annotations

from dataclasses import dataclass, field


class UndeliveredError(Exception):
    """The app did not get it, or did not acknowledge it in time."""

    def __init__(self, reason: str, told: str, *, final: bool = False) -> None:
        """Fail for a reason.

        Args:
            reason: Slack's word for it when it sends an event again, such as `http_timeout`.
            told: Slack's word for it to who typed a command, such as `operation_timeout`.
            final: Whether the app asked not to be sent it again.
        """
        super().__init__(reason)
        self.reason = reason
        self.told = told
        self.final = final


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One sending, as it went out, so that it can be looked at or sent once more.

    Attributes:
        at: Seconds since 1970.
        kind: `slash_commands`, `interactive` or `events_api`.
        payload: What happened, as JSON.
        attempt: For events: which retry it was, 0 for the first sending.
        url: The request URL; empty over Socket Mode, and so are the next two.
        headers: Those of the request, the signature among them.
        body: That of the request, byte for byte.
    """

    at: float
    kind: str
    payload: str
    attempt: int = 0
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

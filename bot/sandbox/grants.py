"""Short-lived permissions that Slack hands out with an interaction.

A trigger id lets the app open a view: once, within 3 seconds. A response URL lets it answer where
it was called from: 5 times, within 30 minutes. Pure; a clock is handed in.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.errors import SlackError

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 1800.0
RESPONSE_USES = 5
_KEPT = 5000  # of each kind; the oldest go first


@dataclass(kw_only=True)
class Trigger:
    """Whose click it was, when, and whether it has opened a view already."""

    user: str
    at: float
    used: bool = False


@dataclass(kw_only=True)
class Response:
    """Where an answer goes: to a user in a channel, about `message_ts` if there is one."""

    user: str
    channel: str
    at: float
    message_ts: str | None = None
    ephemeral: bool = False
    uses: int = 0


class Grants:
    """The permissions that are out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, Response] = {}

    def trigger(self, user: str) -> str:
        """A new trigger id for something that `user` just did."""
        identity = (
            f"{int(self._clock() * 1000)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        )
        self._triggers[identity] = Trigger(user=user, at=self._clock())
        _bound(self._triggers)
        return identity

    def use_trigger(self, identity: str) -> str:
        """Spend a trigger id; the user whose it was.

        Raises:
            SlackError: `invalid_trigger_id`, `expired_trigger_id` or `exchanged_trigger_id`.
        """
        trigger = self._triggers.get(identity)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if self._clock() - trigger.at > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        trigger.used = True
        return trigger.user

    def response(
        self, user: str, channel: str, message_ts: str | None = None, *, ephemeral: bool = False
    ) -> str:
        """A new id for a response URL."""
        identity = secrets.token_urlsafe(18)
        self._responses[identity] = Response(
            user=user,
            channel=channel,
            at=self._clock(),
            message_ts=message_ts,
            ephemeral=ephemeral,
        )
        _bound(self._responses)
        return identity

    def use_response(self, identity: str) -> Response:
        """Use a response URL once.

        Raises:
            SlackError: `no_such_url`, `expired_url` or `used_url`, all with status 404.
        """
        response = self._responses.get(identity)
        if response is None:
            raise SlackError("no_such_url", status=404)
        if self._clock() - response.at > RESPONSE_SECONDS:
            raise SlackError("expired_url", status=404)
        if response.uses >= RESPONSE_USES:
            raise SlackError("used_url", status=404)
        response.uses += 1
        return response


def _bound(kept: dict[str, Trigger] | dict[str, Response]) -> None:
    while len(kept) > _KEPT:
        del kept[next(iter(kept))]

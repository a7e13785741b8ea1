"""Clean: nothing secret is said in Slack, wherever it came from: the last edge before the network."""

from __future__ import annotations

import json as text
from collections.abc import Collection
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.secrets import json_without_secrets

# What Slack or we read back is no prose, and stays as it is.
_KEPT: Final = frozenset(
    {
        *("action_id", "block_id", "callback_id", "channel", "event_type", "hash", "key"),
        *("parse", "started_at", "style", "thread_ts", "trigger_id", "ts", "type", "user"),
        *("value", "view_id", "private_metadata"),
    }
)


def clean(body: dict[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """What is to be said, without the secrets in it."""
    given = text.dumps(body, ensure_ascii=False)
    kept = json_without_secrets(given, secrets, keep=_KEPT)
    return body if kept is given else dict(text.loads(kept))


class CleanClient(AsyncWebClient):
    """A Web API client that says nothing secret."""

    def __init__(self, token: str | None, secrets: Collection[str], **settings: Any) -> None:
        super().__init__(token, **settings)
        self._secrets = frozenset(secrets)

    async def api_call(
        self, api_method: str, *, json: dict[str, Any] | None = None, **rest: Any
    ) -> AsyncSlackResponse:
        """Call a method; what it is given as JSON is cleaned first."""
        given = None if json is None else clean(json, self._secrets)
        return await super().api_call(api_method, json=given, **rest)

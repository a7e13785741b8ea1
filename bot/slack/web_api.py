"""Slack's Web API; what the SDK raises is translated here, once.

CallFailed
├── Paced      429: wait so many seconds; it had no effect
├── Uncertain  no answer, or a server's error: it may have had its effect
├── Gone       the message is no longer there
└── Hopeless   it will not work until somebody changes something; `code` is Slack's word
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.models.metadata import Metadata
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.model import iso
from bot.slack.thread import Desired

EVENT_TYPE: Final = "chaosbot_message"
_TRANSIENT: Final = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_GONE: Final = frozenset({"message_not_found"})
_PAGES, _PAGE = 5, 200
# Methods that read take no JSON; the others do.
_READING: Final = ("auth.", "chat.getPermalink", "conversations.", "usergroups.", "users.")
_SERVER_ERROR, _RATE_LIMITED = 500, 429
_PATIENCE = 5.0  # seconds to wait after a 429 without Retry-After
# Errors of what was to be painted, not of where: another content may pass.
_CONTENT: Final = frozenset(
    {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text"}
)


class CallFailed(Exception):  # noqa: N818 - reads as what happened
    """Slack did not do what it was asked for."""


class Paced(CallFailed):
    """Too many calls; come back in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"rate limited for {seconds:g} s")
        self.seconds = seconds


class Uncertain(CallFailed):
    """Nobody knows whether it took effect."""


class Gone(CallFailed):
    """Somebody deleted the message."""


class Hopeless(CallFailed):
    """It will not mend itself."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def about_content(self) -> bool:
        """Whether another content could pass in the same place."""
        return self.code in _CONTENT


@dataclass(frozen=True, kw_only=True)
class Label:
    """What marks a message as ours, in its metadata: which run, and which of its messages."""

    run: int
    key: str
    started_at: datetime

    @property
    def payload(self) -> dict[str, Any]:
        """The metadata's payload; the start tells runs of two journals apart."""
        return {"run": self.run, "key": self.key, "started_at": iso(self.started_at)}


class WebApi:
    """Posts, updates and finds messages. All methods raise CallFailed."""

    def __init__(self, client: AsyncWebClient) -> None:
        """Use a client without handlers that wait out a 429: pacing is the painter's."""
        self._client = client

    async def post(
        self, channel: str, desired: Desired, label: Label, thread_ts: str | None
    ) -> tuple[str, str]:
        """Post a message; the channel's id and its timestamp, as Slack names them."""
        answer = await self._call(
            "chat.postMessage",
            channel=channel,
            text=desired.text,
            blocks=list(desired.blocks),
            thread_ts=thread_ts,
            metadata=Metadata(event_type=EVENT_TYPE, event_payload=label.payload).to_dict(),
            parse="none",
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer.get("channel") or channel), str(answer["ts"])

    async def update(self, channel: str, ts: str, desired: Desired) -> None:
        """Make a message say what it should. Without metadata in the call, Slack keeps it."""
        await self._call(
            "chat.update",
            channel=channel,
            ts=ts,
            text=desired.text,
            blocks=list(desired.blocks),
            parse="none",
        )

    async def find(self, channel: str, label: Label, thread_ts: str | None) -> str | None:
        """The timestamp of a message that was posted with this label, None if there is none."""
        where: dict[str, Any] = {"channel": channel, "limit": _PAGE, "include_all_metadata": True}
        method = "conversations.history"
        if thread_ts:
            method, where = "conversations.replies", {**where, "ts": thread_ts}
        else:
            where["oldest"] = f"{label.started_at.timestamp() - 60:.6f}"
        for _ in range(_PAGES):
            answer = await self._call(method, **where)
            for message in answer.get("messages") or ():
                metadata = message.get("metadata") or {}
                ours = metadata.get("event_type") == EVENT_TYPE
                if ours and metadata.get("event_payload") == label.payload:
                    return str(message["ts"])
            where["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor")
            if not where["cursor"]:
                break
        return None

    async def _call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        return await call(self._client, method, **arguments)


async def call(client: AsyncWebClient, method: str, **arguments: Any) -> Mapping[str, Any]:
    """What a method answers; arguments that are None are left out. Raises CallFailed."""
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        if method.startswith(_READING):
            answer = await client.api_call(method, http_verb="GET", params=given)
        else:
            answer = await client.api_call(method, json=given)
    except SlackApiError as error:
        raise _translated(error) from error
    except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise Uncertain(f"{method}: {type(error).__name__}: {error}") from error
    if not isinstance(answer.data, dict):
        raise Uncertain(f"{method}: the answer is no JSON object")
    return answer.data


def _translated(error: SlackApiError) -> CallFailed:
    response = error.response
    status: int = getattr(response, "status_code", None) or getattr(response, "status", 0) or 0
    if status == _RATE_LIMITED:
        return Paced(_retry_after(getattr(response, "headers", {})))
    data = getattr(response, "data", None)
    code = str(data.get("error") or "") if isinstance(data, dict) else ""
    if code == "ratelimited":
        return Paced(_retry_after(getattr(response, "headers", {})))
    if status >= _SERVER_ERROR or code in _TRANSIENT or not code:
        return Uncertain(code or f"status {status}")
    return Gone(code) if code in _GONE else Hopeless(code)


def _retry_after(headers: Any) -> float:
    """Seconds that Slack asks to wait. The SDK's own handler reads only the first digit."""
    try:
        given = {str(k).lower(): v for k, v in dict(headers).items()}["retry-after"]
        return max(1.0, float(given if isinstance(given, str) else given[0]))
    except (TypeError, ValueError, IndexError, KeyError):
        return _PATIENCE

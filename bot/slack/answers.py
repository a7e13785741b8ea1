"""Answers: what only the one who asked can see, sent to the `response_url` of what they did.

Slack takes five answers within 30 minutes at each such URL, wherever it came from, also in
channels that the bot is not in.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.blocks import BlockJson
from bot.slack.mrkdwn import Markup

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who did what where: all that is needed of a command's or a click's payload."""

    user: str
    channel: str | None
    text: str  # of a command, or the value of a button
    response_url: str
    trigger_id: str
    thread_ts: str | None = None

    @classmethod
    def by_command(cls, body: dict[str, Any]) -> Self:
        """From the payload of a slash command."""
        return cls(
            user=str(body.get("user_id") or ""),
            channel=body.get("channel_id") or None,
            text=str(body.get("text") or ""),
            response_url=str(body.get("response_url") or ""),
            trigger_id=str(body.get("trigger_id") or ""),
        )

    @classmethod
    def by_click(cls, body: dict[str, Any]) -> Self:
        """From the payload of a click in a message."""
        container = body.get("container") or {}
        message = body.get("message") or {}
        action = (body.get("actions") or [{}])[0]
        thread = container.get("thread_ts") or message.get("thread_ts")
        return cls(
            user=str((body.get("user") or {}).get("id") or ""),
            channel=(body.get("channel") or {}).get("id") or container.get("channel_id"),
            text=str(action.get("value") or ""),
            response_url=str(body.get("response_url") or ""),
            trigger_id=str(body.get("trigger_id") or ""),
            thread_ts=str(thread) if thread else None,
        )

    @classmethod
    def by(cls, body: dict[str, Any]) -> Self:
        """From either payload."""
        return cls.by_click(body) if body.get("actions") else cls.by_command(body)


class Answers:
    """Sends answers. A failure is logged: there is nobody else to tell."""

    def __init__(self, session: aiohttp.ClientSession, *, proxy: str | None) -> None:
        self._session = session
        self._proxy = proxy

    async def tell(
        self, asked: Asked, text: Markup | str, blocks: Sequence[BlockJson] = ()
    ) -> None:
        """Tell the one who asked, in the thread where they did."""
        body: dict[str, Any] = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": text,
        }
        if blocks:
            body["blocks"] = list(blocks)
        if asked.thread_ts:
            body["thread_ts"] = asked.thread_ts
        if not asked.response_url:
            log.warning("There is no response_url to answer %s at.", asked.user)
            return
        client = AsyncWebhookClient(asked.response_url, session=self._session)
        client.proxy = self._proxy
        try:
            answer = await client.send_dict(body)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("%s could not be answered: %s", asked.user, error)
            return
        if answer.status_code != 200:  # noqa: PLR2004 - OK
            log.warning("%s could not be answered: %s", asked.user, answer.body)

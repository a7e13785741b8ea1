"""Answers: what only the one who asked can see, sent to the `response_url` of what they did.

Slack takes five answers within 30 minutes at each such URL, wherever it came from, also in
channels that the bot is not in. What has no such URL, a mention or a dialog, is answered with
`chat.postEphemeral`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.blocks import BlockJson
from bot.slack.clean import clean
from bot.slack.mrkdwn import Markup
from bot.slack.web_api import CallFailed, call

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who did what where: all that is needed of the payload.

    Attributes:
        text: Of a command or a mention, the value of a button, or the words that a dialog keeps.
        thread_ts: The thread where they did it.
        message_ts: The message that was clicked in, or that mentions us.
    """

    user: str
    channel: str | None
    text: str
    response_url: str = ""
    trigger_id: str = ""
    thread_ts: str | None = None
    message_ts: str | None = None

    @classmethod
    def by_command(cls, body: Mapping[str, Any]) -> Self:
        """From the payload of a slash command."""
        return cls(
            user=_text(body, "user_id"),
            channel=_text(body, "channel_id") or None,
            text=_text(body, "text"),
            response_url=_text(body, "response_url"),
            trigger_id=_text(body, "trigger_id"),
        )

    @classmethod
    def by_click(cls, body: Mapping[str, Any]) -> Self:
        """From the payload of a click in a message."""
        container, message = _part(body, "container"), _part(body, "message")
        channel = _text(_part(body, "channel"), "id") or _text(container, "channel_id")
        return cls(
            user=_text(_part(body, "user"), "id"),
            channel=channel or None,
            text=_text(_action(body), "value"),
            response_url=_text(body, "response_url"),
            trigger_id=_text(body, "trigger_id"),
            thread_ts=_text(container, "thread_ts") or _text(message, "thread_ts") or None,
            message_ts=_text(container, "message_ts") or _text(message, "ts") or None,
        )

    @classmethod
    def by_mention(cls, body: Mapping[str, Any]) -> Self:
        """From the payload of an event in which we are mentioned."""
        event = _part(body, "event")
        return cls(
            user=_text(event, "user"),
            channel=_text(event, "channel") or None,
            text=_text(event, "text"),
            thread_ts=_text(event, "thread_ts") or None,
            message_ts=_text(event, "ts") or None,
        )

    @classmethod
    def by_dialog(cls, body: Mapping[str, Any]) -> Self:
        """From the payload of something done in a dialog of ours, which keeps where it belongs."""
        kept = dialog_keeps(body)
        return cls(
            user=_text(_part(body, "user"), "id"),
            channel=_text(kept, "channel") or None,
            text=_text(_action(body), "value") or _text(kept, "words"),
            trigger_id=_text(body, "trigger_id"),
            thread_ts=_text(kept, "thread_ts") or None,
        )

    @classmethod
    def by(cls, body: Mapping[str, Any]) -> Self:
        """From any payload."""
        if body.get("view"):
            return cls.by_dialog(body)
        if body.get("event"):
            return cls.by_mention(body)
        return cls.by_click(body) if body.get("actions") else cls.by_command(body)


def dialog_keeps(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a dialog's `private_metadata` holds; {} if that is none of ours."""
    try:
        kept = json.loads(_text(_part(body, "view"), "private_metadata") or "{}")
    except ValueError:
        return {}
    return kept if isinstance(kept, dict) else {}


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    text = body.get(name)
    return text if isinstance(text, str) else ""


def _action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    return first if isinstance(first, dict) else {}


class Answers:
    """Sends answers. A failure is logged: there is nobody else to tell."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        client: AsyncWebClient,
        *,
        proxy: str | None,
        secrets: Collection[str] = (),
    ) -> None:
        self._secrets = secrets
        self._session = session
        self._client = client
        self._proxy = proxy

    async def tell(
        self, asked: Asked, text: Markup | str, blocks: Sequence[BlockJson] = ()
    ) -> None:
        """Tell the one who asked, in the thread where they did."""
        if not asked.response_url:
            await self._whisper(asked, text, blocks)
            return
        body: dict[str, Any] = {
            "response_type": "ephemeral",
            "replace_original": False,
            "text": text,
        }
        if blocks:
            body["blocks"] = list(blocks)
        if asked.thread_ts:
            body["thread_ts"] = asked.thread_ts
        client = AsyncWebhookClient(asked.response_url, session=self._session)
        client.proxy = self._proxy
        try:
            answer = await client.send_dict(clean(body, self._secrets))
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("%s could not be answered: %s", asked.user, error)
            return
        if answer.status_code != 200:  # noqa: PLR2004 - OK
            log.warning("%s could not be answered: %s", asked.user, answer.body)

    async def _whisper(self, asked: Asked, text: Markup | str, blocks: Sequence[BlockJson]) -> None:
        if not asked.channel or not asked.user:
            log.warning("Nobody knows where to answer %s.", asked.user or "somebody")
            return
        try:
            await call(
                self._client,
                "chat.postEphemeral",
                channel=asked.channel,
                user=asked.user,
                thread_ts=asked.thread_ts,
                text=text,
                blocks=list(blocks) or None,
                parse="none",
            )
        except CallFailed as error:
            log.warning("%s could not be answered: %s", asked.user, error)

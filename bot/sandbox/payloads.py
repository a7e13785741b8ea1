"""The JSON that the app receives, over whichever way, field for field as Slack sends it."""

import secrets
from typing import Any

from bot.sandbox import directory
from bot.sandbox.messages import Channel, Message
from bot.sandbox.slack import Slack

_TOKEN = "sandbox-verification-token"  # noqa: S105  Slack's obsolete field; nobody checks it


def command(slack: Slack, name: str, text: str, user: str, channel: Channel) -> dict[str, Any]:
    """A slash command, with a fresh trigger id and response URL."""
    return {
        "token": _TOKEN,
        "team_id": directory.TEAM,
        "team_domain": directory.TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel.name or "directmessage",
        "user_id": user,
        "user_name": slack.workspace.people.users[user].name,
        "command": name,
        "text": text,
        "api_app_id": directory.APP,
        "is_enterprise_install": "false",
        "response_url": response_url(slack, user, channel.id),
        "trigger_id": slack.grants.trigger(user),
    }


def response_url(
    slack: Slack, user: str, channel: str, ts: str | None = None, *, ephemeral: bool = False
) -> str:
    """A URL at which the app may answer."""
    identity = slack.grants.response(user, channel, ts, ephemeral=ephemeral)
    return f"{slack.url}/response/{directory.TEAM}/{identity}"


def interaction(slack: Slack, kind: str, user: str) -> dict[str, Any]:
    """What all interactions have in common."""
    return {
        "type": kind,
        "user": {
            "id": user,
            "username": slack.workspace.people.users[user].name,
            "name": slack.workspace.people.users[user].name,
            "team_id": directory.TEAM,
        },
        "api_app_id": directory.APP,
        "token": _TOKEN,
        "trigger_id": slack.grants.trigger(user),
        "team": {"id": directory.TEAM, "domain": directory.TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(
    slack: Slack, user: str, channel: Channel, message: Message, actions: list[dict[str, Any]]
) -> dict[str, Any]:
    """A click in a message; the caller adds `state`."""
    ephemeral = message.visible_to is not None
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    body = interaction(slack, "block_actions", user) | {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "response_url": response_url(slack, user, channel.id, message.ts, ephemeral=ephemeral),
        "actions": actions,
    }
    if not ephemeral:
        body["message"] = channel.message_as_slack(message)
    return body


def view_action(
    slack: Slack, user: str, view: dict[str, Any], actions: list[dict[str, Any]]
) -> dict[str, Any]:
    """A click in a modal or in App Home."""
    return interaction(slack, "block_actions", user) | {
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "actions": actions,
    }


def event(slack: Slack, body: dict[str, Any]) -> dict[str, Any]:
    """An event of the Events API."""
    return {
        "token": _TOKEN,
        "team_id": directory.TEAM,
        "context_team_id": directory.TEAM,
        "context_enterprise_id": None,
        "api_app_id": directory.APP,
        "event": body,
        "type": "event_callback",
        "event_id": "Ev0" + secrets.token_hex(5).upper()[:9],
        "event_time": int(slack.clock()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": directory.TEAM,
                "user_id": directory.BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{secrets.token_hex(12)}",
    }

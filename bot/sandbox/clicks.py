"""A click: the `block_actions` payload of what a user chose, on their screen or past it."""

from __future__ import annotations

from typing import Any

from bot.sandbox import choices, payloads
from bot.sandbox.errors import SlackError
from bot.sandbox.forgery import forge
from bot.sandbox.messages import Message
from bot.sandbox.slack import Slack

Json = dict[str, Any]


def payload(slack: Slack, user: str, body: Json) -> Json:
    """What the app is sent for a click.

    Args:
        slack: Where it happens.
        user: Who does it.
        body: `channel` and `ts`, or `view_id`; `action_id`, optionally `block_id`; `choice` for
            what was chosen; `choices` by block id and action id for what else stands chosen;
            `old_screen` to find what the message showed once and does not show any more;
            `forged` for what to change in the payload, see `forgery.forge`.

    Raises:
        SlackError: `message_not_found` or `action_not_found`; the reader may have an old screen.
    """
    made = _in_view(slack, user, body) if body.get("view_id") else _in_message(slack, user, body)
    forged = body.get("forged")
    try:
        return forge(made, forged) if forged else made
    except ValueError as error:
        raise SlackError("invalid_arguments", [f"[ERROR] {error}"]) from error


def _in_message(slack: Slack, user: str, body: Json) -> Json:
    channel = slack.workspace.channel(str(body.get("channel")))
    ts = str(body.get("ts"))
    message = slack.workspace.ephemeral(user, ts) or slack.workspace.message(channel, ts)
    blocks = _once_shown(message, body) if body.get("old_screen") else message.blocks
    action, state = _chosen(slack, blocks, body)
    return payloads.message_action(slack, user, channel, message, [action]) | {"state": state}


def _in_view(slack: Slack, user: str, body: Json) -> Json:
    view = slack.views.find(str(body["view_id"]))
    action, view["state"] = _chosen(slack, view["blocks"], body)
    return payloads.view_action(slack, user, view, [action])


def _once_shown(message: Message, body: Json) -> list[Json]:
    """The newest blocks of a message that hold what is clicked."""
    for version in reversed(message.versions):
        if _found(version["blocks"], body):
            return list(version["blocks"])
    return message.blocks


def _found(blocks: list[Json], body: Json) -> tuple[Json, Json] | None:
    action_id, block_id = str(body.get("action_id")), str(body.get("block_id") or "")
    return choices.find_element(blocks, action_id, block_id)


def _chosen(slack: Slack, blocks: list[Json], body: Json) -> tuple[Json, Json]:
    """The action, and the state of everything around it."""
    found = _found(blocks, body)
    if found is None:
        raise SlackError("action_not_found")
    block, element = found
    held = {block_id: dict(own) for block_id, own in (body.get("choices") or {}).items()}
    held.setdefault(block["block_id"], {})[element["action_id"]] = body.get("choice")
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        **{name: element[name] for name in ("text", "style", "url") if name in element},
        **choices.chosen(element, body.get("choice")),
        "action_ts": slack.workspace.new_ts(),
    }
    return action, {"values": choices.state_with(blocks, held)}

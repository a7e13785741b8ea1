"""The Web API methods `chat.*`."""

from typing import Any

from bot.sandbox import directory
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.limits import check_message
from bot.sandbox.messages import Channel, Message
from bot.sandbox.slack import Slack
from bot.sandbox.views import with_ids

_METADATA_BYTES = 8000
_PICTURES = (".png", ".jpg", ".jpeg", ".gif")


async def post_message(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`chat.postMessage`."""
    channel = _own_channel(slack, call)
    text, blocks = _content(slack, call, update=False)
    thread = call.text("thread_ts")
    message = Message(
        ts=slack.workspace.new_ts(),
        channel=channel.id,
        user=directory.BOT_USER,
        text=text,
        blocks=with_ids(blocks),
        thread_ts=slack.workspace.root_of(channel, thread) if thread else None,
        broadcast=bool(thread) and call.flag("reply_broadcast"),
        from_app=True,
        metadata=_metadata(call),
    )
    slack.workspace.post(channel, message)
    body = channel.message_as_slack(message)
    return {"channel": channel.id, "ts": message.ts, "message": body}


async def update(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`chat.update`: text without blocks removes the blocks, and shows as edited."""
    channel = slack.workspace.channel(call.required("channel"))
    message = slack.workspace.message(channel, call.required("ts"))
    if not message.from_app:
        raise SlackError("cant_update_message")
    text, blocks = _content(slack, call, update=True)
    message.text, message.blocks = text, with_ids(blocks)
    if not blocks:
        message.edited = {"user": directory.BOT_USER, "ts": slack.workspace.new_ts()}
    if call.has("metadata"):
        message.metadata = _metadata(call)
    slack.workspace.changed(channel, message)
    body = channel.message_as_slack(message)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": body}


async def delete(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`chat.delete`."""
    channel = slack.workspace.channel(call.required("channel"))
    message = slack.workspace.message(channel, call.required("ts"))
    if not message.from_app:
        raise SlackError("cant_delete_message")
    slack.workspace.delete(channel, message)
    return {"channel": channel.id, "ts": message.ts}


async def post_ephemeral(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`chat.postEphemeral`."""
    channel = _own_channel(slack, call)
    user = call.required("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = _content(slack, call, update=False)
    thread = call.text("thread_ts")
    message = Message(
        ts=slack.workspace.new_ts(),
        channel=channel.id,
        user=directory.BOT_USER,
        text=text,
        blocks=with_ids(blocks),
        thread_ts=slack.workspace.root_of(channel, thread) if thread else None,
        from_app=True,
        visible_to=user,
    )
    slack.workspace.post_ephemeral(message)
    return {"message_ts": message.ts}


async def get_permalink(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`chat.getPermalink`: the page's own deep link."""
    channel = slack.workspace.channel(call.required("channel"))
    message = slack.workspace.message(channel, call.required("message_ts"))
    link = f"{slack.url}/#{channel.id}/{message.thread_ts or message.ts}"
    return {"channel": channel.id, "permalink": link}


def _own_channel(slack: Slack, call: Arguments) -> Channel:
    channel = slack.workspace.channel(call.required("channel"))
    if directory.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _content(slack: Slack, call: Arguments, *, update: bool) -> tuple[str, list[dict[str, Any]]]:
    text = call.text("text")
    blocks = call.structure("blocks", "invalid_blocks_format")
    if blocks is not None and not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if not text.strip() and not blocks:
        raise SlackError("no_text")
    check_message(text, blocks or [], update=update)
    _check_pictures(slack, blocks or [])
    return text, blocks or []


def _check_pictures(slack: Slack, blocks: list[dict[str, Any]]) -> None:
    for index, block in enumerate(blocks):
        picture = block.get("slack_file") if block["type"] == "image" else None
        if picture is None:
            continue
        file = slack.workspace.files.get(str(picture.get("id")))
        if file is None or not file.complete or not file.name.lower().endswith(_PICTURES):
            raise SlackError(
                "invalid_blocks",
                [f"[ERROR] invalid slack file [json-pointer:/blocks/{index}/slack_file]"],
            )


def _metadata(call: Arguments) -> dict[str, Any] | None:
    given = call.structure("metadata", "metadata_must_be_sent_as_json")
    if not given:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(str(given).encode()) > _METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": given["event_type"], "event_payload": given["event_payload"]}

"""The Web API methods `conversations.*` and `reactions.*`."""

from typing import Any, TypeVar

from bot.sandbox import directory
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Channel, Message
from bot.sandbox.slack import Slack

_Item = TypeVar("_Item")
_MOST = 999
_DEFAULT = 100


async def list_all(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.list`."""
    kinds = call.text("types", "public_channel").replace(" ", "").split(",")
    found = [
        channel.as_slack()
        for channel in slack.workspace.channels.values()
        if ("im" if channel.im_with else "public_channel") in kinds
    ]
    return _page(call, "channels", found)


async def info(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.info`."""
    return {"channel": slack.workspace.channel(call.required("channel")).as_slack()}


async def history(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.history`: newest first, without replies."""
    channel = _readable(slack, call)
    within = _between(call, list(reversed(channel.roots())))
    answer = _page(call, "messages", [_body(channel, message, call) for message in within])
    cursor = answer["response_metadata"]["next_cursor"]
    return answer | {"has_more": bool(cursor), "pin_count": 0}


async def replies(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.replies`: the root, then the replies, oldest first."""
    channel = _readable(slack, call)
    root = channel.messages[slack.workspace.root_of(channel, call.required("ts"))]
    within = _between(call, channel.replies(root.ts))
    bodies = [_body(channel, message, call) for message in [root, *within]]
    answer = _page(call, "messages", bodies)
    return answer | {"has_more": bool(answer["response_metadata"]["next_cursor"])}


async def members(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.members`."""
    channel = slack.workspace.channel(call.required("channel"))
    return _page(call, "members", sorted(channel.members))


async def join(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.join`."""
    channel = slack.workspace.channel(call.required("channel"))
    if channel.im_with:
        raise SlackError("method_not_supported_for_channel_type")
    already = directory.BOT_USER in channel.members
    channel.members.add(directory.BOT_USER)
    warning = {"warning": "already_in_channel"} if already else {}
    return {"channel": channel.as_slack(), **warning}


async def open_direct(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`conversations.open` with one user."""
    user = call.text("users")
    if user not in {person.id for person in slack.workspace.people.people()}:
        raise SlackError("user_not_found" if user else "users_list_not_supplied")
    channel = slack.workspace.direct(user)
    return {"channel": channel.as_slack() if call.flag("return_im") else {"id": channel.id}}


async def add_reaction(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`reactions.add`."""
    channel, message = _reacted(slack, call)
    slack.workspace.react(channel, message, _emoji(call), directory.BOT_USER)
    return {}


async def remove_reaction(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`reactions.remove`."""
    channel, message = _reacted(slack, call)
    slack.workspace.unreact(channel, message, _emoji(call), directory.BOT_USER)
    return {}


async def get_reactions(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`reactions.get`."""
    channel, message = _reacted(slack, call)
    body = channel.message_as_slack(message)
    return {"type": "message", "channel": channel.id, "message": body}


def _emoji(call: Arguments) -> str:
    name = call.text("name").strip(":")
    if not name:
        raise SlackError("invalid_name")
    return name


def _reacted(slack: Slack, call: Arguments) -> tuple[Channel, Message]:
    channel = slack.workspace.channel(call.required("channel"))
    return channel, slack.workspace.message(channel, call.required("timestamp"))


def _readable(slack: Slack, call: Arguments) -> Channel:
    channel = slack.workspace.channel(call.required("channel"))
    if directory.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _body(channel: Channel, message: Message, call: Arguments) -> dict[str, Any]:
    return channel.message_as_slack(message, metadata=call.flag("include_all_metadata"))


def _between(call: Arguments, messages: list[Message]) -> list[Message]:
    oldest, latest = call.text("oldest", "0") or "0", call.text("latest")
    inclusive = call.flag("inclusive")
    try:
        low = float(oldest)
        high = float(latest) if latest and latest != "now" else float("inf")
    except ValueError:
        raise SlackError("invalid_ts_latest" if latest else "invalid_ts_oldest") from None
    return [
        message
        for message in messages
        if low < float(message.ts) < high or (inclusive and float(message.ts) in {low, high})
    ]


def _page(call: Arguments, name: str, items: list[_Item]) -> dict[str, Any]:
    limit = call.number("limit", _DEFAULT)
    if not 1 <= limit <= _MOST:
        raise SlackError("invalid_limit")
    cursor = call.text("cursor")
    if cursor and not cursor.removeprefix("at:").isdigit():
        raise SlackError("invalid_cursor")
    start = int(cursor.removeprefix("at:")) if cursor else 0
    end = start + limit
    next_cursor = f"at:{end}" if end < len(items) else ""
    return {name: items[start:end], "response_metadata": {"next_cursor": next_cursor}}

"""What users do, and what becomes of it: commands, clicks, modals, shortcuts, events.

Each action goes to the app, over Socket Mode or to its request URL; what the app acknowledges with
takes effect as it does in Slack, and what it fails to acknowledge the user is told in Slack's
words.
"""

import asyncio
from typing import Any

from bot.sandbox import choices, clicks, directory, payloads
from bot.sandbox.answers import say, whisper
from bot.sandbox.delivery import UndeliveredError
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Channel
from bot.sandbox.slack import Slack

_SLACKBOT_UNKNOWN = (
    "`{0}` is not a valid command. In Slack, all messages that start with the `/` character are "
    "interpreted as commands. To send it as a message, put a space in front of it."
)
_TROUBLE = "We had some trouble connecting. Try again?"


async def command(
    slack: Slack, user: str, channel: Channel, line: str, thread_ts: str | None
) -> None:
    """Type a slash command; in a thread Slack takes none of an app's."""
    name, _, text = line.strip().partition(" ")
    typed = {"channel": channel.id, "text": line, "ts": slack.workspace.new_ts()}
    slack.workspace.commanded[user] = typed
    slack.feed.publish("command", user=user, **typed)
    if name not in {registered.name for registered in slack.registration.commands}:
        whisper(slack, user, channel, _SLACKBOT_UNKNOWN.format(name), thread_ts)
        return
    if thread_ts:
        whisper(slack, user, channel, f"`{name}` is not supported in threads. Sorry!", thread_ts)
        return
    payload = payloads.command(slack, name, text.strip(), user, channel)
    try:
        answer = await slack.deliver("slash_commands", payload, accepts_response=True)
        if answer:
            say(slack, user, channel, answer)
    except UndeliveredError as error:
        whisper(slack, user, channel, f'{name} failed with the error "{error.told}"', None)
    except SlackError as error:
        whisper(slack, user, channel, f'{name} failed with the error "{error.code}"', None)


async def act(slack: Slack, user: str, body: dict[str, Any]) -> None:
    """Click or choose something in a message, a modal or App Home.

    Args:
        slack: Where it happens.
        user: Who does it.
        body: As for `clicks.payload`; `times` sends the very same payload so often at once.

    Raises:
        SlackError: `message_not_found` or `action_not_found`; the reader may have an old screen.
    """
    payload = clicks.payload(slack, user, body)
    times = int(body.get("times") or 1)
    sent = (slack.deliver("interactive", payload) for _ in range(times))
    for outcome in await asyncio.gather(*sent, return_exceptions=True):
        if isinstance(outcome, UndeliveredError):
            where = {name: body[name] for name in ("view_id", "ts") if body.get(name)}
            action_id = str(body.get("action_id"))
            slack.feed.publish(
                "action_failed", user=user, action_id=action_id, error=_TROUBLE, **where
            )
        elif isinstance(outcome, BaseException):
            raise outcome


async def submit(slack: Slack, user: str, view_id: str, held: dict[str, Any]) -> dict[str, Any]:
    """Submit the open modal; `held` are the choices by block id and action id.

    Returns:
        `{"ok": true}`, or `{"ok": false, "errors": {block_id: sentence}}`, or with an `error`.
    """
    view = slack.views.find(view_id)
    view["state"] = {"values": choices.state_with(view["blocks"], held)}
    errors = choices.complaints(view["blocks"], view["state"]["values"])
    if errors:
        return {"ok": False, "errors": errors}
    payload = payloads.interaction(slack, "view_submission", user)
    payload |= {"view": view, "response_urls": []}
    try:
        answer = await slack.deliver("interactive", payload, accepts_response=True)
        return _submitted(slack, user, view, answer)
    except (UndeliveredError, SlackError):
        return {"ok": False, "error": _TROUBLE}


def _submitted(
    slack: Slack, user: str, view: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    what = answer.get("response_action")
    if what == "errors":
        return {"ok": False, "errors": answer.get("errors") or {}}
    if what == "update":
        slack.views.update(view, answer.get("view") or {}, "")
    elif what == "push":
        slack.views.push(user, answer.get("view") or {})
    elif what == "clear":
        slack.views.clear(user)
    else:
        slack.views.close(user, view["id"])
    return {"ok": True}


async def close(slack: Slack, user: str, view_id: str, *, clear: bool = False) -> None:
    """Close the modal, or with `clear` all of them; the app hears of it if it asked to."""
    view = slack.views.find(view_id)
    cleared = clear or bool(view["clear_on_close"])
    gone = [view, *slack.views.stacks.get(user, [])] if cleared else [view]
    if cleared:
        slack.views.clear(user)
    else:
        slack.views.close(user, view_id)
    for one in {v["id"]: v for v in gone}.values():
        if one["notify_on_close"]:
            payload = payloads.interaction(slack, "view_closed", user)
            payload |= {"view": one, "is_cleared": cleared}
            await _quietly(slack, "interactive", payload)


async def shortcut(slack: Slack, user: str, callback_id: str, body: dict[str, Any]) -> None:
    """Use a shortcut, on a message if `body` names `channel` and `ts`."""
    stamp = slack.workspace.new_ts()
    if body.get("ts"):
        channel = slack.workspace.channel(str(body.get("channel")))
        message = slack.workspace.message(channel, str(body["ts"]))
        payload = payloads.interaction(slack, "message_action", user) | {
            "callback_id": callback_id,
            "action_ts": stamp,
            "message_ts": message.ts,
            "channel": {"id": channel.id, "name": channel.name or "directmessage"},
            "message": channel.message_as_slack(message),
            "response_url": payloads.response_url(slack, user, channel.id, message.ts),
        }
    else:
        payload = payloads.interaction(slack, "shortcut", user)
        payload |= {"callback_id": callback_id, "action_ts": stamp}
    await _quietly(slack, "interactive", payload)


def open_home(slack: Slack, user: str, tab: str = "home") -> None:
    """Open the app's Home tab."""
    body: dict[str, Any] = {
        "type": "app_home_opened",
        "user": user,
        "channel": slack.workspace.direct(user).id,
        "tab": tab,
        "event_ts": slack.workspace.new_ts(),
    }
    if user in slack.views.homes:
        body["view"] = slack.views.homes[user]
    happened(slack, body, slack.workspace.direct(user))


def happened(slack: Slack, body: dict[str, Any], channel: Channel | None) -> None:
    """Tell the app about an event, if it has subscribed to it and is there to see it."""
    if channel is not None and directory.BOT_USER not in channel.members:
        return
    subscribed = slack.registration.events
    kind = str(body["type"])
    if kind == "message":
        kind = f"message.{'im' if channel and channel.im_with else 'channels'}"
        mention = f"<@{directory.BOT_USER}>"
        spoken = body.get("subtype") is None and mention in str(body.get("text", ""))
        if "app_mention" in subscribed and spoken and kind == "message.channels":
            heard = {name: value for name, value in body.items() if name != "channel_type"}
            slack.spawn(_send_event(slack, payloads.event(slack, heard | {"type": "app_mention"})))
    if kind in subscribed:
        slack.spawn(_send_event(slack, payloads.event(slack, body)))


async def _send_event(slack: Slack, payload: dict[str, Any]) -> None:
    reason = ""
    for attempt, wait in enumerate((None, *slack.retry_seconds)):
        if wait:
            await asyncio.sleep(wait)
        try:
            await slack.deliver("events_api", payload, attempt=attempt, reason=reason)
        except UndeliveredError as error:
            if error.final:
                return
            reason = error.reason
        else:
            return


async def _quietly(slack: Slack, kind: str, payload: dict[str, Any]) -> None:
    try:
        await slack.deliver(kind, payload)
    except UndeliveredError:
        return

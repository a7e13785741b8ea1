"""What the app answers with outside the Web API: acknowledgements and response URLs.

An answer is `{"text", "blocks", "response_type", "replace_original", "delete_original",
"thread_ts"}`; without `response_type: in_channel` it is for the user alone.
"""

from typing import Any

from bot.sandbox import directory
from bot.sandbox.errors import SlackError
from bot.sandbox.limits import check_message
from bot.sandbox.messages import Channel, Message
from bot.sandbox.slack import Slack
from bot.sandbox.views import with_ids


def whisper(slack: Slack, user: str, channel: Channel, text: str, thread_ts: str | None) -> None:
    """Slackbot tells one user something."""
    slack.workspace.post_ephemeral(
        Message(
            ts=slack.workspace.new_ts(),
            channel=channel.id,
            user=directory.SLACKBOT,
            text=text,
            thread_ts=thread_ts,
            visible_to=user,
        )
    )


def say(slack: Slack, user: str, channel: Channel, answer: dict[str, Any]) -> None:
    """Show what the app answered: to the user alone, unless it says `in_channel`.

    Raises:
        SlackError: `no_text`, or what is wrong with its blocks.
    """
    text, blocks = str(answer.get("text") or ""), answer.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    check_message(text, blocks, update=False)
    thread_ts = answer.get("thread_ts")
    message = Message(
        ts=slack.workspace.new_ts(),
        channel=channel.id,
        user=directory.BOT_USER,
        text=text,
        blocks=with_ids(blocks),
        thread_ts=slack.workspace.root_of(channel, str(thread_ts)) if thread_ts else None,
        from_app=True,
    )
    if answer.get("response_type") == "in_channel":
        slack.workspace.post(channel, message)
    else:
        message.visible_to = user
        slack.workspace.post_ephemeral(message)


def respond(slack: Slack, identity: str, body: dict[str, Any]) -> None:
    """Take what the app sends to a response URL.

    Raises:
        SlackError: `used_url`, `expired_url`, or what is wrong with the message.
    """
    grant = slack.grants.use_response(identity)
    channel = slack.workspace.channel(grant.channel)
    original: Message | None = None
    if grant.message_ts and grant.ephemeral:
        original = slack.workspace.ephemeral(grant.user, grant.message_ts)
    elif grant.message_ts:
        original = channel.messages.get(grant.message_ts)
    if body.get("delete_original") and original:
        if grant.ephemeral:
            slack.workspace.dismiss(grant.user, original.ts)
        else:
            slack.workspace.delete(channel, original)
        return
    if body.get("replace_original") and original:
        text, blocks = str(body.get("text") or ""), body.get("blocks") or []
        if not text and not blocks:
            raise SlackError("no_text")
        check_message(text, blocks, update=False)
        original.text, original.blocks = text, with_ids(blocks)
        if grant.ephemeral:
            slack.workspace.ephemeral_changed(original)
        else:
            slack.workspace.changed(channel, original)
        return
    say(slack, grant.user, channel, body)

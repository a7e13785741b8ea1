"""The workspace: channels, messages, ephemerals, files. Pure state; a clock is handed in.

Whoever changes it goes through its methods, so that every change reaches the feed, and the app's
event subscriptions through `on_event`.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import directory
from bot.sandbox.directory import Directory, default_directory
from bot.sandbox.errors import SlackError
from bot.sandbox.feed import Feed
from bot.sandbox.messages import Channel, Message

_MESSAGES = 3000  # kept in a channel; the oldest go first
_EPHEMERALS = 200  # kept for a user
_FILES = 300


@dataclass(kw_only=True)
class File:
    """An uploaded file; `data` is None until it has arrived."""

    id: str
    name: str
    size: int
    alt_text: str = ""
    title: str = ""
    data: bytes | None = None
    complete: bool = False
    shares: list[tuple[str, str]] = field(default_factory=list)


class Workspace:
    """Everything that Slack would keep for this team."""

    def __init__(self, clock: Callable[[], float], people: Directory | None = None) -> None:
        """Open a workspace with #chaos and #general.

        Args:
            clock: Seconds since 1970.
            people: Its users and groups; by default a starter, an approver and an onlooker.
        """
        self.clock = clock
        self.people = people or default_directory()
        self.feed = Feed()
        self.on_event: Callable[[dict[str, Any], Channel | None], None] = lambda _event, _channel: (
            None
        )
        self.files: dict[str, File] = {}
        self.commanded: dict[str, dict[str, Any]] = {}  # by user: the last command, and its ts
        self.ephemerals: dict[str, list[Message]] = {}
        self._last_ts = 0
        humans = {user.id for user in self.people.people()}
        self.channels = {
            channel.id: channel
            for channel in (
                Channel(
                    id=directory.CHAOS,
                    name="chaos",
                    purpose="Where the app is put to work",
                    members=humans | {directory.BOT_USER},
                    created=int(clock()),
                ),
                Channel(
                    id=directory.GENERAL,
                    name="general",
                    purpose="Everything else",
                    members=set(humans),
                    created=int(clock()),
                ),
            )
        }

    def new_ts(self) -> str:
        """A timestamp that no message has yet."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def new_id(self, letter: str) -> str:
        """An id in Slack's form: a letter and ten more."""
        return letter + "0" + secrets.token_hex(5).upper()[:9]

    def channel(self, name: str) -> Channel:
        """The channel with this id or name, or the direct messages with this user.

        Raises:
            SlackError: `channel_not_found`.
        """
        found = self.channels.get(name)
        if found:
            return found
        if name in self.people.users and not self.people.users[name].is_bot:
            return self.direct(name)
        bare = name.removeprefix("#")
        for channel in self.channels.values():
            if bare and channel.name == bare:
                return channel
        raise SlackError("channel_not_found")

    def direct(self, user: str) -> Channel:
        """The direct messages between the app and a user; opened when there are none."""
        identity = "D" + user[1:]
        if identity not in self.channels:
            self.channels[identity] = Channel(
                id=identity,
                name="",
                im_with=user,
                members={user, directory.BOT_USER},
                created=int(self.clock()),
            )
            self.feed.publish("channel", channel=self.channels[identity].as_slack())
        return self.channels[identity]

    def message(self, channel: Channel, ts: str) -> Message:
        """A message by its timestamp.

        Raises:
            SlackError: `message_not_found`.
        """
        found = channel.messages.get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def root_of(self, channel: Channel, thread_ts: str) -> str:
        """The timestamp of the thread that `thread_ts` belongs to.

        Raises:
            SlackError: `thread_not_found`.
        """
        found = channel.messages.get(thread_ts)
        root = found.thread_ts or found.ts if found else ""
        if root not in channel.messages:
            raise SlackError("thread_not_found")
        return root

    def post(self, channel: Channel, message: Message) -> Message:
        """Put a message into its channel, and tell everybody."""
        message.remember(self.clock())
        channel.messages[message.ts] = message
        if message.is_reply:
            root = channel.messages[message.thread_ts or ""]
            root.thread_ts = root.ts
        while len(channel.messages) > _MESSAGES:
            oldest = next(iter(channel.messages))
            del channel.messages[oldest]
            self.feed.publish("deleted", channel=channel.id, ts=oldest)
        self._tell(channel, message)
        above = channel.messages.get(message.thread_ts or "")
        if message.is_reply and above is not None:
            self._tell(channel, above)
        self.on_event(self._posted(channel, message), channel)
        return message

    def changed(self, channel: Channel, message: Message, *, event: bool = True) -> None:
        """Tell everybody that a message was edited."""
        message.remember(self.clock())
        self._tell(channel, message)
        if event:
            stamp = self.new_ts()
            body = {
                "type": "message",
                "subtype": "message_changed",
                "hidden": True,
                "message": channel.message_as_slack(message),
                "channel": channel.id,
                "ts": stamp,
                "event_ts": stamp,
                "channel_type": "im" if channel.im_with else "channel",
            }
            self.on_event(body, channel)

    def delete(self, channel: Channel, message: Message) -> None:
        """Take a message away; the root of a thread leaves a tombstone."""
        if not message.is_reply and channel.replies(message.ts):
            message.subtype = "tombstone"
            message.user, message.from_app = directory.SLACKBOT, False
            message.text, message.blocks, message.files = "This message was deleted.", [], []
            self._tell(channel, message)
            return
        del channel.messages[message.ts]
        self.feed.publish("deleted", channel=channel.id, ts=message.ts)
        root = channel.messages.get(message.thread_ts or "")
        if root:
            if not channel.replies(root.ts):
                root.thread_ts = None
            self._tell(channel, root)

    def post_ephemeral(self, message: Message) -> Message:
        """Show a message to one user only."""
        message.remember(self.clock())
        kept = self.ephemerals.setdefault(message.visible_to or "", [])
        kept.append(message)
        del kept[:-_EPHEMERALS]
        self.feed.publish(
            "ephemeral", user=message.visible_to, message=self.ephemeral_json(message)
        )
        return message

    def ephemeral_json(self, message: Message) -> dict[str, Any]:
        """An ephemeral message as the page and the tests see it."""
        return message.as_slack() | {
            "channel": message.channel,
            "is_ephemeral": True,
            "visible_to": message.visible_to,
        }

    def ephemeral(self, user: str, ts: str) -> Message | None:
        """A user's ephemeral message, if it still stands."""
        return next((m for m in self.ephemerals.get(user, []) if m.ts == ts), None)

    def dismiss(self, user: str, ts: str) -> None:
        """Take an ephemeral message away."""
        self.ephemerals[user] = [m for m in self.ephemerals.get(user, []) if m.ts != ts]
        self.feed.publish("ephemeral_removed", user=user, ts=ts)

    def ephemeral_changed(self, message: Message) -> None:
        """Tell the user that an ephemeral message was replaced."""
        message.remember(self.clock())
        self.feed.publish(
            "ephemeral", user=message.visible_to, message=self.ephemeral_json(message)
        )

    def react(self, channel: Channel, message: Message, name: str, user: str) -> None:
        """Add a reaction.

        Raises:
            SlackError: `already_reacted`.
        """
        users = message.reactions.setdefault(name, [])
        if user in users:
            raise SlackError("already_reacted")
        users.append(user)
        self._tell(channel, message)
        event = {
            "type": "reaction_added",
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": message.ts},
            "item_user": message.user,
            "event_ts": self.new_ts(),
        }
        self.on_event(event, channel)

    def unreact(self, channel: Channel, message: Message, name: str, user: str) -> None:
        """Remove a reaction.

        Raises:
            SlackError: `no_reaction`.
        """
        users = message.reactions.get(name, [])
        if user not in users:
            raise SlackError("no_reaction")
        users.remove(user)
        if not users:
            del message.reactions[name]
        self._tell(channel, message)

    def keep(self, file: File) -> None:
        """Hold a file; the oldest go first."""
        self.files[file.id] = file
        while len(self.files) > _FILES:
            del self.files[next(iter(self.files))]

    def _tell(self, channel: Channel, message: Message) -> None:
        self.feed.publish("message", channel=channel.id, message=channel.message_as_slack(message))

    def _posted(self, channel: Channel, message: Message) -> dict[str, Any]:
        return channel.message_as_slack(message) | {
            "channel": channel.id,
            "event_ts": message.ts,
            "channel_type": "im" if channel.im_with else "channel",
        }

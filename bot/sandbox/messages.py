"""Messages and the channels that hold them: pure state, with Slack's own JSON.

A timestamp (`ts`) is a message's id within its channel: seconds and microseconds in a string,
such as `1716470521.000100`.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import directory

_VERSIONS = 400  # of one message, kept for tests


@dataclass(kw_only=True)
class Message:
    """One message; an ephemeral one has the user who may see it in `visible_to`."""

    ts: str
    channel: str
    user: str
    text: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    from_app: bool = False
    metadata: dict[str, Any] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edited: dict[str, str] | None = None
    visible_to: str | None = None
    subtype: str | None = None
    versions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread under another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    def remember(self, at: float) -> None:
        """Keep what it says now as a version, at `at` seconds."""
        self.versions.append(
            {
                "at": at,
                "text": self.text,
                "blocks": copy.deepcopy(self.blocks),
                "metadata": self.metadata,
            }
        )
        del self.versions[:-_VERSIONS]

    def as_slack(self, *, metadata: bool = True) -> dict[str, Any]:
        """The message object, without the figures of its thread."""
        body: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": directory.TEAM,
        }
        if self.from_app:
            body |= {
                "bot_id": directory.BOT,
                "app_id": directory.APP,
                "bot_profile": directory.bot_profile(),
            }
        optional = {
            "subtype": self.subtype,
            "blocks": copy.deepcopy(self.blocks),
            "thread_ts": self.thread_ts,
            "metadata": self.metadata if metadata else None,
            "files": self.files,
            "edited": self.edited,
            "reactions": [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in self.reactions.items()
            ],
        }
        return body | {name: value for name, value in optional.items() if value}


@dataclass(kw_only=True)
class Channel:
    """A conversation: a public channel, or a direct message with the app (`im_with`)."""

    id: str
    name: str
    purpose: str = ""
    members: set[str] = field(default_factory=set)
    im_with: str | None = None
    created: int = 0
    messages: dict[str, Message] = field(default_factory=dict)

    def roots(self) -> list[Message]:
        """What stands in the channel itself, oldest first."""
        return [m for m in self.messages.values() if not m.is_reply or m.broadcast]

    def replies(self, root: str) -> list[Message]:
        """What stands in the thread under `root`, oldest first, without the root."""
        return [m for m in self.messages.values() if m.thread_ts == root and m.ts != root]

    def message_as_slack(self, message: Message, *, metadata: bool = True) -> dict[str, Any]:
        """The message object with the figures of its thread."""
        body = message.as_slack(metadata=metadata)
        if message.is_reply:
            root = self.messages.get(message.thread_ts or "")
            if root:
                body["parent_user_id"] = root.user
            if message.broadcast:
                body["subtype"] = "thread_broadcast"
        elif message.thread_ts:
            replies = self.replies(message.ts)
            authors = list(dict.fromkeys(reply.user for reply in replies))
            body |= {
                "reply_count": len(replies),
                "reply_users_count": len(authors),
                "reply_users": authors,
                "latest_reply": replies[-1].ts if replies else message.ts,
                "is_locked": False,
                "subscribed": True,
            }
        return body

    def as_slack(self) -> dict[str, Any]:
        """The channel object of `conversations.info`."""
        is_im = self.im_with is not None
        body: dict[str, Any] = {
            "id": self.id,
            "created": self.created,
            "is_archived": False,
            "is_im": is_im,
            "is_mpim": False,
            "is_org_shared": False,
            "context_team_id": directory.TEAM,
        }
        if is_im:
            return body | {"user": self.im_with, "is_open": True}
        return body | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_group": False,
            "is_private": False,
            "is_general": self.id == directory.GENERAL,
            "is_member": directory.BOT_USER in self.members,
            "creator": directory.STARTER,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": self.purpose, "creator": directory.STARTER, "last_set": 0},
            "num_members": len(self.members),
            "previous_names": [],
        }

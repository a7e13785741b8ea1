"""Who and what there is in the sandbox: team, app, tokens, users, groups, commands, shortcuts.

All ids have Slack's form; users are named for the part they play.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.sandbox.errors import SlackError

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105  it opens nothing but this stand-in
APP_TOKEN = "xapp-sandbox"  # noqa: S105  the same
TEAM = "T0SANDBOX1"
TEAM_NAME = "Sandbox"
TEAM_DOMAIN = "sandbox"
APP = "A0SANDBOX1"
BOT = "B0SANDBOX1"
BOT_USER = "U0CHAOSBOT"
BOT_NAME = "chaosbot"
SLACKBOT = "USLACKBOT"
STARTER = "U0STARTER1"
APPROVER = "U0APPROVER"
ONLOOKER = "U0ONLOOKER"
CHAOS = "C0CHAOS001"
GENERAL = "C0GENERAL1"
APPROVERS = "S0APPROVER"
APP_SCOPES = "connections:write"
SCOPES = (
    "commands,chat:write,chat:write.public,files:write,files:read,users:read,usergroups:read,app_mentions:read,"
    "channels:history,channels:read,channels:join,groups:history,im:write,reactions:read,"
    "reactions:write,team:read"
)


@dataclass(frozen=True, kw_only=True)
class User:
    """A member of the workspace; `deleted` when deactivated."""

    id: str
    name: str
    title: str
    color: str
    is_bot: bool = False
    deleted: bool = False

    def as_slack(self) -> dict[str, Any]:
        """The user object of `users.info`."""
        profile = {
            "title": self.title,
            "real_name": self.name,
            "real_name_normalized": self.name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "team": TEAM,
        }
        if self.id == BOT_USER:
            profile |= {"bot_id": BOT, "api_app_id": APP}
        return {
            "id": self.id,
            "team_id": TEAM,
            "name": self.name,
            "deleted": self.deleted,
            "color": self.color,
            "real_name": self.name,
            "tz": "Etc/UTC",
            "tz_label": "Coordinated Universal Time",
            "tz_offset": 0,
            "profile": profile,
            "is_admin": False,
            "is_owner": False,
            "is_restricted": False,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 0,
        }


@dataclass(frozen=True, kw_only=True)
class SlashCommand:
    """A command that the app has registered.

    Attributes:
        name: With its slash, such as `/chaos`.
        description: What the completion list says about it.
        usage_hint: Its arguments, such as `[kill | status]`.
        examples: Arguments that the completion list offers, such as `kill tikv`, each alone or
            with what it does in a few words.
    """

    name: str
    description: str
    usage_hint: str = ""
    examples: Sequence[str | tuple[str, str]] = ()

    def as_page(self) -> dict[str, Any]:
        """What the page needs for its completion list."""
        pairs = [(one, "") if isinstance(one, str) else one for one in self.examples]
        return {
            "name": self.name,
            "description": self.description,
            "usage_hint": self.usage_hint,
            "examples": [{"text": text, "note": note} for text, note in pairs],
        }


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A shortcut that the app has registered; `on_message` tells the two kinds apart."""

    callback_id: str
    name: str
    on_message: bool = False


DEFAULT_COMMANDS = (SlashCommand(name="/chaos", description="Talk to the app", usage_hint="help"),)
DEFAULT_EVENTS = frozenset({"app_mention", "app_home_opened", "reaction_added", "message.im"})


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What the app has registered with Slack, as a manifest would.

    Attributes:
        commands: The slash commands.
        shortcuts: The global and message shortcuts.
        events: The event subscriptions, such as `app_mention` or `message.channels`.
    """

    commands: tuple[SlashCommand, ...] = DEFAULT_COMMANDS
    shortcuts: tuple[Shortcut, ...] = ()
    events: frozenset[str] = DEFAULT_EVENTS


@dataclass(frozen=True, kw_only=True)
class UserGroup:
    """A user group and its members."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]

    def as_slack(self, *, with_users: bool) -> dict[str, Any]:
        """The usergroup object of `usergroups.list`."""
        group = {
            "id": self.id,
            "team_id": TEAM,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "description": "",
            "date_delete": 0,
            "user_count": len(self.users),
        }
        return group | {"users": list(self.users)} if with_users else group


@dataclass(frozen=True)
class Directory:
    """Everybody in the workspace."""

    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, UserGroup] = field(default_factory=dict)

    def people(self) -> list[User]:
        """Those who can sit at the page: no bots, but also who was deactivated."""
        return [user for user in self.users.values() if not user.is_bot]

    def set_deleted(self, user: str, *, deleted: bool) -> User:
        """Deactivate a user, or take that back.

        Raises:
            SlackError: `user_not_found`.
        """
        if user not in self.users:
            raise SlackError("user_not_found")
        self.users[user] = replace(self.users[user], deleted=deleted)
        return self.users[user]

    def set_members(self, group: str, users: Sequence[str]) -> UserGroup:
        """Say who is in a user group.

        Raises:
            SlackError: `no_such_subteam` or `user_not_found`.
        """
        if group not in self.groups:
            raise SlackError("no_such_subteam")
        if not set(users) <= set(self.users):
            raise SlackError("user_not_found")
        self.groups[group] = replace(self.groups[group], users=tuple(users))
        return self.groups[group]


def default_directory() -> Directory:
    """One who starts things, one who approves them, one who looks on, and the bot."""
    users = [
        User(id=STARTER, name="starter", title="starts things", color="1264a3"),
        User(id=APPROVER, name="approver", title="approves things", color="2b7a5b"),
        User(id=ONLOOKER, name="onlooker", title="looks on", color="9a5b13"),
        User(id=BOT_USER, name=BOT_NAME, title="", color="5b3a9e", is_bot=True),
        User(id=SLACKBOT, name="Slackbot", title="", color="616061", is_bot=True),
    ]
    group = UserGroup(id=APPROVERS, handle="approvers", name="Approvers", users=(APPROVER,))
    return Directory({user.id: user for user in users}, {group.id: group})


def bot_profile() -> dict[str, Any]:
    """The `bot_profile` that Slack puts on an app's messages."""
    return {
        "id": BOT,
        "app_id": APP,
        "user_id": BOT_USER,
        "name": BOT_NAME,
        "icons": {},
        "deleted": False,
        "updated": 0,
        "team_id": TEAM,
    }

"""Access: what it takes to reach a workspace, and who we are in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from bot.domain.errors import SettingsError

SLACK: Final = "https://slack.com/api/"


class SlackAway(SettingsError):  # noqa: N818 - reads as the sentence it makes
    """Slack cannot be reached now; the tokens may be right. It may be tried again."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are in Slack, as `auth.test` says."""

    team: str
    team_id: str
    user: str
    user_id: str
    bot_id: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Access:
    """What it takes to reach a workspace, and to be reached from it.

    Attributes:
        bot_token: `xoxb-...`, with the scopes of the manifest.
        app_token: `xapp-...`, with `connections:write`. Socket Mode needs it.
        signing_secret: With which Slack signs its requests. HTTP mode needs it.
        http: Host and port to listen at in HTTP mode (port 0: any that is free); None: Socket Mode.
        api_url: Where the Web API is, with or without a slash at its end.
        channel: Where runs appear that were not asked for in Slack; None: they do not.
        ping_interval: Seconds between two looks at the connection.
        secrets: What is never said in Slack, beside all that looks like a secret.

    Raises:
        SettingsError: what the mode needs is not there.
    """

    bot_token: str = field(repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    http: tuple[str, int] | None = None
    api_url: str = SLACK
    channel: str | None = None
    ping_interval: float = 10.0
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.http is None and not self.app_token:
            raise SettingsError(
                "SLACK_APP_TOKEN is not set.", mend="Set it, or listen for HTTP with --http PORT."
            )
        if self.http is not None and not (self.signing_secret or "").strip():
            raise SettingsError(
                "SLACK_SIGNING_SECRET is not set.",
                mend="HTTP mode needs it; it is in the app's settings, under Basic Information.",
            )

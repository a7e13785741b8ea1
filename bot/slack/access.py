"""Access: what it takes to reach a workspace, and who we are in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SLACK: Final = "https://slack.com/api/"


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
    """What it takes to reach a workspace.

    Attributes:
        bot_token: `xoxb-...`, with the scopes of the manifest.
        app_token: `xapp-...`, with `connections:write`.
        api_url: Where the Web API is, with or without a slash at its end.
        channel: Where runs appear that were not asked for in Slack; None: they do not.
        ping_interval: Seconds between two looks at the socket.
    """

    bot_token: str = field(repr=False)
    app_token: str = field(repr=False)
    api_url: str = SLACK
    channel: str | None = None
    ping_interval: float = 10.0

"""Identity: what is asked of Slack before anything else: who are we, and where is the socket?

"Slack does not accept the token" and "Slack cannot be reached" are told apart here: the first
only a person can mend, the second may mend itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SettingsError
from bot.slack.access import Access, Identity, SlackAway
from bot.slack.clean import CleanClient
from bot.slack.web_api import CallFailed, Hopeless, Paced, call

CALL_SECONDS: Final = 10
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def web_client(access: Access, session: aiohttp.ClientSession, token: str | None) -> AsyncWebClient:
    """A client of the Web API; it tries nothing again behind anybody's back.

    A retry handler that waits out a 429 sleeps as long as it is told to, so there is none.
    """
    client = CleanClient(
        token, access.secrets, base_url=_api(access), session=session, retry_handlers=[]
    )
    # Proxy variables of the environment are read for every client, also for loopback.
    if urlsplit(access.api_url).hostname in _LOOPBACK:
        client.proxy = None
    return client


async def who_we_are(access: Access, session: aiohttp.ClientSession) -> Identity:
    """Ask `auth.test`. Raises SettingsError, SlackAway."""
    client = web_client(access, session, access.bot_token)
    answer = await _ask(access, client, "auth.test", "SLACK_BOT_TOKEN", "xoxb-")
    return Identity(
        team=str(answer.get("team") or ""),
        team_id=str(answer.get("team_id") or ""),
        user=str(answer.get("user") or ""),
        user_id=str(answer.get("user_id") or ""),
        bot_id=str(answer.get("bot_id") or ""),
        url=str(answer.get("url") or ""),
    )


async def socket_url(access: Access, session: aiohttp.ClientSession) -> str:
    """Ask `apps.connections.open` for a URL that is good for one WebSocket.

    The SDK's client asks by itself too, but with a wrong token it never comes back.

    Raises:
        SettingsError: the token is not accepted.
        SlackAway: Slack cannot be reached.
    """
    client = web_client(access, session, access.app_token)
    answer = await _ask(access, client, "apps.connections.open", "SLACK_APP_TOKEN", "xapp-")
    return str(answer.get("url") or "")


async def _ask(
    access: Access, client: AsyncWebClient, method: str, setting: str, prefix: str
) -> Mapping[str, Any]:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            return await call(client, method)
    except Hopeless as error:
        raise SettingsError(
            f"Slack does not accept {setting}: {error.code}.",
            mend=f"It begins with {prefix}; the app's settings show it.",
        ) from error
    except TimeoutError as error:
        raise _away(access, f"no answer within {CALL_SECONDS} s") from error
    except Paced as error:
        raise _away(access, f"it asks to wait {error.seconds:g} s") from error
    except CallFailed as error:
        raise _away(access, str(error)) from error


def _away(access: Access, why: str) -> SlackAway:
    return SlackAway(
        f"Slack cannot be reached at {_api(access)}: {why}.",
        mend="Check SLACK_API_URL and the network.",
    )


def _api(access: Access) -> str:
    return access.api_url.rstrip("/") + "/"

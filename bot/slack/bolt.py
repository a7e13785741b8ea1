"""Bolt: the app that knows which request is whose, and hands it to a listener."""

from __future__ import annotations

import logging

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.slack.access import Access, Identity
from bot.slack.identity import web_client
from bot.slack.running import Running


def bolt_app(
    access: Access, identity: Identity, session: aiohttp.ClientSession, running: Running
) -> AsyncApp:
    """An app without listeners. Over HTTP it checks signatures, in Socket Mode there are none."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=identity.team_id,
            bot_id=identity.bot_id,
            bot_user_id=identity.user_id,
            bot_token=access.bot_token,
        )

    app = AsyncApp(
        name="chaosbot",
        # Without a token of its own, so that no request has to wait for `auth.test`.
        client=web_client(access, session, None),
        authorize=authorize,
        signing_secret=access.signing_secret or "",
        logger=_bolt_log(),
    )
    app.listener_runner.listener_start_handler = running
    return app


class _OneLine(logging.Filter):
    """A socket that cannot be connected is tried again every few seconds: one line each."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


def _bolt_log() -> logging.Logger:
    """Bolt's log, errors only: it warns of a token that is left out on purpose."""
    log = logging.getLogger("bot.slack.bolt")
    log.setLevel(logging.ERROR)
    if not log.filters:
        log.addFilter(_OneLine())
    return log

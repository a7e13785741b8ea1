"""Listeners: what happens in Slack, handed to the engine. They acknowledge at once and do no work."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.slack.buttons import AGAIN_DIALOG, Action
from bot.slack.failures import Failures
from bot.slack.listeners.actions import Actions
from bot.slack.listeners.commands import Commands
from bot.slack.listeners.home import Home
from bot.slack.listeners.mentions import Mentions
from bot.slack.listeners.views import Views


def register(  # noqa: PLR0913 - everybody who listens
    app: AsyncApp,
    *,
    commands: Commands,
    actions: Actions,
    views: Views,
    mentions: Mentions,
    home: Home,
    failures: Failures,
) -> None:
    """Let the app hear what the manifest says that it hears."""
    app.command("/chaos")(commands.typed)
    app.action(Action.APPROVE)(actions.approve)
    app.action(Action.KEEP_DOWN)(actions.keep_down)
    app.action(Action.ABORT)(actions.abort)
    app.action(Action.RESTORE)(actions.restore)
    app.action(Action.RUN)(actions.run_it)
    app.action(Action.AGAIN)(views.again)
    app.action(Action.DRY_RUN)(views.dry_run)
    app.view(AGAIN_DIALOG)(actions.submitted)
    app.action(Action.EVIDENCE)(views.evidence)
    app.action(Action.REPORT)(views.report)
    app.event("app_mention")(mentions.heard)
    app.event("app_home_opened")(home.opened)
    app.action(Action.HALT)(home.halt)
    app.action(Action.RESUME)(home.resume)
    app.error(failures.outside)

"""Listeners: what happens in Slack, handed to the engine. They acknowledge at once and do no work."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.slack.buttons import Action
from bot.slack.failures import Failures
from bot.slack.listeners.actions import Actions
from bot.slack.listeners.commands import Commands
from bot.slack.listeners.views import Views


def register(
    app: AsyncApp, commands: Commands, actions: Actions, views: Views, failures: Failures
) -> None:
    """Let the app hear what the manifest says that it hears."""
    app.command("/chaos")(commands.typed)
    app.action(Action.APPROVE)(actions.approve)
    app.action(Action.KEEP_DOWN)(actions.keep_down)
    app.action(Action.ABORT)(actions.abort)
    app.action(Action.RESTORE)(actions.restore)
    app.action(Action.AGAIN)(actions.again)
    app.action(Action.EVIDENCE)(views.evidence)
    app.action(Action.REPORT)(views.report)
    app.error(failures.outside)

"""The Web API methods `views.*`."""

from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.limits import check_view
from bot.sandbox.slack import Slack


async def open_view(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`views.open`."""
    view = _view(call)
    user = slack.grants.use_trigger(_trigger(call))
    return {"view": slack.views.open(user, view)}


async def push_view(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`views.push`."""
    view = _view(call)
    user = slack.grants.use_trigger(_trigger(call))
    return {"view": slack.views.push(user, view)}


async def update_view(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`views.update`."""
    view = _view(call)
    old = slack.views.find(call.text("view_id"), call.text("external_id"))
    return {"view": slack.views.update(old, view, call.text("hash"))}


async def publish_view(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`views.publish`."""
    user = call.required("user_id")
    if user not in slack.workspace.people.users:
        raise SlackError("user_not_found")
    return {"view": slack.views.publish(user, _view(call), call.text("hash"))}


def _trigger(call: Arguments) -> str:
    return call.text("trigger_id") or call.required("interactivity_pointer")


def _view(call: Arguments) -> dict[str, Any]:
    view = call.structure("view", "invalid_arguments")
    check_view(view)
    return dict(view)

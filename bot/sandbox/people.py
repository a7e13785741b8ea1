"""The Web API methods about who is who: `auth`, `users`, `usergroups`, `bots`, `team`, `api`."""

from typing import Any

from bot.sandbox import directory
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.slack import Slack


async def auth_test(slack: Slack, _call: Arguments) -> dict[str, Any]:
    """`auth.test`."""
    return {
        "url": f"{slack.url}/",
        "team": directory.TEAM_NAME,
        "user": directory.BOT_NAME,
        "team_id": directory.TEAM,
        "user_id": directory.BOT_USER,
        "bot_id": directory.BOT,
        "is_enterprise_install": False,
    }


async def api_test(_slack: Slack, call: Arguments) -> dict[str, Any]:
    """`api.test`: fails on request."""
    if call.text("error"):
        raise SlackError(call.text("error"), extra={"args": call.values})
    return {"args": call.values}


async def user_info(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`users.info`."""
    user = slack.workspace.people.users.get(call.required("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.as_slack()}


async def user_list(slack: Slack, _call: Arguments) -> dict[str, Any]:
    """`users.list`."""
    return {
        "members": [user.as_slack() for user in slack.workspace.people.users.values()],
        "cache_ts": int(slack.clock()),
        "response_metadata": {"next_cursor": ""},
    }


async def group_list(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`usergroups.list`."""
    with_users = call.flag("include_users")
    groups = slack.workspace.people.groups.values()
    return {"usergroups": [group.as_slack(with_users=with_users) for group in groups]}


async def group_users(slack: Slack, call: Arguments) -> dict[str, Any]:
    """`usergroups.users.list`."""
    group = slack.workspace.people.groups.get(call.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


async def bot_info(_slack: Slack, call: Arguments) -> dict[str, Any]:
    """`bots.info`."""
    if call.text("bot", directory.BOT) != directory.BOT:
        raise SlackError("bot_not_found")
    profile = directory.bot_profile()
    return {"bot": profile}


async def team_info(slack: Slack, _call: Arguments) -> dict[str, Any]:
    """`team.info`."""
    return {
        "team": {
            "id": directory.TEAM,
            "name": directory.TEAM_NAME,
            "domain": directory.TEAM_DOMAIN,
            "url": f"{slack.url}/",
            "email_domain": "",
            "icon": {"image_default": True},
        }
    }

"""Who is there changes: deactivated users, members of a group."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from bot.sandbox.client import DoorError
from bot.sandbox.directory import APPROVER, APPROVERS, CHAOS, STARTER
from bot.sandbox.errors import SlackError
from tests.sandbox.conftest import actions, button


async def deleted(web, user: str) -> bool:
    return (await web.users_info(user=user))["user"]["deleted"]


async def test_a_deactivated_user_is_deleted_until_reactivated(web, client):
    await client.deactivate(APPROVER)
    assert await deleted(web, APPROVER)
    assert not await deleted(web, STARTER)
    members = (await web.users_list())["members"]
    assert [member["id"] for member in members if member["deleted"]] == [APPROVER]
    await client.reactivate(APPROVER)
    assert not await deleted(web, APPROVER)


async def test_what_a_deactivated_user_does_still_arrives(
    *, web, client, app, connected, approver, sandbox
):
    @app.action("approve")
    async def approve(ack):
        await ack()

    @app.command("/chaos")
    async def answer(ack):
        await ack("refused")

    sandbox.slack.deactivate(APPROVER)
    blocks = [actions(button("approve"))]
    async with connected():
        ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]
        await approver.click(ts, "approve")
        await approver.command("/chaos approve 1")
        await approver.until_ephemeral(lambda m: m["text"] == "refused")
    (click,) = await client.deliveries("interactive")
    assert click["payload"]["user"]["id"] == APPROVER


async def test_the_members_of_a_group_change(web, client):
    async def members() -> list[str]:
        return (await web.usergroups_users_list(usergroup=APPROVERS))["users"]

    assert await members() == [APPROVER]
    await client.set_members(APPROVERS, [STARTER, APPROVER])
    assert await members() == [STARTER, APPROVER]
    group = (await web.usergroups_list())["usergroups"][0]
    assert group["user_count"] == 2
    await client.set_members(APPROVERS, [])
    assert await members() == []


async def test_who_is_not_there_cannot_change(client, sandbox):
    with pytest.raises(DoorError, match="user_not_found"):
        await client.deactivate("U0NOBODY00")
    with pytest.raises(DoorError, match="no_such_subteam"):
        await client.set_members("S0NOBODY00", [])
    with pytest.raises(SlackError, match="user_not_found"):
        sandbox.slack.set_members(APPROVERS, ["U0NOBODY00"])


@pytest.mark.browser
async def test_the_page_shows_who_is_deactivated(page, client):
    approver = page.get_by_role("radio", name="approver")
    await client.deactivate(APPROVER)
    await expect(approver).to_have_accessible_name("approver (deactivated)")
    await client.reactivate(APPROVER)
    await expect(approver).to_have_accessible_name("approver")

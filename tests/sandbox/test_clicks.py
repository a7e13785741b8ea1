"""Clicks that are repeated, come from an old screen, or come from no screen at all."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from bot.sandbox.client import DoorError
from bot.sandbox.directory import APPROVER, CHAOS, GENERAL, ONLOOKER, STARTER
from tests.sandbox.conftest import actions, button, section


@pytest.fixture
def clicked(app):
    """The payloads of the clicks that reach the app."""
    queue: asyncio.Queue[dict] = asyncio.Queue()

    @app.action("approve")
    async def take(ack, body):
        await ack()
        await queue.put(body)

    return queue


@pytest_asyncio.fixture(loop_scope="session")
async def ts(web) -> str:
    blocks = [actions(button("approve", value="17"))]
    return (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]


async def test_the_same_click_arrives_twice(client, connected, clicked, ts, starter):
    async with connected():
        await starter.click(ts, "approve", times=2)
        first, second = await clicked.get(), await clicked.get()
    assert first == second
    assert len(await client.deliveries("interactive")) == 2


async def test_a_click_is_sent_again_later(*, client, connected, clicked, ts, starter, web):
    async with connected():
        await starter.click(ts, "approve")
        first = await clicked.get()
        await web.chat_update(channel=CHAOS, ts=ts, text="decided")
        (delivery,) = await client.deliveries("interactive")
        assert await client.deliver("interactive", delivery["payload"]) == {}
        assert await clicked.get() == first


async def test_a_click_from_an_old_screen(*, client, connected, clicked, ts, starter, web):
    await web.chat_update(channel=CHAOS, ts=ts, text="x", blocks=[section("decided")])
    async with connected():
        with pytest.raises(DoorError, match="action_not_found"):
            await starter.click(ts, "approve")
        await starter.click(ts, "approve", old_screen=True)
        body = await clicked.get()
        with pytest.raises(DoorError, match="action_not_found"):
            await starter.click(ts, "never_there", old_screen=True)
    assert body["actions"][0]["value"] == "17"
    assert body["message"]["blocks"][0]["text"]["text"] == "decided"


async def test_a_forged_click_says_what_no_screen_would(connected, clicked, ts, starter):
    forged = {
        "value": "99",
        "channel": GENERAL,
        "message_ts": "1.000001",
        "thread_ts": "1.000000",
        "user": APPROVER,
    }
    async with connected():
        await starter.click(ts, "approve", forged=forged)
        body = await clicked.get()
    assert body["actions"][0]["value"] == "99"
    assert {body["channel"]["id"], body["container"]["channel_id"]} == {GENERAL}
    assert {body["message"]["ts"], body["container"]["message_ts"]} == {"1.000001"}
    assert {body["message"]["thread_ts"], body["container"]["thread_ts"]} == {"1.000000"}
    assert body["user"]["id"] == APPROVER


async def test_a_forgery_changes_nothing_but_the_payload(client, connected, clicked, ts, starter):
    async with connected():
        await starter.click(ts, "approve", forged={"value": "99"})
        await clicked.get()
        await client.user(ONLOOKER).click(ts, "approve")
        body = await clicked.get()
    assert body["actions"][0]["value"] == "17"
    assert body["user"]["id"] == ONLOOKER


async def test_what_cannot_be_forged_is_refused(ts, starter):
    with pytest.raises(DoorError, match="invalid_arguments"):
        await starter.click(ts, "approve", forged={"trigger_id": "x"})


async def test_any_payload_can_be_crafted(client, connected, clicked, ts, starter):
    async with connected():
        await starter.click(ts, "approve")
        body = await clicked.get()
        body["actions"][0]["value"] = {"not": "a string"}
        del body["container"]
        await client.deliver("interactive", body)
        assert "container" not in await clicked.get()


async def test_a_crafted_payload_that_nobody_acknowledges(client, connected):
    with pytest.raises(DoorError, match="connection_failed"):
        await client.deliver("interactive", {"type": "block_actions"})
    with pytest.raises(DoorError, match="invalid_arguments"):
        await client.deliver("carrier_pigeon", {"type": "coo"})


async def test_an_event_is_sent_again_with_the_same_id(client, app, connected, starter):
    heard: asyncio.Queue[dict] = asyncio.Queue()

    @app.event("message")
    async def spoken(body):
        await heard.put(body)

    async with connected():
        await starter.say("hello")
        first = await heard.get()
        (delivery,) = await client.deliveries("events_api")
        await client.deliver("events_api", delivery["payload"], attempt=1, reason="timeout")
        second = await heard.get()
    assert first["event_id"] == second["event_id"]
    assert first["event"]["user"] == STARTER

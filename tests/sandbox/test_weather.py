"""Slack's bad days, on demand: what the app meets, and that the state outlasts it."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import APP_TOKEN, BOT_TOKEN, CHAOS
from bot.sandbox.faults import Fault, Faults
from tests.sandbox.conftest import section


async def refused(call) -> SlackApiError:
    with pytest.raises(SlackApiError) as raised:
        await call
    return raised.value


class Hand:
    """A clock moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("pattern", "met"),
    [
        ("*", ["chat.update", "chat.postMessage", "users.info"]),
        ("chat.*", ["chat.update", "chat.postMessage"]),
        ("chat.update", ["chat.update"]),
    ],
)
def test_a_fault_is_for_chosen_methods(pattern, met):
    faults = Faults(Hand())
    faults.add(Fault(method=pattern, lasting=1))
    asked = ["chat.update", "chat.postMessage", "users.info"]
    assert [method for method in asked if faults.take(method)] == met


def test_a_fault_that_lasts_counts_no_calls_and_ends_by_the_clock():
    hand = Hand()
    faults = Faults(hand)
    faults.add(Fault(method="*", lasting=60))
    assert all(faults.take("chat.update") for _ in range(100))
    hand.now += 60
    assert faults.take("chat.update")
    hand.now += 0.1
    assert faults.take("chat.update") is None


def test_faults_are_met_in_the_order_they_were_asked_for():
    faults = Faults(Hand())
    faults.add(Fault(method="chat.update", error="first"))
    faults.add(Fault(method="*", error="second", times=2))
    met = [faults.take("chat.update") for _ in range(4)]
    assert [fault.error if fault else None for fault in met] == ["first", "second", "second", None]


async def test_a_storm_of_429_names_its_seconds_and_passes(web, client, clock):
    await client.fault("chat.*", status=429, retry_after=30, lasting=60)
    for call in (
        web.chat_postMessage(channel=CHAOS, text="x"),
        web.chat_update(channel=CHAOS, ts="1.0", text="x"),
    ):
        response = (await refused(call)).response
        assert (response.status_code, response.headers["Retry-After"]) == (429, "30")
        assert response["error"] == "ratelimited"
    await web.users_list()
    clock.forward(61)
    await web.chat_postMessage(channel=CHAOS, text="through")
    assert [m["text"] for m in await client.messages()] == ["through"]


async def test_the_sdk_waits_a_storm_out(web, client):
    web.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=3))
    await client.fault("chat.postMessage", status=429, retry_after=1, lasting=0.5)
    await web.chat_postMessage(channel=CHAOS, text="through")
    answers = [call["answer"] for call in await client.calls("chat.postMessage")]
    assert answers == ["ratelimited", "ok"]


async def test_slack_is_ill_for_a_while(web, client, clock):
    await client.fault("*", status=500, lasting=10)
    assert (await refused(web.auth_test())).response.status_code == 500
    assert (await refused(web.team_info())).response.status_code == 500
    clock.forward(11)
    await web.auth_test()


@pytest.mark.parametrize(("after", "posted"), [(True, 1), (False, 0)])
async def test_a_slow_answer_takes_effect_at_once_or_only_then(sandbox, client, after, posted):
    impatient = AsyncWebClient(token=BOT_TOKEN, base_url=f"{sandbox.url}/api", timeout=0.3)
    await client.fault("chat.postMessage", seconds=0.8, after=after)
    with pytest.raises(TimeoutError):
        await impatient.chat_postMessage(channel=CHAOS, text="x")
    assert len(await client.messages()) == posted
    await client.until_message(CHAOS, lambda m: m["text"] == "x")


async def test_a_slow_answer_that_fails_takes_no_effect(web, client):
    await client.fault("chat.postMessage", seconds=0.05, status=503)
    await refused(web.chat_postMessage(channel=CHAOS, text="x"))
    assert await client.messages() == []


@pytest.mark.parametrize(("after", "posted"), [(True, 1), (False, 0)])
async def test_an_answer_is_lost_with_its_connection(web, client, after, posted):
    web.retry_handlers.clear()
    await client.fault("chat.postMessage", drop=True, after=after)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await web.chat_postMessage(channel=CHAOS, text="x")
    assert len(await client.messages()) == posted
    await web.chat_postMessage(channel=CHAOS, text="y")


async def test_invalid_blocks_on_demand(web, client):
    await client.fault("chat.update", error="invalid_blocks")
    ts = (await web.chat_postMessage(channel=CHAOS, text="x"))["ts"]
    call = web.chat_update(channel=CHAOS, ts=ts, text="y", blocks=[section("y")])
    response = (await refused(call)).response
    assert response["error"] == "invalid_blocks"
    assert response["response_metadata"]["messages"][0].startswith("[ERROR] ")
    assert (await client.messages())[0]["text"] == "x"


async def test_a_disconnect_message_is_followed_by_a_close(web, client):
    url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        await client.disconnect("warning", within=0.05)
        told = await socket.receive_json()
        assert (told["type"], told["reason"]) == ("disconnect", "warning")
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_a_connect_that_fails_uses_its_ticket_up(web, client):
    await client.refuse_sockets()
    url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as http:
        for status in (503, 403, 403):
            with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
                await http.ws_connect(url)
            assert raised.value.status == status
        fresh = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
        async with http.ws_connect(fresh) as socket:
            assert (await socket.receive_json())["type"] == "hello"


async def test_the_sdks_stale_ticket_is_met(app, client):
    """It tries the ticket that is used up for ever, until somebody forgets the URL for it."""
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.05)
    await client.refuse_sockets()
    connecting = asyncio.create_task(handler.connect_async())
    try:
        with pytest.raises(TimeoutError):
            await client.until_connected(timeout=0.3)
        assert len(await client.calls("apps.connections.open")) == 1
        handler.client.wss_uri = None
        await client.until_connected()
    finally:
        await handler.close_async()
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)


async def test_no_way_to_reconnect_for_a_while(web, client, clock):
    await client.fault("apps.connections.open", error="internal_error", lasting=5)
    for _ in range(3):
        call = web.apps_connections_open(app_token=APP_TOKEN)
        assert (await refused(call)).response["error"] == "internal_error"
    await web.auth_test()
    clock.forward(6)
    await web.apps_connections_open(app_token=APP_TOKEN)


async def test_slack_is_away_and_comes_back_with_all_it_had(sandbox, web, client):
    await web.chat_postMessage(channel=CHAOS, text="before")
    url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        async with sandbox.away():
            ended = await socket.receive(timeout=5)
            assert ended.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
            with pytest.raises(aiohttp.ClientConnectorError):
                await web.chat_postMessage(channel=CHAOS, text="lost")
        assert len(sandbox.slack.sockets) == 0
    await web.chat_postMessage(channel=CHAOS, text="after")
    assert [m["text"] for m in await client.messages()] == ["before", "after"]


async def test_an_app_comes_back_to_a_slack_that_was_away(sandbox, app, client, connected, starter):
    @app.command("/chaos")
    async def answer(ack):
        await ack("back again")

    async with connected():
        for _ in range(2):
            async with sandbox.away():
                await asyncio.sleep(0.1)
            await client.until_connected()
        await starter.command("/chaos")
        await starter.until_ephemeral(lambda m: m["text"] == "back again")


async def test_slack_can_be_asked_to_be_away(sandbox):
    async with SandboxClient(sandbox.url) as client:
        await client.away(0.5)
        began = time.monotonic()
        away = 0.0
        while not away or time.monotonic() - began < away + 0.2:
            try:
                await client.messages()
            except aiohttp.ClientError:
                away = time.monotonic() - began
            await asyncio.sleep(0.02)
        assert 0.3 < away < 3
        await client.messages()


async def test_who_waits_for_something_waits_on_while_slack_is_away(sandbox, web, client):
    waiting = asyncio.create_task(client.until_message(CHAOS, lambda m: m["text"] == "after"))
    async with sandbox.away():
        await asyncio.sleep(0.05)
    await web.chat_postMessage(channel=CHAOS, text="after")
    assert (await waiting)["text"] == "after"


async def test_stopping_while_away_frees_the_port(sandbox):
    async with sandbox.away():
        await sandbox.stop()
    async with SandboxClient(sandbox.url) as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.messages()

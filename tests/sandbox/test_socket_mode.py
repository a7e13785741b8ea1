import asyncio

import aiohttp
import pytest

from bot.sandbox.directory import APP_TOKEN, BOT_USER, CHAOS, STARTER
from bot.sandbox.sockets import TICKET_SECONDS


async def test_a_ticket_opens_one_socket_and_says_hello(web):
    url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as http:
        async with http.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url)


async def test_a_ticket_expires(web, clock):
    url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
    clock.forward(TICKET_SECONDS + 1)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(url)


async def test_the_eleventh_socket_is_turned_away(web):
    async with aiohttp.ClientSession() as http:
        sockets = []
        for number in range(11):
            url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
            sockets.append(await http.ws_connect(url))
            first = await sockets[-1].receive_json()
            assert first["type"] == ("disconnect" if number == 10 else "hello")
        assert first["reason"] == "too_many_websockets"


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_the_app_reconnects_when_asked(client, app, connected, starter, reason):
    @app.command("/chaos")
    async def answer(ack):
        await ack("still here")

    async with connected():
        before = len(await client.calls("apps.connections.open"))
        await client.disconnect(reason)

        async def reconnected() -> bool:
            return len(await client.calls("apps.connections.open")) > before

        await client.until(reconnected)
        await client.until_connected()
        await starter.command("/chaos")
        assert (await starter.until_ephemeral())["text"] == "still here"


async def test_the_app_reconnects_after_its_socket_broke_off(client, app, connected, starter):
    @app.command("/chaos")
    async def answer(ack):
        await ack("back again")

    async with connected():
        await client.close_sockets()
        await client.until_connected()
        await starter.command("/chaos")
        assert (await starter.until_ephemeral())["text"] == "back again"


async def test_a_mention_and_a_message_reach_the_app(app, connected, starter):
    heard: asyncio.Queue[dict] = asyncio.Queue()

    @app.event("app_mention")
    async def mentioned(event):
        await heard.put(event)

    @app.event("message")
    async def spoken(event):
        await heard.put(event)

    async with connected():
        await starter.say(f"<@{BOT_USER}> status")
        events = {(event := await heard.get())["type"]: event for _ in range(2)}
    assert events["app_mention"]["user"] == STARTER
    assert events["message"]["channel_type"] == "channel"


async def test_a_reaction_reaches_the_app(web, app, connected, starter):
    heard: asyncio.Queue[dict] = asyncio.Queue()

    @app.event("reaction_added")
    async def reacted(event):
        await heard.put(event)

    @app.event("message")
    async def spoken():
        pass

    async with connected():
        ts = (await web.chat_postMessage(channel=CHAOS, text="x"))["ts"]
        await starter.react(ts, "eyes")
        event = await asyncio.wait_for(heard.get(), 5)
    assert event["item"] == {"type": "message", "channel": CHAOS, "ts": ts}


async def test_an_event_that_nobody_acknowledged_is_sent_again(web, starter):
    url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        await socket.receive_json()
        await starter.say("anybody?")
        first, second, third = [await socket.receive_json() for _ in range(3)]
        await socket.send_json({"envelope_id": third["envelope_id"]})
    assert [e["retry_attempt"] for e in (first, second, third)] == [0, 1, 2]
    assert second["retry_reason"] == "timeout"
    assert first["payload"]["event_id"] == third["payload"]["event_id"]


async def test_sockets_take_turns(web, starter):
    async with aiohttp.ClientSession() as http:
        sockets = []
        for _ in range(2):
            url = (await web.apps_connections_open(app_token=APP_TOKEN))["url"]
            sockets.append(await http.ws_connect(url))
            await sockets[-1].receive_json()
        await starter.say("one")
        await starter.say("two")
        got = [await asyncio.wait_for(socket.receive_json(), 5) for socket in sockets]
    assert {envelope["payload"]["event"]["text"] for envelope in got} == {"one", "two"}

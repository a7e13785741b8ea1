"""Connecting: wrong tokens and addresses, sockets that break off, tickets that are used up."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from aiohttp import web

from bot.domain.approval import Policy
from bot.domain.errors import SettingsError
from bot.domain.experiment import Timings
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import APP_TOKEN, BOT_TOKEN, STARTER
from bot.sandbox.faults import Fault
from bot.slack import Access, SlackBot


@pytest.fixture
async def chaos(journal):
    made = Chaos([], journal, SystemClock(), timings=Timings(), policy=Policy(), random=Random(7))
    yield made
    await made.close()


def access(url, **given):
    return Access(
        **{"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "api_url": url, "ping_interval": 0.1}
        | given
    )


@pytest.mark.parametrize("slash", ["", "/", "//"])
async def test_with_or_without_a_slash_at_its_end(chaos, sandbox, slash):
    async with SlackBot(chaos, access(f"{sandbox.url}/api{slash}")) as bot:
        assert bot.team == "Sandbox"
        await chaos.close()


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"bot_token": "xoxb-wrong"}, "SLACK_BOT_TOKEN"),
        ({"bot_token": APP_TOKEN}, "SLACK_BOT_TOKEN"),
        ({"app_token": "xapp-wrong"}, "SLACK_APP_TOKEN"),
        ({"app_token": BOT_TOKEN}, "SLACK_APP_TOKEN"),
    ],
)
async def test_a_wrong_token_is_one_sentence_that_names_the_setting(chaos, sandbox, given, setting):
    with pytest.raises(SettingsError, match=f"Slack does not accept {setting}") as raised:
        await SlackBot(chaos, access(f"{sandbox.url}/api/", **given)).start()
    assert "xoxb-wrong" not in str(raised.value)
    assert "xapp-wrong" not in repr(access("", **given))


async def test_an_address_where_nobody_listens(chaos, unused_port):
    with pytest.raises(SettingsError, match="cannot be reached") as raised:
        await SlackBot(chaos, access(f"http://127.0.0.1:{unused_port}/api/")).start()
    assert "SLACK_API_URL" in raised.value.mend


async def test_an_address_that_is_not_slack(chaos, sandbox):
    with pytest.raises(SettingsError, match="cannot be reached"):
        await SlackBot(chaos, access(f"{sandbox.url}/page/")).start()
    sandbox.slack.faults.add(Fault(method="auth.test", status=502))
    with pytest.raises(SettingsError, match="cannot be reached"):
        await SlackBot(chaos, access(f"{sandbox.url}/api/")).start()


async def test_a_proxy_in_the_environment_is_not_asked_for_loopback(chaos, sandbox, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    async with SlackBot(chaos, access(f"{sandbox.url}/api/")), SandboxClient(sandbox.url) as client:
        await client.until_connected()
        await client.user(STARTER).command("/chaos status")
        await client.user(STARTER).until_ephemeral(lambda m: "No cluster" in m["text"])
        await chaos.close()


async def test_it_comes_back_when_sockets_break_off_or_slack_asks_to_reconnect(chaos, sandbox):
    async with SlackBot(chaos, access(f"{sandbox.url}/api/")), SandboxClient(sandbox.url) as client:
        await client.until_connected()
        for break_off in (client.close_sockets, client.disconnect):
            opened = len(await client.calls("apps.connections.open"))
            await break_off()

            async def reconnected(before=opened):
                return len(await client.calls("apps.connections.open")) > before

            await client.until(reconnected)
            await client.until_connected()
        await chaos.close()


async def test_a_ticket_that_is_used_up_is_not_tried_for_ever(chaos, unused_port):
    """The first WebSocket connect fails; its ticket is good for nothing after that."""
    issued, refused = [], []
    connected = asyncio.Event()

    async def call(request):
        url = f"ws://127.0.0.1:{unused_port}/link/?ticket={len(issued)}"
        if request.match_info["method"] == "apps.connections.open":
            issued.append(url)
        return web.json_response({"ok": True, "url": url, "team": "T", "user_id": "U"})

    async def link(request):
        if request.query["ticket"] == "0":
            refused.append(request.query["ticket"])
            return web.Response(status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connected.set()
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.add_routes([web.route("*", "/api/{method}", call), web.get("/link/", link)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_port).start()
    try:
        async with asyncio.timeout(10):
            async with SlackBot(chaos, access(f"http://127.0.0.1:{unused_port}/api/")):
                await connected.wait()
                await chaos.close()
    finally:
        await runner.cleanup()
    assert refused
    assert len(issued) >= 2

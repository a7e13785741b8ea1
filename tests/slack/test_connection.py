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
from bot.slack import Access, SlackAway, SlackBot


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


async def test_away_is_told_apart_from_a_wrong_token(chaos, sandbox):
    for weather in ({"status": 503}, {"status": 429}, {"error": "internal_error"}, {"drop": True}):
        for method in ("auth.test", "apps.connections.open"):
            # aiohttp tries a GET once more if its connection breaks off.
            sandbox.slack.faults.add(Fault(method=method, times=2, **weather))
            with pytest.raises(SlackAway, match="cannot be reached"):
                await SlackBot(chaos, access(f"{sandbox.url}/api/")).start()
            sandbox.slack.faults.clear()
    with pytest.raises(SettingsError) as raised:
        await SlackBot(chaos, access(f"{sandbox.url}/api/", bot_token="xoxb-wrong")).start()
    assert not isinstance(raised.value, SlackAway)


@pytest.mark.parametrize("fresh", [True, False])
async def test_it_can_be_started_again_after_slack_was_away(chaos, sandbox, fresh):
    bot = SlackBot(chaos, access(f"{sandbox.url}/api/"))
    async with sandbox.away():
        for _ in range(2):
            with pytest.raises(SlackAway):
                await bot.start()
            bot = SlackBot(chaos, access(f"{sandbox.url}/api/")) if fresh else bot
    async with SandboxClient(sandbox.url) as client:
        await bot.start()
        await client.until_connected()
        await client.user(STARTER).command("/chaos status")
        await client.user(STARTER).until_ephemeral(lambda m: "No cluster" in m["text"])
        await chaos.close()
        await bot.close()


def test_socket_mode_needs_its_token():
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is not set"):
        Access(bot_token=BOT_TOKEN)


async def silent_for(chaos, seconds):
    async with asyncio.timeout(10):
        while chaos.contact.since("Slack") < seconds:
            await asyncio.sleep(0.02)


async def heard(chaos):
    mark = chaos.clock.monotonic()
    async with asyncio.timeout(10):
        while chaos.contact.since("Slack") > chaos.clock.monotonic() - mark:
            await asyncio.sleep(0.02)


async def test_slack_is_heard_of_while_the_socket_answers_and_no_longer(chaos, sandbox):
    async with SlackBot(chaos, access(f"{sandbox.url}/api/")), SandboxClient(sandbox.url) as client:
        await client.until_connected()
        for _ in range(3):
            await heard(chaos)
        async with sandbox.away():
            await silent_for(chaos, 0.5)
        await client.until_connected()
        await heard(chaos)
        await chaos.close()


async def test_a_socket_that_is_open_but_dead_is_not_heard(chaos, unused_port):
    """Whoever holds it open answers no ping."""

    async def call(request):
        url = f"ws://127.0.0.1:{unused_port}/link/"
        if asked and request.match_info["method"] == "apps.connections.open":
            return web.Response(status=503)
        asked.extend([1] if request.match_info["method"] == "apps.connections.open" else [])
        return web.json_response({"ok": True, "url": url, "team": "T", "user_id": "U"})

    async def link(request):
        silent = web.WebSocketResponse(autoping=False)
        await silent.prepare(request)
        async for _ in silent:
            pass
        return silent

    asked = []
    app = web.Application()
    app.add_routes([web.route("*", "/api/{method}", call), web.get("/link/", link)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_port).start()
    try:
        async with SlackBot(chaos, access(f"http://127.0.0.1:{unused_port}/api/")):
            await silent_for(chaos, 0.6)
            await chaos.close()
    finally:
        await runner.cleanup()


class Slow:
    """A journal that answers when it is told to."""

    def __init__(self, journal):
        self._journal = journal
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._journal, name)

    async def latest(self, limit):
        self.asked.set()
        await self.go_on.wait()
        return await self._journal.latest(limit)


async def test_it_stops_listening_before_it_ends(chaos, sandbox, journal):
    slow = Slow(journal)
    bot = SlackBot(chaos, access(f"{sandbox.url}/api/"))
    async with SandboxClient(sandbox.url) as client:
        await bot.start()
        await client.until_connected()
        chaos.journal = slow
        await client.user(STARTER).command("/chaos status")
        await slow.asked.wait()
        stopping = asyncio.create_task(bot.stop_listening())

        async def disconnected():
            return len(sandbox.slack.sockets) == 0

        await client.until(disconnected)
        await client.user(STARTER).command("/chaos help")
        await client.user(STARTER).until_ephemeral(lambda m: "dispatch_failed" in m["text"])
        assert not stopping.done()
        slow.go_on.set()
        await stopping
        await client.user(STARTER).until_ephemeral(lambda m: "No cluster" in m["text"])
        await chaos.close()
        await bot.close()
        await bot.close()


async def test_an_answer_that_never_comes_does_not_keep_the_end_waiting(chaos, sandbox, journal):
    slow = Slow(journal)
    bot = SlackBot(chaos, access(f"{sandbox.url}/api/"))
    async with SandboxClient(sandbox.url) as client:
        await bot.start()
        await client.until_connected()
        chaos.journal = slow
        await client.user(STARTER).command("/chaos status")
        await slow.asked.wait()
        async with asyncio.timeout(2):
            await bot.stop_listening(seconds=0.05)
            await chaos.close()
            await bot.close()


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "user": "x", "actions": 7},
        {"type": "block_actions", "actions": []},
        {"type": "event_callback", "event": [], "event_id": {}},
        {"type": "block_actions", "view": {"private_metadata": 7}},
        {"type": "event_callback", "event": None},
        {"type": 7},
    ],
    ids=str,
)
async def test_what_slack_would_never_send_is_dropped(chaos, sandbox, caplog, payload):
    async with SlackBot(chaos, access(f"{sandbox.url}/api/")), SandboxClient(sandbox.url) as client:
        await client.until_connected()
        for kind in ("interactive", "events_api", "slash_commands"):
            assert await client.deliver(kind, payload) == {}
        await client.user(STARTER).command("/chaos status")
        await client.user(STARTER).until_ephemeral(lambda m: "No cluster" in m["text"])
        await chaos.close()
    assert "not as Slack makes it" in caplog.text
    assert "Traceback" not in caplog.text


async def test_it_ends_while_slack_is_away(chaos, sandbox, caplog):
    before = asyncio.all_tasks()
    bot = SlackBot(chaos, access(f"{sandbox.url}/api/"))
    async with SandboxClient(sandbox.url) as client:
        await bot.start()
        await client.until_connected()
    async with sandbox.away():
        await silent_for(chaos, 0.3)
        async with asyncio.timeout(3):
            await bot.stop_listening()
            await chaos.close()
            await bot.close()
        await asyncio.sleep(0.3)  # whatever still tried to connect has given up
    assert "Traceback" not in caplog.text
    assert not asyncio.all_tasks() - before

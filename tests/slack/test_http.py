"""HTTP mode over real sockets: signed requests in, health and readiness, everything else refused."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from random import Random
from urllib.parse import urlencode

import httpx
import pytest

from bot.domain.approval import Policy
from bot.domain.errors import SettingsError
from bot.domain.experiment import Timings
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.sandbox import server
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import APPROVER, BOT_TOKEN, CHAOS, STARTER
from bot.sandbox.faults import Fault
from bot.sandbox.request_url import sign
from bot.slack import Access, SlackAway, SlackBot
from bot.slack.buttons import Action
from tests.engine.world import World

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
PATH = "/slack/events"


@pytest.fixture
async def chaos(journal):
    made = Chaos([], journal, SystemClock(), timings=Timings(), policy=Policy(), random=Random(7))
    yield made
    await made.close()


@pytest.fixture
async def slack():
    started = await server.start(0, signing_secret=SECRET)
    yield started
    await started.stop()


def access(slack, **given):
    return Access(
        **{
            "bot_token": BOT_TOKEN,
            "signing_secret": SECRET,
            "http": ("127.0.0.1", 0),
            "api_url": f"{slack.url}/api/",
            "ping_interval": 0.05,
        }
        | given
    )


@pytest.fixture
async def bot(chaos, slack):
    async with SlackBot(chaos, access(slack)) as made:
        yield made
        await chaos.close()


@pytest.fixture
async def client(slack):
    async with SandboxClient(slack.url) as made:
        yield made


@pytest.fixture
async def web(bot):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bot.port}", trust_env=False) as made:
        yield made


def signed(body, *, at=None, secret=SECRET, content_type=FORM):
    stamp = str(int(time.time()) if at is None else at)
    return {
        "content": body,
        "headers": {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(secret, stamp, body),
        },
    }


def command(text, trigger="1.1.a"):
    return urlencode({"command": "/chaos", "text": text, "user_id": STARTER, "trigger_id": trigger})


async def test_slack_takes_the_url_and_what_people_do_arrives(bot, client, chaos):
    await client.use_request_url(f"http://127.0.0.1:{bot.port}{PATH}")
    await client.user(STARTER).command("/chaos status")
    told = await client.user(STARTER).until_ephemeral(lambda m: "No cluster" in m["text"])
    assert told["text"]
    await client.user(STARTER).command("/chaos help")
    await client.user(STARTER).until_ephemeral(lambda m: "What you can type" in m["text"])
    await client.user(STARTER).open_home()
    view = await client.until(client.user(STARTER).home)
    await client.user(STARTER).click_in_view(view["id"], Action.HALT)

    async def halted():
        return chaos.halted

    assert (await client.until(halted)).by == STARTER


async def test_no_socket_is_opened(bot, slack):
    assert bot.port
    assert len(slack.slack.sockets) == 0
    assert not [call for call in slack.slack.calls if call.method == "apps.connections.open"]


async def test_a_request_that_slack_sends_again_is_handled_once(bot, client, web):
    await client.use_request_url(f"http://127.0.0.1:{bot.port}{PATH}")
    await client.user(STARTER).open_home()
    await client.until(client.user(STARTER).home)
    published = len(await client.calls("views.publish"))
    (event,) = await client.deliveries("events_api")
    for attempt in ("1", "2", "3"):
        again = {"X_Slack_Retry_Num": attempt, "X_Slack_Retry_Reason": "http_timeout"}
        assert await client.post_again(event, **again) == 200
    await client.user(STARTER).command("/chaos help")
    await client.user(STARTER).until_ephemeral()
    assert (await web.post(PATH, **signed(command("help")))).text
    assert (await web.post(PATH, **signed(command("help")))).text == ""
    assert len(await client.calls("views.publish")) == published


@pytest.mark.parametrize("age", [302, -310, 10**9])
async def test_a_replay_is_refused(web, caplog, age):
    caplog.set_level(logging.WARNING)
    answer = await web.post(PATH, **signed(command("help"), at=int(time.time()) - age))
    assert answer.status_code == 401
    assert "older than five minutes" in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=" + 64 * "0"},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=\xe9"},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "²"},
        {"X-Slack-Request-Timestamp": 30 * "9"},
        {"X-Slack-Request-Timestamp": "-1"},
    ],
    ids=str,
)
async def test_what_slack_has_not_signed_is_refused_and_its_body_is_not_logged(
    web, caplog, headers
):
    request = signed(command("kill tikv"))
    request["headers"] |= {name: value.encode() for name, value in headers.items()}
    answer = await web.post(PATH, **request)
    assert answer.status_code == 401
    assert "401" in caplog.text
    assert "kill" not in caplog.text
    other = await web.post(PATH, **signed(command("kill tikv"), secret="another"))
    assert other.status_code == 401


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", FORM),
        ("no form at all", FORM),
        ("payload=no json", FORM),
        ("payload=[]", FORM),
        ("payload=7", FORM),
        ("{", "application/json"),
        ("[1, 2]", "application/json"),
        ("null", "application/json"),
        ("[" * 100_000, "application/json"),
        ('{"type": "event_callback"}', "application/json"),
        ('{"type": "event_callback", "event": "x", "authorizations": 7}', "application/json"),
        ('{"user": "x", "team": [], "type": "block_actions", "actions": 3}', "application/json"),
        ('{"user": {"id": "U1"}, "type": "block_actions", "actions": []}', "application/json"),
        ('{"type": "block_actions", "view": {"private_metadata": 7}}', "application/json"),
        ("ssl_check=1", FORM),
    ],
    ids=lambda text: text[:30],
)
async def test_bodies_that_are_none_of_slacks_are_answered_without_a_traceback(
    web, caplog, body, content_type
):
    answer = await web.post(PATH, **signed(body, content_type=content_type))
    assert answer.status_code < 500
    assert "Traceback" not in caplog.text


async def test_bytes_that_are_no_text_and_bodies_without_an_end(web):
    assert (await web.post(PATH, content=b"\xff\xfe")).status_code == 400
    assert (await web.post(PATH, content=b"a" * 3_000_000)).status_code == 413
    assert (await web.get(PATH)).status_code == 405
    assert (await web.get("/")).status_code == 404


async def test_healthy_and_ready(web, journal, chaos):
    assert (await web.get("/healthz")).text == "ok"
    answer = await web.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


async def test_healthy_but_not_ready_while_slack_is_away_and_then_started_again(chaos, slack):
    bot = SlackBot(chaos, access(slack))
    try:
        async with slack.away():
            with pytest.raises(SlackAway, match="cannot be reached"):
                await bot.start()
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bot.port}") as web:
                assert (await web.get("/healthz")).status_code == 200
                answer = await web.get("/readyz")
                assert answer.status_code == 503
                assert "cannot be reached" in answer.json()["why"]
                assert (await web.post(PATH, **signed(command("help")))).status_code == 503
        await bot.start()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bot.port}") as web:
            assert (await web.get("/readyz")).status_code == 200
    finally:
        await chaos.close()
        await bot.close()


async def test_not_ready_without_a_journal(web, journal):
    await journal.close()
    answer = await web.get("/readyz")
    assert answer.status_code == 503
    assert "journal" in answer.json()["why"].lower()


async def test_an_end_in_order(bot, web, chaos):
    await bot.stop_listening()
    assert (await web.get("/healthz")).status_code == 200
    answer = await web.get("/readyz")
    assert (answer.status_code, answer.json()["why"]) == (503, "Chaosbot is ending.")
    assert (await web.post(PATH, **signed(command("help")))).status_code == 503
    await chaos.close()
    await bot.close()
    with pytest.raises(httpx.ConnectError):
        await web.get("/healthz")


async def test_a_port_that_is_taken_is_one_sentence(chaos, slack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} of 127.0.0.1") as raised:
            await SlackBot(chaos, access(slack, http=("127.0.0.1", port))).start()
    assert not isinstance(raised.value, SlackAway)
    assert "--http" in raised.value.mend
    with pytest.raises(SettingsError, match="cannot be listened at"):
        await SlackBot(chaos, access(slack, http=("host.invalid", 0))).start()


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_without_a_signing_secret_there_is_no_http_mode(slack, secret):
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET"):
        access(slack, signing_secret=secret)


async def test_slack_is_heard_of_while_nobody_does_anything(bot, chaos, slack):
    assert bot.port

    async def silent_for(seconds):
        while chaos.contact.since("Slack") < seconds:
            await asyncio.sleep(0.02)

    async def heard():
        mark = chaos.clock.monotonic()
        while chaos.contact.since("Slack") > chaos.clock.monotonic() - mark:
            await asyncio.sleep(0.02)

    async with asyncio.timeout(10):
        await heard()
        slack.slack.faults.add(Fault(method="*", status=500, lasting=60))
        await silent_for(0.5)
        slack.slack.faults.clear()
        slack.slack.faults.add(Fault(method="*", status=429, lasting=60))
        await heard()


async def test_a_body_that_never_comes_keeps_nobody_else_waiting(bot, web):
    reader, writer = await asyncio.open_connection("127.0.0.1", bot.port)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
    await writer.drain()
    body = json.dumps({"type": "url_verification", "challenge": "c"})
    answer = await web.post(PATH, **signed(body, content_type="application/json"))
    assert "c" in answer.text
    writer.close()
    await writer.wait_closed()
    assert not await reader.read()


@pytest.fixture
async def staged(journal, clock):
    """A run's whole stage; the bot's time is the test's, Slack's is real: signatures go by it."""
    slack = await server.start(0, signing_secret=SECRET, rate_limits=False)
    chaos = Chaos(
        [World(clock).cluster()],
        journal,
        clock,
        timings=Timings(warm_up=5, detection=40, settling=15),
        policy=Policy(approvers=frozenset({APPROVER})),
        random=Random(7),
    )
    bot = SlackBot(chaos, access(slack))
    await bot.start()
    yield slack, chaos, bot
    await bot.stop_listening()
    await clock.until(chaos.close())
    await clock.until(bot.close())
    await slack.stop()


async def test_a_run_from_the_command_to_recovered(staged, clock):
    slack, chaos, bot = staged

    def message(key):
        standing = slack.slack.workspace.channels[CHAOS].messages.values()
        keyed = {(m.metadata or {}).get("event_payload", {}).get("key"): m for m in standing}
        return keyed.get(key)

    async with SandboxClient(slack.url) as client:

        async def until(probe):
            for _ in range(2000):
                if found := probe():
                    return found
                await clock.advance(0.5)
                await client.get("views", user=STARTER)
            raise AssertionError("not within 1,000 s of the bot's clock")

        await client.use_request_url(f"http://127.0.0.1:{bot.port}{PATH}")
        await client.user(STARTER).command("/chaos kill tikv-1")
        asked = await until(lambda: message("diagnosis"))
        await until(lambda: Action.APPROVE in str(asked.blocks))
        await client.user(STARTER).click(asked.ts, Action.APPROVE)
        await client.user(STARTER).until_ephemeral(lambda m: "may not decide" in m["text"])
        await client.user(APPROVER).click(asked.ts, Action.APPROVE)
        sent = await client.deliveries("interactive")
        (click,) = [one for one in sent if one["payload"]["user"]["id"] == APPROVER]
        assert await client.post_again(click) == 200
        await until(lambda: message("result") and "Recovered" in message("result").text)
    assert [vote.by for vote in (await chaos.report(1)).votes] == [APPROVER]

"""HTTP delivery: slack_bolt's own receiver checks what the sandbox signs."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
from aiohttp import web as http
from slack_bolt.async_app import AsyncApp

from bot.sandbox import server
from bot.sandbox.client import DoorError
from bot.sandbox.directory import BOT_USER, CHAOS, STARTER
from bot.sandbox.errors import SlackError
from bot.sandbox.request_url import sign
from tests.sandbox.conftest import COMMANDS, EVENTS, actions, button, modal, text_input

SECRET = "a-signing-secret"
PATH = "/slack/events"


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(clock, port) -> AsyncIterator[server.Sandbox]:
    running = await server.start(
        0,
        clock=clock,
        commands=COMMANDS,
        events=EVENTS,
        ack_seconds=1.0,
        retry_seconds=(0.0, 0.05),
        request_url=f"http://127.0.0.1:{port}{PATH}",
        signing_secret=SECRET,
    )
    yield running
    await running.stop()


@pytest.fixture
def app(web) -> AsyncApp:
    return AsyncApp(client=web, signing_secret=SECRET)


@asynccontextmanager
async def listening(application: http.Application, port: int) -> AsyncIterator[None]:
    runner = http.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await http.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
def served(app, port):
    """Serves the app when entered, once its listeners are there."""
    return lambda: listening(app.web_app(PATH), port)


@pytest.fixture
def receiver(port):
    """A small server that keeps what it gets, and answers as a test says."""
    got: asyncio.Queue[tuple[http.Request, str]] = asyncio.Queue()

    def answering(*answers: http.Response) -> http.Application:
        left = list(answers)

        async def take(request: http.Request) -> http.Response:
            await got.put((request, await request.text()))
            return left.pop(0) if left else http.Response()

        application = http.Application()
        application.add_routes([http.post(PATH, take)])
        return application

    return got, answering


async def test_the_environment_has_the_secret_only_where_there_is_one(sandbox):
    assert sandbox.environment["SLACK_SIGNING_SECRET"] == SECRET


async def test_a_request_url_needs_a_secret():
    with pytest.raises(ValueError, match="signing secret"):
        await server.start(0, request_url="http://127.0.0.1:1/slack/events")


async def test_a_command_is_answered_by_the_body(app, served, starter):
    @app.command("/chaos")
    async def answer(ack, command):
        await ack(f"you typed {command['text']}")

    async with served():
        await starter.command("/chaos kill tikv")
    assert [m["text"] for m in await starter.ephemerals()] == ["you typed kill tikv"]


async def test_an_answer_in_json_can_speak_in_the_channel(app, served, starter, client):
    @app.command("/chaos")
    async def answer(ack):
        await ack(text="everybody", response_type="in_channel")

    async with served():
        await starter.command("/chaos help")
    assert [m["text"] for m in await client.messages()] == ["everybody"]


async def test_a_click_and_a_modal(app, served, starter, web, client):
    @app.action("open")
    async def opened(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(text_input("why")))

    @app.view("form")
    async def sent(ack):
        await ack(response_action="errors", errors={"why": "Say more."})

    blocks = [actions(button("open"))]
    async with served():
        ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]
        await starter.click(ts, "open")
        view = await starter.until_view()
        answer = await starter.submit(view["id"], {"why": {"value": "no"}})
    assert answer["errors"] == {"why": "Say more."}
    assert await client.calls("apps.connections.open") == []


async def test_an_event_arrives(app, served, starter):
    heard: asyncio.Queue[dict] = asyncio.Queue()

    @app.event("app_mention")
    async def mentioned(event):
        await heard.put(event)

    @app.event("message")
    async def spoken():
        pass

    async with served():
        await starter.say(f"<@{BOT_USER}> status")
        event = await asyncio.wait_for(heard.get(), 5)
    assert event["user"] == STARTER


async def test_the_requests_are_slacks_own(receiver, port, starter, web, clock):
    got, answering = receiver
    blocks = [actions(button("press"))]
    ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]
    async with listening(answering(), port):
        await got.get()  # our own message, as an event
        await starter.command("/chaos status")
        await starter.click(ts, "press")
        await starter.say("hello")
        (command, form), (click, interaction), (event, body) = [await got.get() for _ in range(3)]
    form_type = "application/x-www-form-urlencoded"
    assert [r.content_type for r in (command, click, event)] == [
        form_type,
        form_type,
        "application/json",
    ]
    assert parse_qs(form)["text"] == ["status"]
    assert list(parse_qs(interaction)) == ["payload"]
    assert json.loads(parse_qs(interaction)["payload"][0])["type"] == "block_actions"
    assert json.loads(body)["event"]["text"] == "hello"
    for request, text in ((command, form), (click, interaction), (event, body)):
        stamp = request.headers["X-Slack-Request-Timestamp"]
        assert abs(clock() - int(stamp)) < 5
        assert request.headers["X-Slack-Signature"] == sign(SECRET, stamp, text)
        assert "X-Slack-Retry-Num" not in request.headers


def test_the_signature_is_that_of_slacks_own_example():
    """From https://docs.slack.dev/authentication/verifying-requests-from-slack."""
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
        "channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
        "command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        "%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert sign("8f742231b10e8888abcd99yyyzzz85a5", 1531420618, body) == expected


async def test_an_event_that_is_not_taken_comes_again_with_number_and_reason(
    receiver, port, starter
):
    got, answering = receiver
    async with listening(answering(http.Response(status=500), http.Response(status=404)), port):
        await starter.say("hello")
        requests = [await got.get() for _ in range(3)]
        await asyncio.sleep(0.1)
        assert got.empty(), "it was taken the third time"
    retries = [
        (r.headers.get("X-Slack-Retry-Num"), r.headers.get("X-Slack-Retry-Reason"))
        for r, _ in requests
    ]
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert len({json.loads(body)["event_id"] for _, body in requests}) == 1


async def test_an_app_that_wants_no_retry_gets_none(receiver, port, starter, client):
    got, answering = receiver
    no_more = http.Response(status=500, headers={"X-Slack-No-Retry": "1"})
    async with listening(answering(no_more), port):
        await starter.say("hello")
        await got.get()
        await asyncio.sleep(0.1)
    assert len(await client.deliveries("events_api")) == 1


async def test_an_app_that_is_not_there_is_told_as_slack_does(starter):
    await starter.command("/chaos")
    (told,) = await starter.ephemerals()
    assert told["text"] == '/chaos failed with the error "dispatch_failed"'


async def test_an_app_that_was_started_again_hears_the_next_command(
    receiver, port, client, starter
):
    got, answering = receiver
    for _ in range(3):
        async with listening(answering(), port):
            await starter.command("/chaos")
            await got.get()
    assert await starter.ephemerals() == []


async def test_a_hundred_clicks_at_once(receiver, port, starter, web, sandbox):
    sandbox.slack.request_url.ack_seconds = 30.0  # each has to come; how soon is not tested here
    got, answering = receiver
    blocks = [actions(button("press"))]
    async with listening(answering(), port):
        ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]
        await got.get()  # our own message, as an event
        await starter.click(ts, "press", times=100)
        bodies = {(await got.get())[1] for _ in range(100)}
    assert len(bodies) == 1


async def test_an_app_that_is_too_slow_is_told_as_slack_does(port, starter):
    async def slow(_request: http.Request) -> http.Response:
        await asyncio.sleep(5)
        return http.Response()

    application = http.Application()
    application.add_routes([http.post(PATH, slow)])
    async with listening(application, port):
        await starter.command("/chaos")
    (told,) = await starter.ephemerals()
    assert told["text"] == '/chaos failed with the error "operation_timeout"'


@pytest.mark.parametrize(
    ("case", "status"),
    [("again", 200), ("forged", 401), ("other_body", 401), ("old", 401), ("old_resigned", 401)],
)
async def test_replays_and_forgeries_can_be_sent(
    *, app, served, starter, client, clock, case, status
):
    @app.command("/chaos")
    async def answer(ack):
        await ack()

    if case == "old":
        clock.forward(-301)
    async with served():
        await starter.command("/chaos approve 17")
        (delivery,) = await client.deliveries("slash_commands")
        headers = {}
        if case == "forged":
            headers["X_Slack_Signature"] = "v0=" + "0" * 64
        if case == "other_body":
            delivery["body"] = delivery["body"].replace("17", "18")
        if case == "old_resigned":
            stamp = str(int(delivery["headers"]["X-Slack-Request-Timestamp"]) - 301)
            headers["X_Slack_Request_Timestamp"] = stamp
            headers["X_Slack_Signature"] = sign(SECRET, stamp, delivery["body"])
        assert await client.post_again(delivery, **headers) == status


async def test_the_app_answers_a_challenge_before_its_url_is_taken(
    app, served, port, client, starter
):
    @app.command("/chaos")
    async def answer(ack):
        await ack("here")

    await client.use_request_url("")
    await starter.command("/chaos")
    assert "dispatch_failed" in (await starter.ephemerals())[0]["text"], "there is no socket"
    url = f"http://127.0.0.1:{port}{PATH}"
    with pytest.raises(DoorError, match="challenge_failed"):
        await client.use_request_url(url)
    async with served():
        await client.use_request_url(url)
        await starter.command("/chaos")
        await starter.until_ephemeral(lambda m: m["text"] == "here")


async def test_without_a_secret_no_url_is_taken():
    running = await server.start(0)
    try:
        with pytest.raises(SlackError, match="no_signing_secret"):
            await running.slack.use_request_url("http://127.0.0.1:1/")
    finally:
        await running.stop()

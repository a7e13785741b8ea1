import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.client import DoorError
from bot.sandbox.directory import APPROVER, CHAOS, STARTER, TEAM
from bot.sandbox.grants import RESPONSE_SECONDS
from tests.sandbox.conftest import actions, button, modal, section, text_input


@pytest.fixture
def heard(app):
    """The command payloads that reach the app."""
    queue: asyncio.Queue[dict] = asyncio.Queue()

    @app.command("/chaos")
    async def take(ack, body):
        await ack()
        await queue.put(body)

    return queue


async def test_a_command_arrives_with_all_its_fields(connected, heard, starter):
    async with connected():
        await starter.command("/chaos kill tikv")
        body = await heard.get()
    assert " ".join(sorted(body)) == (
        "api_app_id channel_id channel_name command is_enterprise_install response_url "
        "team_domain team_id text token trigger_id user_id user_name"
    )
    assert (body["command"], body["text"], body["user_id"]) == ("/chaos", "kill tikv", STARTER)
    assert (body["channel_id"], body["channel_name"], body["team_id"]) == (CHAOS, "chaos", TEAM)


async def test_the_acks_text_is_for_the_user_alone(app, connected, starter, client):
    @app.command("/chaos")
    async def answer(ack):
        await ack("only you")

    async with connected():
        await starter.command("/chaos help")
        assert [m["text"] for m in await starter.ephemerals()] == ["only you"]
    assert await client.messages() == []


async def test_an_ack_can_speak_in_the_channel(app, connected, starter, client):
    @app.command("/chaos")
    async def answer(ack):
        await ack(text="everybody", response_type="in_channel")

    async with connected():
        await starter.command("/chaos help")
    assert [m["text"] for m in await client.messages()] == ["everybody"]


async def test_a_response_url_works_five_times(connected, heard, starter):
    async with connected():
        await starter.command("/chaos")
        webhook = AsyncWebhookClient((await heard.get())["response_url"])
        for number in range(5):
            assert (await webhook.send(text=str(number))).status_code == 200
        sixth = await webhook.send(text="6")
        assert (sixth.status_code, "used_url" in sixth.body) == (404, True)
    assert [m["text"] for m in await starter.ephemerals()] == list("01234")


async def test_a_response_url_expires(connected, heard, starter, clock):
    async with connected():
        await starter.command("/chaos")
        webhook = AsyncWebhookClient((await heard.get())["response_url"])
        clock.forward(RESPONSE_SECONDS + 1)
        late = await webhook.send(text="late")
        assert (late.status_code, "expired_url" in late.body) == (404, True)


async def test_a_trigger_id_opens_one_view_within_three_seconds(
    connected, heard, web, starter, clock
):
    async with connected():
        await starter.command("/chaos")
        trigger = (await heard.get())["trigger_id"]
        await web.views_open(trigger_id=trigger, view=modal(section("x")))
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await web.views_open(trigger_id=trigger, view=modal(section("x")))
        await starter.command("/chaos")
        trigger = (await heard.get())["trigger_id"]
        clock.forward(3.1)
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            await web.views_open(trigger_id=trigger, view=modal(section("x")))


async def test_an_app_that_does_not_ack_is_reported_as_slack_does(app, connected, starter):
    @app.command("/chaos")
    async def silent():
        await asyncio.sleep(0)

    async with connected():
        await starter.command("/chaos")
        (told,) = await starter.ephemerals()
    assert told["text"] == '/chaos failed with the error "operation_timeout"'
    assert told["user"] == "USLACKBOT"


async def test_without_an_app_a_command_fails_to_dispatch(starter):
    await starter.command("/chaos")
    assert "dispatch_failed" in (await starter.ephemerals())[0]["text"]


async def test_unknown_commands_and_commands_in_threads(starter):
    root = await starter.say("root")
    await starter.command("/unknown")
    await starter.command("/chaos status", thread_ts=root)
    unknown, in_thread = await starter.ephemerals()
    assert "is not a valid command" in unknown["text"]
    assert "not supported in threads" in in_thread["text"]
    assert in_thread["thread_ts"] == root


async def test_a_click_carries_the_message_and_a_response_url_that_replaces_it(
    app, connected, web, approver, client
):
    @app.action("approve")
    async def approve(ack, body, respond):
        await ack()
        assert body["container"]["message_ts"] == body["message"]["ts"]
        assert body["actions"][0]["value"] == "17"
        await respond(text=f"by {body['user']['id']}", replace_original=True)

    blocks = [section("?"), actions(button("approve", value="17"))]
    async with connected():
        ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]
        await approver.click(ts, "approve")
        await client.until_message(CHAOS, lambda m: m["text"] == f"by {APPROVER}")
    assert len(await client.messages()) == 1


async def test_an_ephemeral_message_can_be_replaced_and_deleted(app, connected, web, starter):
    @app.action("swap")
    async def swap(ack, body, respond):
        await ack()
        assert "message" not in body
        await respond(text="swapped", blocks=[actions(button("drop"))], replace_original=True)

    @app.action("drop")
    async def drop(ack, respond):
        await ack()
        await respond(delete_original=True)

    async with connected():
        blocks = [actions(button("swap"))]
        posted = await web.chat_postEphemeral(
            channel=CHAOS, user=STARTER, text="first", blocks=blocks
        )
        await starter.click(posted["message_ts"], "swap")
        await starter.until_ephemeral(lambda m: m["text"] == "swapped")
        await starter.click(posted["message_ts"], "drop")

        async def gone() -> bool:
            return not await starter.ephemerals()

        await starter.client.until(gone)


async def test_choices_arrive_as_actions_and_as_state(app, connected, web, starter):
    seen: asyncio.Queue[dict] = asyncio.Queue()

    @app.action("pick")
    async def pick(ack, body):
        await ack()
        await seen.put(body)

    options = [
        {"text": {"type": "plain_text", "text": name}, "value": name} for name in ("one", "two")
    ]
    block = actions(
        {"type": "static_select", "action_id": "pick", "options": options},
        {
            "type": "checkboxes",
            "action_id": "tick",
            "options": options,
            "initial_options": options[:1],
        },
    )
    async with connected():
        ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=[block]))["ts"]
        await starter.click(ts, "pick", choice="two")
        body = await seen.get()
    assert body["actions"][0]["selected_option"]["value"] == "two"
    state = body["state"]["values"]["buttons"]
    assert state["pick"]["selected_option"]["value"] == "two"
    assert [option["value"] for option in state["tick"]["selected_options"]] == ["one"]


async def test_a_button_that_is_gone_says_so(web, starter):
    ts = (await web.chat_postMessage(channel=CHAOS, text="x"))["ts"]
    with pytest.raises(DoorError, match="action_not_found"):
        await starter.click(ts, "approve")


async def test_a_modal_is_filled_in_refused_and_sent(app, connected, starter):
    @app.command("/chaos")
    async def ask(ack, body, client):
        await ack()
        view = modal(text_input("why"), text_input("note", optional=True))
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    sent: asyncio.Queue[dict] = asyncio.Queue()

    @app.view("form")
    async def take(ack, view):
        if view["state"]["values"]["why"]["value"]["value"] == "no":
            await ack(response_action="errors", errors={"why": "Say more."})
            return
        await ack()
        await sent.put(view["state"]["values"])

    async with connected():
        await starter.command("/chaos")
        view = await starter.until_view()
        empty = await starter.submit(view["id"])
        assert empty["errors"] == {"why": "Please complete this required field."}
        refused = await starter.submit(view["id"], {"why": {"value": "no"}})
        assert refused["errors"] == {"why": "Say more."}
        assert (await starter.submit(view["id"], {"why": {"value": "because"}}))["ok"]
        assert (await sent.get())["why"]["value"]["value"] == "because"
        assert await starter.views() == []


async def test_modals_lie_on_one_another_up_to_three_deep(app, connected, starter):
    @app.command("/chaos")
    async def ask(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(section("1")))

    @app.view("form")
    async def deeper(ack):
        await ack(response_action="push", view=modal(section("deeper"), notify_on_close=True))

    closed: asyncio.Queue[dict] = asyncio.Queue()

    @app.view_closed("form")
    async def left(ack, body):
        await ack()
        await closed.put(body)

    async with connected():
        await starter.command("/chaos")
        await starter.submit((await starter.until_view())["id"])
        await starter.submit((await starter.views())[-1]["id"])
        first, _second, third = await starter.views()
        assert third["root_view_id"] == first["id"]
        assert not (await starter.submit(third["id"]))["ok"], "a fourth is refused"
        await starter.close(third["id"])
        assert (await closed.get())["view"]["id"] == third["id"]
        assert len(await starter.views()) == 2


async def test_home_opens_and_its_buttons_work(app, connected, starter):
    pressed = asyncio.Event()

    @app.event("app_home_opened")
    async def paint(event, client):
        view = {"type": "home", "blocks": [actions(button("press"))]}
        await client.views_publish(user_id=event["user"], view=view)

    @app.action("press")
    async def press(ack, body):
        await ack()
        assert body["view"]["type"] == "home"
        pressed.set()

    async with connected():
        await starter.open_home()
        home = await starter.client.until(starter.home)
        await starter.click_in_view(home["id"], "press")
        await asyncio.wait_for(pressed.wait(), 5)


async def test_shortcuts(app, connected, starter):
    used: asyncio.Queue[str] = asyncio.Queue()

    @app.shortcut("everywhere")
    async def everywhere(ack):
        await ack()
        await used.put("everywhere")

    @app.shortcut("on_message")
    async def on_message(ack, shortcut):
        await ack()
        await used.put(shortcut["message"]["text"])

    @app.event("message")
    async def spoken():
        pass

    async with connected():
        ts = await starter.say("look here")
        await starter.shortcut("everywhere")
        await starter.shortcut("on_message", ts=ts)
        assert {await used.get(), await used.get()} == {"everywhere", "look here"}


async def test_a_hundred_commands_at_once(sandbox, app, connected, starter):
    sandbox.slack.sockets.ack_seconds = (
        10.0  # how soon they are acknowledged is measured, not tested
    )

    @app.command("/chaos")
    async def answer(ack, command):
        await ack(command["text"])

    async with connected():
        await asyncio.gather(*(starter.command(f"/chaos {n}") for n in range(100)))
        texts = {m["text"] for m in await starter.ephemerals()}
    assert texts == {str(n) for n in range(100)}


async def test_an_unacknowledged_click_warns_the_one_who_clicked(web, starter, client, sandbox):
    blocks = [actions(button("press"))]
    ts = (await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks))["ts"]
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{sandbox.url}/page/live") as feed,
    ):
        await feed.receive_json()
        await starter.click(ts, "press")
        while (change := await feed.receive_json())["type"] == "delivery":
            pass
    assert (change["type"], change["user"], change["ts"]) == ("action_failed", STARTER, ts)

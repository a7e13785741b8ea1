import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.directory import (
    APP_TOKEN,
    APPROVER,
    APPROVERS,
    BOT,
    BOT_USER,
    CHAOS,
    GENERAL,
    ONLOOKER,
    STARTER,
)
from tests.sandbox.conftest import actions, button, section


async def refusal(call) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return refused.value.response["error"]


async def test_the_bot_learns_who_it_is(web):
    answer = await web.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["user"]) == (BOT_USER, BOT, "chaosbot")
    assert "chat:write" in answer.headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-other", "invalid_auth"), ("", "not_authed"), (APP_TOKEN, "not_allowed_token_type")],
)
async def test_tokens_are_checked(sandbox, token, error):
    other = AsyncWebClient(token=token, base_url=f"{sandbox.url}/api/")
    assert await refusal(other.auth_test()) == error


async def test_a_bot_token_opens_no_socket(web):
    assert (
        await refusal(web.apps_connections_open(app_token="xoxb-sandbox"))
        == "not_allowed_token_type"
    )


async def test_a_posted_message_is_read_back_with_its_metadata(web):
    metadata = {"event_type": "run", "event_payload": {"run": 17}}
    posted = await web.chat_postMessage(
        channel="#chaos", text="hello", blocks=[section("*hello*")], metadata=metadata
    )
    assert posted["channel"] == CHAOS
    assert posted["message"]["bot_id"] == BOT
    history = await web.conversations_history(channel=CHAOS, include_all_metadata=True)
    assert history["messages"][0]["metadata"] == metadata
    assert history["messages"][0]["blocks"][0]["block_id"]
    assert "metadata" not in (await web.conversations_history(channel=CHAOS))["messages"][0]


async def test_a_thread_has_figures_on_its_root(web, starter):
    root = (await web.chat_postMessage(channel=CHAOS, text="root"))["ts"]
    await web.chat_postMessage(channel=CHAOS, thread_ts=root, text="first")
    await starter.say("second", thread_ts=root)
    await web.chat_postMessage(channel=CHAOS, thread_ts=root, text="third", reply_broadcast=True)
    replies = (await web.conversations_replies(channel=CHAOS, ts=root))["messages"]
    assert [m["text"] for m in replies] == ["root", "first", "second", "third"]
    assert replies[0]["reply_count"] == 3
    assert replies[0]["reply_users"] == [BOT_USER, STARTER]
    history = (await web.conversations_history(channel=CHAOS))["messages"]
    assert [m["text"] for m in history] == ["third", "root"]
    assert history[0]["subtype"] == "thread_broadcast"


async def test_history_comes_in_pages(web):
    for number in range(5):
        await web.chat_postMessage(channel=CHAOS, text=str(number))
    texts = []
    async for page in await web.conversations_history(channel=CHAOS, limit=2):
        texts += [m["text"] for m in page["messages"]]
    assert texts == ["4", "3", "2", "1", "0"]


async def test_an_update_with_blocks_shows_no_edit_and_without_blocks_removes_them(web):
    ts = (await web.chat_postMessage(channel=CHAOS, text="a", blocks=[section("a")]))["ts"]
    with_blocks = await web.chat_update(channel=CHAOS, ts=ts, text="b", blocks=[section("b")])
    assert "edited" not in with_blocks["message"]
    without = await web.chat_update(channel=CHAOS, ts=ts, text="c")
    assert "blocks" not in without["message"]
    assert without["message"]["edited"]["user"] == BOT_USER


async def test_every_version_of_a_message_can_be_inspected(web, client):
    ts = (await web.chat_postMessage(channel=CHAOS, text="one"))["ts"]
    await web.chat_update(channel=CHAOS, ts=ts, text="two")
    (message,) = await client.messages(CHAOS, versions=True)
    assert [version["text"] for version in message["versions"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": GENERAL, "text": "x"}, "not_in_channel"),
        ("chat.postMessage", {"channel": CHAOS}, "no_text"),
        ("chat.postMessage", {"channel": CHAOS, "text": "x" * 40_001}, "msg_too_long"),
        (
            "chat.postMessage",
            {"channel": CHAOS, "text": "x", "thread_ts": "1.0"},
            "thread_not_found",
        ),
        ("chat.postMessage", {"channel": CHAOS, "blocks": "{"}, "invalid_blocks_format"),
        (
            "chat.postMessage",
            {"channel": CHAOS, "text": "x", "metadata": "{"},
            "metadata_must_be_sent_as_json",
        ),
        ("chat.update", {"channel": CHAOS, "ts": "1.0", "text": "x"}, "message_not_found"),
        ("chat.delete", {"channel": CHAOS, "ts": "1.0"}, "message_not_found"),
        ("chat.getPermalink", {"channel": CHAOS, "message_ts": "1.0"}, "message_not_found"),
        (
            "chat.postEphemeral",
            {"channel": CHAOS, "user": "U0NOBODY", "text": "x"},
            "user_not_in_channel",
        ),
        ("conversations.replies", {"channel": CHAOS, "ts": "1.0"}, "thread_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S0"}, "no_such_subteam"),
        ("views.update", {"view_id": "V0", "view": '{"type":"home","blocks":[]}'}, "not_found"),
        ("files.info", {"file": "F0"}, "file_not_found"),
        ("chat.shout", {}, "unknown_method"),
        ("api.test", {"error": "my_error"}, "my_error"),
    ],
)
@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
async def test_refusals_have_slacks_codes(web, method, arguments, error, form):
    sent = {"data": arguments} if form else {"json": arguments}
    assert await refusal(web.api_call(method, **sent)) == error


async def test_invalid_blocks_say_where(web):
    with pytest.raises(SlackApiError) as refused:
        await web.chat_postMessage(channel=CHAOS, text="x", blocks=[section("x" * 3001)])
    assert refused.value.response["error"] == "invalid_blocks"
    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_an_update_may_not_be_as_long_as_a_post(web):
    ts = (await web.chat_postMessage(channel=CHAOS, text="x" * 40_000))["ts"]
    assert await refusal(web.chat_update(channel=CHAOS, ts=ts, text="x" * 4_001)) == "msg_too_long"


async def test_nobody_elses_message_can_be_changed(web, starter):
    ts = await starter.say("mine")
    update = web.chat_update(channel=CHAOS, ts=ts, text="yours")
    assert await refusal(update) == "cant_update_message"
    assert await refusal(web.chat_delete(channel=CHAOS, ts=ts)) == "cant_delete_message"


async def test_a_deleted_root_leaves_a_tombstone(web):
    root = (await web.chat_postMessage(channel=CHAOS, text="root"))["ts"]
    reply = (await web.chat_postMessage(channel=CHAOS, text="reply", thread_ts=root))["ts"]
    await web.chat_delete(channel=CHAOS, ts=root)
    (left,) = (await web.conversations_history(channel=CHAOS))["messages"]
    assert left["subtype"] == "tombstone"
    await web.chat_delete(channel=CHAOS, ts=reply)
    assert len((await web.conversations_replies(channel=CHAOS, ts=root))["messages"]) == 1


async def test_an_ephemeral_message_is_for_one_user(web, starter, approver):
    await web.chat_postEphemeral(channel=CHAOS, user=STARTER, text="psst")
    assert [m["text"] for m in await starter.ephemerals()] == ["psst"]
    assert await approver.ephemerals() == []
    assert (await web.conversations_history(channel=CHAOS))["messages"] == []


async def test_too_many_calls_are_answered_429_and_pass_after_waiting(web, clock):
    for _ in range(20):
        await web.users_list()
    with pytest.raises(SlackApiError) as refused:
        await web.users_list()
    assert refused.value.response.status_code == 429
    assert refused.value.response["error"] == "ratelimited"
    assert 55 <= int(refused.value.response.headers["Retry-After"]) <= 60
    clock.forward(60)
    await web.users_list()


async def test_the_sdks_retry_handler_gets_through_a_429_on_demand(web, client):
    web.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.fault("chat.postMessage", status=429, retry_after=0)
    await web.chat_postMessage(channel=CHAOS, text="through")
    answers = [call["answer"] for call in await client.calls("chat.postMessage")]
    assert answers == ["ratelimited", "ok"]


async def test_faults_on_demand(web, client):
    await client.fault("auth.test", status=500)
    with pytest.raises(SlackApiError):
        await web.auth_test()
    await client.fault("auth.test", error="fatal_error", times=2)
    assert await refusal(web.auth_test()) == "fatal_error"
    assert await refusal(web.auth_test()) == "fatal_error"
    await web.auth_test()
    await client.fault("chat.postMessage", error="internal_error", after=True)
    assert await refusal(web.chat_postMessage(channel=CHAOS, text="x")) == "internal_error"
    assert len(await client.messages()) == 1, "it took effect, and only its answer was lost"


async def test_calls_are_kept_without_the_token(web, client):
    await web.chat_postMessage(channel=CHAOS, text="x")
    (call,) = await client.calls("chat.postMessage")
    assert call["answer"] == "ok"
    assert call["arguments"]["text"] == "x"
    assert "token" not in call["arguments"]


async def test_a_file_goes_up_in_three_steps_and_into_the_thread(web, client):
    root = (await web.chat_postMessage(channel=CHAOS, text="root"))["ts"]
    answer = await web.files_upload_v2(
        channel=CHAOS, thread_ts=root, filename="a.txt", content="hello", initial_comment="see"
    )
    file_id = answer["files"][0]["id"]
    reply = (await web.conversations_replies(channel=CHAOS, ts=root))["messages"][1]
    assert (reply["text"], reply["files"][0]["id"]) == ("see", file_id)
    info = await web.files_info(file=file_id)
    assert info["file"]["shares"]["public"][CHAOS][0]["ts"] == reply["ts"]
    assert info["file"]["size"] == 5


async def test_an_image_block_takes_a_picture_that_was_uploaded(web):
    answer = await web.files_upload_v2(filename="a.png", content=b"\x89PNG")
    image = {"type": "image", "alt_text": "a chart", "slack_file": {"id": answer["files"][0]["id"]}}
    await web.chat_postMessage(channel=CHAOS, text="x", blocks=[image])
    image["slack_file"] = {"id": "F0NOTHERE"}
    wrong = web.chat_postMessage(channel=CHAOS, text="x", blocks=[image])
    assert await refusal(wrong) == "invalid_blocks"


async def test_reactions(web, approver, client):
    ts = (await web.chat_postMessage(channel=CHAOS, text="x"))["ts"]
    await web.reactions_add(channel=CHAOS, timestamp=ts, name="eyes")
    again = web.reactions_add(channel=CHAOS, timestamp=ts, name="eyes")
    assert await refusal(again) == "already_reacted"
    await approver.react(ts, "eyes")
    message = (await web.reactions_get(channel=CHAOS, timestamp=ts))["message"]
    assert message["reactions"] == [{"name": "eyes", "users": [BOT_USER, APPROVER], "count": 2}]
    await web.reactions_remove(channel=CHAOS, timestamp=ts, name="eyes")
    absent = web.reactions_remove(channel=CHAOS, timestamp=ts, name="eyes")
    assert await refusal(absent) == "no_reaction"


async def test_who_is_who(web):
    members = (await web.users_list())["members"]
    assert {STARTER, APPROVER, ONLOOKER, BOT_USER} <= {user["id"] for user in members}
    assert (await web.users_info(user=APPROVER))["user"]["name"] == "approver"
    assert (await web.usergroups_list())["usergroups"][0]["id"] == APPROVERS
    assert (await web.usergroups_users_list(usergroup=APPROVERS))["users"] == [APPROVER]
    assert (await web.bots_info(bot=BOT))["bot"]["user_id"] == BOT_USER
    assert (await web.team_info())["team"]["name"] == "Sandbox"
    assert STARTER in (await web.conversations_members(channel=CHAOS))["members"]
    assert {c["name"] for c in (await web.conversations_list())["channels"]} == {"chaos", "general"}


async def test_the_bot_can_join_a_channel_and_open_a_conversation(web):
    await web.conversations_join(channel=GENERAL)
    await web.chat_postMessage(channel=GENERAL, text="here")
    opened = await web.conversations_open(users=STARTER)
    posted = await web.chat_postMessage(channel=STARTER, text="to you")
    assert posted["channel"] == opened["channel"]["id"]


async def test_a_permalink_leads_to_the_page(web, sandbox):
    root = (await web.chat_postMessage(channel=CHAOS, text="root"))["ts"]
    answer = await web.chat_getPermalink(channel=CHAOS, message_ts=root)
    assert answer["permalink"] == f"{sandbox.url}/#{CHAOS}/{root}"


async def test_home_is_published_and_a_hash_guards_it(web, starter):
    view = {"type": "home", "blocks": [section("hello")]}
    first = (await web.views_publish(user_id=STARTER, view=view))["view"]
    second = (await web.views_publish(user_id=STARTER, view=view, hash=first["hash"]))["view"]
    assert second["id"] == first["id"]
    stale = web.views_publish(user_id=STARTER, view=view, hash=first["hash"])
    assert await refusal(stale) == "hash_conflict"
    home = await starter.home()
    assert home
    assert home["hash"] == second["hash"]


async def test_a_trigger_id_that_never_was(web):
    view = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": []}
    opening = web.views_open(trigger_id="1.2.3", view=view)
    assert await refusal(opening) == "invalid_trigger_id"


async def test_ids_are_given_to_blocks_and_elements_that_have_none(web):
    nameless = button("x")
    del nameless["action_id"]
    blocks = [actions(nameless), section("x")]
    message = (await web.chat_postMessage(channel=CHAOS, text="x", blocks=blocks))["message"]
    assert message["blocks"][0]["elements"][0]["action_id"]
    assert message["blocks"][1]["block_id"]

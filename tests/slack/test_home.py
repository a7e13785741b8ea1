"""The Home tab: what stands in it, who gets it anew, and the halt that is one click away."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from random import Random

import pytest

from bot.domain.approval import Policy
from bot.domain.control import Halt
from bot.domain.experiment import Timings
from bot.domain.fold import fold
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.engine.overview import Overview
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import (
    APP_TOKEN,
    APPROVER,
    APPROVERS,
    BOT_TOKEN,
    CHAOS,
    ONLOOKER,
    STARTER,
)
from bot.sandbox.faults import Fault
from bot.sandbox.limits import check_view
from bot.slack import Access, SlackBot
from bot.slack.buttons import Action
from bot.slack.home import home_view
from bot.slack.mrkdwn import Markup
from tests import histories

HALT = Halt(since=histories.START, by=STARTER, why="a <!channel> incident & more")


def overview(halted=None):
    report = fold(histories.recovered())
    return Overview(clusters=(), latest=(report,), halted=halted)


def said(view):
    return str(view["blocks"])


def offered(view):
    found = [block.get("accessory") or {} for block in view["blocks"]]
    return {button["action_id"] for button in found if button}


def test_it_shows_the_runs_with_links_who_may_approve_and_the_halt_button():
    policy = Policy(
        approvers=frozenset({APPROVER}), groups=frozenset({APPROVERS}), needed=2, starter=False
    )
    view = home_view(overview(), {17: "https://slack.example/p1"}, policy)
    check_view(view)
    assert view["type"] == "home"
    assert "https://slack.example/p1" in said(view)
    assert f"<@{APPROVER}>, <!subteam^{APPROVERS}>" in said(view)
    assert "It takes 2 of them" in said(view)
    assert "may not decide about it" in said(view)
    assert offered(view) == {Action.HALT}
    (button,) = [b["accessory"] for b in view["blocks"] if "accessory" in b]
    assert button["style"] == "danger"
    assert button["confirm"]["title"]["text"] == "Halt everything?"


def test_halted_it_says_who_since_when_and_why_and_offers_to_resume():
    view = home_view(overview(HALT), {}, Policy())
    check_view(view)
    assert offered(view) == {Action.RESUME}
    assert f"<@{STARTER}>" in said(view)
    assert "a &lt;!channel&gt; incident &amp; more" in said(view)
    assert said(view).count("incident") == 1
    assert "<!date^" in said(view)


def test_a_notice_comes_first_and_much_of_everything_still_fits():
    many = frozenset(f"U0MANY{number:04}" for number in range(500))
    told = home_view(overview(HALT), {}, Policy(approvers=many), notice=Markup("Not you."))
    check_view(told)
    assert told["blocks"][0]["text"]["text"] == "✗ Not you."
    assert "450 more" in said(told)


@pytest.fixture
async def chaos(journal):
    made = Chaos(
        [],
        journal,
        SystemClock(),
        timings=Timings(),
        policy=Policy(approvers=frozenset({APPROVER})),
        random=Random(7),
    )
    yield made
    await made.close()


@pytest.fixture
async def bot(chaos, sandbox):
    access = Access(
        bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url=f"{sandbox.url}/api", ping_interval=0.1
    )
    async with SlackBot(chaos, access) as made:
        yield made
        await chaos.close()


@pytest.fixture
async def client(bot, sandbox):
    async with SandboxClient(sandbox.url) as made:
        await made.until_connected()
        yield made


def showing(user, *words):
    async def probe():
        view = await user.home()
        return view if view and all(word in said(view) for word in words) else None

    return user.client.until(probe)


async def test_halt_and_resume_from_the_tab(client, chaos):
    starter, approver = client.user(STARTER), client.user(APPROVER)
    await starter.open_home()
    view = await showing(starter, "No cluster is set up")
    await approver.open_home()
    await showing(approver, "No cluster is set up")
    await starter.click_in_view(view["id"], Action.HALT)
    view = await showing(starter, Action.RESUME)
    assert chaos.halted
    assert (chaos.halted.by, chaos.halted.why) == (STARTER, "from App Home")
    seen = await showing(approver, Action.RESUME, f"<@{STARTER}>")
    await starter.click_in_view(view["id"], Action.RESUME)
    await showing(starter, "You may not decide this", Action.RESUME)
    assert chaos.halted
    await approver.click_in_view(seen["id"], Action.RESUME)
    await showing(approver, Action.HALT)
    view = await showing(starter, Action.HALT)
    assert chaos.halted is None
    assert "You may not" not in said(view)


async def test_a_halt_from_elsewhere_and_a_run_are_seen_too(client, chaos):
    onlooker = client.user(ONLOOKER)
    await onlooker.open_home()
    await showing(onlooker, "No cluster is set up")
    for record in histories.recovered():
        if record.seq == 1:
            event = record.event.model_copy(update={"channel": CHAOS})
            chaos.stream.publish(await chaos.journal.begin(event, chaos.clock.now()))
    await showing(onlooker, "kill tikv")
    await chaos.halt(STARTER, "an incident")
    await showing(onlooker, "an incident")


async def test_what_is_not_the_home_tab_publishes_nothing(client):
    await client.act("home", user=ONLOOKER, tab="messages")
    await client.user(STARTER).open_home()
    await showing(client.user(STARTER), "Chaosbot")
    assert {c["arguments"]["user_id"] for c in await client.calls("views.publish")} == {STARTER}


async def test_a_tab_that_the_bot_before_this_one_has_published(client, sandbox):
    onlooker = client.user(ONLOOKER)
    old = {"type": "home", "blocks": []}
    sandbox.slack.views.publish(ONLOOKER, old, "")
    await onlooker.open_home()
    await showing(onlooker, "Chaosbot")
    sandbox.slack.views.publish(ONLOOKER, old, "")
    newer = sandbox.slack.views.publish(ONLOOKER, home_view(overview(), {}, Policy()), "")
    await onlooker.click_in_view(newer["id"], Action.HALT)
    await showing(onlooker, Action.RESUME)
    assert "hash_conflict" in {c["answer"] for c in await client.calls("views.publish")}


@pytest.mark.parametrize(
    "weather",
    [{"error": "not_enabled"}, {"status": 429}, {"status": 500}, {"error": "invalid_arguments"}],
    ids=str,
)
async def test_a_failure_to_publish_hurts_nothing(client, sandbox, caplog, weather):
    caplog.set_level(logging.INFO)
    sandbox.slack.faults.add(Fault(method="views.publish", **weather))
    await client.user(STARTER).open_home()
    await client.until(lambda: client.calls("views.publish"))
    await client.user(STARTER).command("/chaos status")
    await client.user(STARTER).until_ephemeral(lambda m: "No cluster" in m["text"])
    assert f"The Home tab of {STARTER}" in caplog.text
    assert "Traceback" not in caplog.text


async def test_many_tabs_are_painted_within_slacks_limits_the_newest_first(chaos, sandbox, client):
    users = sandbox.slack.workspace.people.users
    people = [f"U0MANY{number:04}" for number in range(60)]
    users.update({user: replace(users[STARTER], id=user) for user in people})
    for user in people:
        await client.user(user).open_home()
    await showing(client.user(people[-1]), "Chaosbot")
    sandbox.slack.calls.clear()
    await chaos.halt(STARTER, "an incident")
    await showing(client.user(people[-1]), "an incident")
    await asyncio.sleep(0.3)
    published = [call for call in sandbox.slack.calls if call.method == "views.publish"]
    assert published[0].arguments["user_id"] == people[-1]
    assert len(published) <= 20
    assert {call.answer for call in published} == {"ok"}

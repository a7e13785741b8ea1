"""Weather: whatever Slack does meanwhile, a run ends, and its thread says so, each message once."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from bot.domain.experiment import Outcome, Timings
from bot.engine.chaos import Chaos
from bot.engine.safety import Safety
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import APP_TOKEN, APPROVER, BOT_TOKEN, STARTER
from bot.sandbox.faults import Fault
from bot.slack import Access, SlackBot
from bot.slack.buttons import Action
from bot.slack.thread import Key, messages
from tests.slack.stage import Stage

CALM = 120.0  # seconds in which nothing more may be painted
WEATHER = {
    "429 for updates": {"method": "chat.update", "status": 429, "retry_after": 30, "lasting": 40},
    "429 for posts": {"method": "chat.post*", "status": 429, "retry_after": 20, "lasting": 25},
    "429 for everything": {"method": "*", "status": 429, "retry_after": 30, "lasting": 40},
    "500": {"method": "*", "status": 500, "lasting": 15},
    "broken off": {"method": "chat.*", "drop": True, "lasting": 15},
    "answers lost": {"method": "chat.*", "drop": True, "after": True, "times": 3},
    "answers late and lost": {
        "method": "chat.*",
        "seconds": 0.05,
        "drop": True,
        "after": True,
        "times": 2,
    },
    "answers of an error, though it took effect": {
        "method": "chat.*",
        "status": 503,
        "after": True,
        "times": 3,
    },
    "slow": {"method": "chat.*", "seconds": 0.05, "times": 4},
}


@pytest.fixture
async def chaos(world, journal, clock, policy):
    made = Chaos(
        [world.cluster("staging")],
        journal,
        clock,
        timings=Timings(warm_up=2, detection=10, approval=600, settling=3),
        policy=policy,
        random=Random(7),
    )
    yield made
    await clock.until(made.close())


@pytest.fixture
def looks():
    """Seconds between two looks at the socket."""
    return 5.0


@pytest.fixture
async def stage(clock, world, chaos, sandbox, looks):
    access = Access(
        bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url=f"{sandbox.url}/api", ping_interval=looks
    )
    bot = SlackBot(chaos, access)
    await bot.start()
    async with SandboxClient(sandbox.url) as client:
        await client.until_connected()
        yield Stage(clock, world, chaos, bot, sandbox, client)
    await clock.until(chaos.close())
    await clock.until(bot.close())


def weather(stage, name):
    stage.sandbox.slack.faults.add(Fault(**WEATHER[name]))


async def begun(stage):
    """A run whose node is down."""
    await stage.user(STARTER).command("/chaos kill tikv-1")
    await stage.until(lambda: not stage.world.nodes_["tikv-1"].running)


async def approved(stage):
    """The button is there, and somebody presses it."""
    await stage.until(lambda: Action.APPROVE in stage.offered("diagnosis"))
    await stage.user(APPROVER).click(stage.message("diagnosis").ts, Action.APPROVE)
    await stage.until(lambda: stage.chaos.living == () or stage.world.nodes_["tikv-1"].running)


async def passes(stage, seconds, step=2.0):
    """Let time pass, and give the sockets theirs."""
    for _ in range(int(seconds / step)):
        await stage.clock.advance(step)
        await asyncio.sleep(0.005)


def standing(stage, run=1):
    """What stands in the channel for a run, in the order in which it was posted."""
    found = []
    for message in stage.messages():
        payload = message.metadata["event_payload"]
        if payload["run"] == run:
            found.append((payload["key"], message.text, bare(message.blocks)))
    return found


def bare(blocks):
    """Blocks without the ids that Slack gives to those that have none."""
    return [{name: value for name, value in b.items() if name != "block_id"} for b in blocks]


async def rightly_painted(stage, outcome=Outcome.RECOVERED, run=1):
    """The run ends, and then exactly its messages stand: right, each once, and they stay so."""
    report = await stage.clock.until(stage.chaos.wait(run))
    assert report.outcome is outcome
    assert stage.world.nodes_["tikv-1"].running
    told = messages(report, stage.clock.now(), halted=stage.chaos.halted is not None)
    wanted = [(key.value, d.text, bare(d.blocks)) for key, d in told.items()]
    await stage.until(lambda: sorted(standing(stage, run)) == sorted(wanted), step=2)
    await passes(stage, CALM)
    root, *replies = [m for m in stage.messages() if m.metadata["event_payload"]["run"] == run]
    assert root.metadata["event_payload"]["key"] == Key.ROOT
    assert {reply.thread_ts for reply in replies} == {root.ts}
    painting = len(paintings(stage))
    await stage.clock.advance(CALM)
    assert len(paintings(stage)) == painting
    assert standing(stage, run) == wanted
    if not stage.chaos.halted:
        assert await stage.chaos.journal.unsettled() == []
    return report


def paintings(stage):
    return [c for c in stage.sandbox.slack.calls if c.method in {"chat.update", "chat.postMessage"}]


@pytest.mark.parametrize("name", WEATHER)
async def test_from_its_beginning_to_its_end(stage, name, caplog):
    weather(stage, name)
    await begun(stage)
    weather(stage, name)
    await approved(stage)
    weather(stage, name)
    await rightly_painted(stage)
    assert "Traceback" not in caplog.text


REFUSED = {"error": "invalid_blocks"}


async def test_blocks_that_are_refused_in_the_middle(stage):
    await begun(stage)
    stage.sandbox.slack.faults.add(Fault(method="chat.update", times=2, **REFUSED))
    stage.sandbox.slack.faults.add(Fault(method="chat.postMessage", **REFUSED))
    await stage.until(lambda: stage.message("diagnosis"))
    await stage.user(APPROVER).command("/chaos approve")
    await rightly_painted(stage)


async def test_blocks_that_are_refused_at_the_beginning(stage):
    stage.sandbox.slack.faults.add(Fault(method="chat.postMessage", **REFUSED))
    await begun(stage)
    await approved(stage)
    await rightly_painted(stage)


async def test_blocks_that_are_refused_at_the_end(stage):
    await begun(stage)
    await approved(stage)
    await stage.until(lambda: stage.chaos.living == ())
    stage.sandbox.slack.faults.add(Fault(method="chat.*", times=3, **REFUSED))
    await rightly_painted(stage)


def tickets(stage):
    """How many sockets the bot was given a ticket for so far."""
    calls = stage.sandbox.slack.calls
    return sum(c.method == "apps.connections.open" and c.answer == "ok" for c in calls)


async def reconnected(stage, given):
    """Wait for a socket that was opened with a ticket after the first `given`; it hears."""
    async with asyncio.timeout(20):
        while tickets(stage) <= given or not len(stage.sandbox.slack.sockets):
            await passes(stage, 0.5, step=0.5)
    await stage.user(STARTER).command("/chaos help")
    await stage.told(STARTER, "/chaos kill")


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled"])
@pytest.mark.parametrize("looks", [0.1])
async def test_slack_asks_to_reconnect(stage, reason):
    await begun(stage)
    given = tickets(stage)
    await stage.client.disconnect(reason, within=0.05)
    await reconnected(stage, given)
    await approved(stage)
    given = tickets(stage)
    await stage.client.disconnect(reason, within=0.05)
    await rightly_painted(stage)
    await reconnected(stage, given)


@pytest.mark.parametrize("looks", [0.1])
async def test_sockets_that_break_off_and_tickets_that_are_used_up(stage):
    """The next sockets are refused, each with a ticket that is good for nothing after that."""
    await begun(stage)
    given = tickets(stage)
    await stage.client.refuse_sockets(2)
    await stage.client.close_sockets()
    await reconnected(stage, given + 2)
    await approved(stage)
    await rightly_painted(stage)


@pytest.mark.parametrize("looks", [0.1])
async def test_no_ticket_to_reconnect_with_for_a_while(stage):
    await begun(stage)
    given = tickets(stage)
    stage.sandbox.slack.faults.add(
        Fault(method="apps.connections.open", error="internal_error", times=3)
    )
    await stage.client.close_sockets()
    await reconnected(stage, given)
    await approved(stage)
    await rightly_painted(stage)


@pytest.mark.parametrize("looks", [0.1])
@pytest.mark.parametrize("seconds", [20.0, 200.0])
async def test_slack_is_away_in_the_middle(stage, seconds, caplog):
    await begun(stage)
    async with stage.sandbox.away():
        await passes(stage, seconds)
        assert stage.chaos.living
    await stage.client.until_connected()
    await approved(stage)
    await rightly_painted(stage)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("looks", [0.1])
async def test_slack_is_away_at_the_end(stage, caplog):
    await begun(stage)
    await approved(stage)
    async with stage.sandbox.away():
        await stage.clock.until(stage.chaos.wait(1))
        await passes(stage, 100)
    await stage.client.until_connected()
    await rightly_painted(stage)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("looks", [0.1])
async def test_slack_that_stays_away_pulls_the_dead_mans_switch(stage):
    watch = asyncio.create_task(Safety(stage.chaos, deadman=60).keep_watch())
    await begun(stage)
    await stage.until(lambda: Action.APPROVE in stage.offered("diagnosis"))
    async with stage.sandbox.away():
        await passes(stage, 50)
        assert not stage.world.nodes_["tikv-1"].running
        await passes(stage, 30)
        assert stage.world.nodes_["tikv-1"].running
    await stage.client.until_connected()
    report = await rightly_painted(stage, Outcome.ABORTED)
    assert report.aborted_by == "dead man's switch"
    for key in (Key.ROOT, Key.RESULT):
        assert "dead man's switch" in stage.message(key).text
        assert "nothing was heard of Slack" in stage.message(key).text
    watch.cancel()

"""A sandbox on the test's clock, and a painter that paints into it."""

from __future__ import annotations

import itertools
import socket
from dataclasses import dataclass, field
from random import Random

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.approval import Policy
from bot.domain.control import Halt
from bot.domain.events import RunStarted
from bot.domain.experiment import Timings
from bot.engine.chaos import Chaos
from bot.engine.stream import Stream
from bot.journal import Journal
from bot.sandbox import server
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import APP_TOKEN, APPROVER, BOT_TOKEN, CHAOS, STARTER
from bot.slack import Access, SlackBot
from bot.slack.brush import Brush
from bot.slack.painter import Painter
from bot.slack.web_api import WebApi
from tests import histories
from tests.clocks import ManualClock
from tests.slack.stage import Defective, Stage

EPOCH = histories.START.timestamp()


@pytest.fixture
async def clock():
    made = ManualClock()
    await made.advance((histories.START - made.now()).total_seconds())
    return made


@pytest.fixture
async def sandbox(clock):
    def seconds():
        return clock.now().timestamp()

    started = await server.start(0, clock=seconds)
    yield started
    await started.stop()


@pytest.fixture
async def journal(tmp_path, clock):
    async with await Journal.open(tmp_path / "journal.sqlite3") as opened:
        yield clock.busy.watching(opened)


@dataclass
class Studio:
    """Painters, the journal that they read, and what stands in the sandbox."""

    clock: ManualClock
    sandbox: server.Sandbox
    journal: Journal
    session: aiohttp.ClientSession
    stream: Stream = field(default_factory=Stream)
    halted: Halt | None = None
    painters: list = field(default_factory=list)

    async def painter(self, *, journal=None, stream=None, channel=None):
        """A painter at work."""
        client = AsyncWebClient(
            BOT_TOKEN,
            base_url=f"{self.sandbox.url}/api/",
            session=self.session,
            retry_handlers=[],
        )
        client.proxy = None
        web = self.clock.busy.watching(WebApi(client))
        noted = journal or self.journal
        made = Painter(
            stream or self.stream,
            noted,
            self.clock,
            Brush(web, noted, self.clock),
            channel=channel,
            halted=lambda: self.halted,
        )
        self.painters.append(made)
        await made.start()
        return made

    async def begin(self, records, channel=CHAOS):
        """The first record of a run, journalled and told; its number."""
        first = records[0]
        assert isinstance(first.event, RunStarted)
        event = first.event.model_copy(update={"channel": channel})
        record = await self.journal.begin(event, self.clock.now())
        self.stream.publish(record)
        return record.run

    async def go_on(self, run, records):
        """The other records, each after the time that it took."""
        for before, record in itertools.pairwise(records):
            await self.clock.advance((record.at - before.at).total_seconds())
            self.stream.publish(await self.journal.append(run, record.event, self.clock.now()))

    async def tell(self, records, channel=CHAOS):
        """A run, from its first to its last record."""
        run = await self.begin(records, channel)
        await self.go_on(run, records)
        return run

    def messages(self, channel=CHAOS):
        """What stands in a channel, oldest first."""
        return list(self.sandbox.slack.workspace.channels[channel].messages.values())

    def texts(self):
        return [message.text for message in self.messages()]

    def calls(self, method, answer=None):
        return [
            call
            for call in self.sandbox.slack.calls
            if call.method == method and answer in {None, call.answer}
        ]


@pytest.fixture
async def studio(clock, sandbox, journal):
    async with aiohttp.ClientSession() as session:
        made = Studio(clock, sandbox, journal, session)
        yield made
        made.stream.close()
        for painter in made.painters:
            await clock.until(painter.close())


@pytest.fixture
def unused_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@pytest.fixture
def policy():
    return Policy(approvers=frozenset({STARTER, APPROVER}))


@pytest.fixture
def approval():
    """Seconds in which somebody may decide."""
    return 600


@pytest.fixture
def world(clock):
    return Defective(clock)


@pytest.fixture
async def chaos(world, journal, clock, policy, approval):
    made = Chaos(
        [world.cluster("staging")],
        journal,
        clock,
        timings=Timings(warm_up=5, detection=40, approval=approval, settling=15),
        policy=policy,
        random=Random(7),
    )
    yield made
    await clock.until(made.close())


@pytest.fixture
async def stage(clock, world, chaos, sandbox):
    access = Access(
        bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url=f"{sandbox.url}/api", ping_interval=0.1
    )
    bot = SlackBot(chaos, access)
    await bot.start()
    async with SandboxClient(sandbox.url) as client:
        await client.until_connected()
        yield Stage(clock, world, chaos, bot, sandbox, client)
    await clock.until(chaos.close())
    await clock.until(bot.close())

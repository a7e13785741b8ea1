"""A bot against a sandbox and a quick playground: all parts are real, the bot can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bot.domain.cluster import NodeState
from bot.domain.errors import ClusterError
from bot.domain.fold import fold
from bot.journal import Journal
from bot.sandbox import server
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import APPROVER, CHAOS, STARTER
from bot.standins import Child
from tests.cli.conftest import Shell

SHORT = {
    "CHAOSBOT_POLL_SECONDS": "0.1",
    "CHAOSBOT_WARM_UP_SECONDS": "0.5",
    "CHAOSBOT_DETECTION_SECONDS": "3",
    "CHAOSBOT_APPROVAL_SECONDS": "60",
    "CHAOSBOT_ROLLBACK_SECONDS": "5",
    "CHAOSBOT_SETTLING_SECONDS": "0.3",
    "CHAOSBOT_MONITOR_SECONDS": "1",
    "CHAOSBOT_GUARDIAN_SECONDS": "20",
}
AWAITING = "awaiting approval"


class Bot:
    """`chaosbot serve` in a shell's home; started and ended as often as is wanted."""

    def __init__(self, shell: Shell, sandbox: server.Sandbox, slack: SandboxClient, **settings):
        self.shell = shell
        self.sandbox = sandbox
        self.slack = slack
        self.settings = {**shell.environment, **SHORT, **sandbox.environment, **settings}
        self.child = None

    async def start(self, *words, connected=True, **settings):
        given = {**self.settings, **settings}
        log = self.shell.home / "serve.log"
        words = ["bot", "serve", *words]
        self.child = await Child.start("the bot", words, log, given, again=self.child is not None)
        if connected:
            await self.slack.until_connected(timeout=60)

    async def end(self, number):
        """End it with a signal; its status."""
        self.signal(number)
        async with asyncio.timeout(60):
            return await self.child.ended()

    def signal(self, number):
        self.child._process.send_signal(number)

    @property
    def said(self):
        return (self.shell.home / "serve.log").read_text()

    async def until_said(self, words, times=1):
        async with asyncio.timeout(60):
            while self.said.count(words) < times:
                assert self.child._process.returncode is None, self.said
                await asyncio.sleep(0.02)

    async def until(self, event, **fields):
        """Wait until the journal has an event; its record."""

        def wanted(record):
            told = {"run": record.run, **record.event.model_dump(mode="json")}
            return told["event"] == event and all(told[k] == v for k, v in fields.items())

        return await self.shell.until(wanted)

    async def begin(self):
        """A run that waits for its approval; the number."""
        await self.slack.user(STARTER).command("/chaos kill tikv-1", CHAOS)
        record = await self.until("stage_entered", stage=AWAITING)
        await self.button()
        return record.run

    async def button(self):
        """The timestamp of the message that asks for the approval, once it stands."""

        async def look():
            for message in await self.thread():
                if '"approve_restore"' in json.dumps(message.get("blocks", [])):
                    return message["ts"]
            return None

        return await self.slack.until(look)

    async def approve(self):
        """Click, until it has been taken."""
        ts = await self.button()
        await self.slack.user(APPROVER).click(ts, "approve_restore", CHAOS)

    async def thread(self):
        """Every message in the channel, those of threads too."""
        found = {}
        for root in await self.slack.messages(CHAOS):
            for message in await self.slack.thread(CHAOS, root["ts"]):
                found[message["ts"]] = message
        return list(found.values())

    async def report(self, run=1):
        async with await Journal.open(self.shell.home / "journal.sqlite3", read_only=True) as j:
            return fold(await j.history(run))

    async def painted(self):
        """Wait until the thread tells the end; its messages."""

        async def look():
            said = json.dumps(await self.thread())
            return "Recovered in" in said or "Aborted" in said or None

        await self.slack.until(look)
        return await self.thread()


@asynccontextmanager
async def ground(shell, **settings):
    """A bot that is not started yet, and the nodes of its playground."""
    async with AsyncExitStack() as stack:
        nodes = await stack.enter_async_context(shell.playground(quick=True))
        sandbox = await server.start(0, rate_limits=False)
        stack.push_async_callback(sandbox.stop)
        slack = await stack.enter_async_context(SandboxClient(sandbox.url))
        bot = Bot(shell, sandbox, slack, **settings)
        try:
            yield bot, nodes
        finally:
            if bot.child:
                await bot.child.stop(by=signal.SIGINT)


def guardians(home: Path) -> list[int]:
    """The guardians of a state folder: their process ids."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "guardian" in words and str(home) in words and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


async def no_guardian(home, seconds=20):
    """Wait until none is left."""
    async with asyncio.timeout(seconds):
        while guardians(home):
            await asyncio.sleep(0.05)


async def all_run(nodes):
    """Whether six nodes run."""
    try:
        return [n.state for n in await nodes.nodes()] == [NodeState.RUNNING] * 6
    except ClusterError:
        return False


def twice(messages):
    """The texts that stand there more than once."""
    seen = Counter(json.dumps(m.get("blocks") or m["text"]) for m in messages)
    return [text for text, times in seen.items() if times > 1]

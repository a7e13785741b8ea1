"""The demo: a local Slack, a local cluster and the bot on one machine, and a first run.

    sandbox (in this process) <- Slack's protocol -> chaosbot serve (a process) <-> playground
                                                          |                      (processes)
    terminal view <- the journal, read from outside ------'

The bot is started as anybody could start it: by its command, with settings that name the sandbox.
All state is thrown away at the end, unless CHAOSBOT_HOME says where to keep it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import NoReturn

from bot.domain.errors import SettingsError
from bot.domain.events import Record, RunFinished, StageEntered
from bot.domain.experiment import Stage
from bot.domain.report import Report
from bot.engine.clock import SystemClock
from bot.engine.patience import cancelled
from bot.journal import Journal
from bot.sandbox.client import SandboxClient
from bot.sandbox.controls import Control
from bot.sandbox.directory import APPROVER, CHAOS, STARTER, SlashCommand
from bot.sandbox.server import PortInUseError, Sandbox, start
from bot.standins import Child, playground_ready, start_playground
from bot.terminal import TerminalView

_FIRST = "/chaos kill tikv"
APPROVE = "approve_restore"  # the button, as anybody sees it in the message
_LOOK = 0.1  # seconds between two looks at the journal
_BEFORE_APPROVING = 3.0  # seconds that a reader gets with the open question
_CONNECTED_WITHIN = 60.0
# A team's own rules are about people and clusters that the demo does not have.
_EVERYBODY_MAY = (
    "CHAOSBOT_APPROVERS",
    "CHAOSBOT_APPROVER_GROUPS",
    "CHAOSBOT_APPROVALS",
    "CHAOSBOT_STARTER_MAY_APPROVE",
    "CHAOSBOT_AT_DEADLINE",
    "CHAOSBOT_PROTECTED",
    "CHAOSBOT_HOURS",
    "CHAOSBOT_RUNS_AN_HOUR",
)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for on the command line."""

    port: int
    browser: bool
    first_run: bool
    real_time: bool
    stay: bool


class Demo:
    """All parts of a demo, while it lasts."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        # Into a pipe the whole story is the result; on a terminal it is what goes on.
        story = sys.stderr if sys.stdout.isatty() else sys.stdout
        self._view = TerminalView(clock=SystemClock(), progress=story, results=sys.stdout)

    async def perform(self, stop: asyncio.Event) -> Report | None:
        """Put all up, run once, and stay up until `stop`, or the run's end if not to stay.

        Returns:
            The last run's report, None if there was none.

        Raises:
            SettingsError: the port is in use, or a part does not start or ends by itself.
        """
        async with AsyncExitStack() as stack:
            home = _home(stack)
            socket = home / "playground.sock"
            playground = await start_playground(socket, real_time=self._wishes.real_time)
            stack.push_async_callback(playground.stop)
            bot = _Bot(home, socket)
            sandbox = await self._sandbox(bot)
            stack.push_async_callback(sandbox.stop)
            await bot.start(sandbox)
            stack.push_async_callback(bot.stop)
            _say(f"Slack, as a local sandbox: {sandbox.url} (Ctrl-C ends everything)")
            _say(f"For reports while it lasts: CHAOSBOT_HOME={home} chaosbot report 1")
            if self._wishes.browser:
                await asyncio.to_thread(webbrowser.open, sandbox.url)
            playing = asyncio.create_task(self._play(home, sandbox, playground))
            stopped = asyncio.create_task(stop.wait())
            died = [asyncio.create_task(d) for d in (bot.died(), _died(playground))]
            tasks = (playing, stopped, *died)
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in (*died, playing):
                    if task.done():
                        return task.result()
                _say("Ending: what is broken is restored first.")
                await bot.stop()
                await asyncio.sleep(3 * _LOOK)  # the mirror has yet to read the last words
            finally:
                await cancelled(*tasks)
        return None

    async def _sandbox(self, bot: _Bot) -> Sandbox:
        command = SlashCommand(
            name="/chaos",
            description="Break a node of the cluster, and watch what happens",
            usage_hint="kill tikv | status | abort | halt | help",
            examples=(
                "kill tikv",
                "kill tikv-1",
                "kill pd",
                "status",
                "abort",
                "halt",
                "resume",
                "help",
            ),
        )
        kill = Control(
            id="kill_bot",
            label="Kill the bot",
            hint="SIGKILL, and a new start: the thread goes on",
            act=bot.kill_and_start,
        )
        try:
            return await start(self._wishes.port, commands=[command], controls=[kill])
        except PortInUseError as error:
            raise SettingsError(str(error)) from error

    async def _play(self, home: Path, sandbox: Sandbox, playground: Child) -> Report | None:
        """The first run, told in the terminal; then whatever else is run, if it is to stay."""
        async with SandboxClient(sandbox.url) as slack:
            await playground_ready(home / "playground.sock", playground)
            await slack.until_connected(timeout=_CONNECTED_WITHIN)
            records = await _follow(home / "journal.sqlite3")
            if self._wishes.first_run:
                await slack.user(STARTER).command(_FIRST, CHAOS)
            if self._wishes.stay:
                return await self._view.show(records)
            return await self._view.show(_first_run(records, slack))


class _Bot:
    """`chaosbot serve` in the sandbox's workspace; it may be killed, and starts again."""

    def __init__(self, home: Path, socket: Path) -> None:
        self._home = home
        self._socket = socket
        self._sandbox: Sandbox | None = None
        self._child: Child | None = None
        self._ending = False
        self._replacing = asyncio.Lock()

    async def start(self, sandbox: Sandbox) -> None:
        """Start it; it may not be connected yet."""
        self._sandbox = sandbox
        environment = {
            **sandbox.environment,
            "CHAOSBOT_HOME": str(self._home),
            "CHAOSBOT_CLUSTER": "playground",
            "CHAOSBOT_PLAYGROUND_SOCKET": str(self._socket),
            "CHAOSBOT_ROLLBACK_SECONDS": "8",  # a playground that has ended is not waited for
            **dict.fromkeys(_EVERYBODY_MAY, ""),
        }
        words = ["bot", "serve", "--stop-on-eof"]
        again = self._child is not None
        log = self._home / "serve.log"
        self._child = await Child.start("the bot", words, log, environment, again=again)

    async def kill_and_start(self) -> str:
        """What the page's control does; says how long the bot was gone."""
        async with self._replacing:
            if self._child is None or self._sandbox is None or self._ending:
                return "There is no bot now."
            began = time.monotonic()
            await self._child.kill()
            await self.start(self._sandbox)
        async with SandboxClient(self._sandbox.url) as slack:
            await slack.until_connected(timeout=_CONNECTED_WITHIN)
        away = time.monotonic() - began
        return (
            f"The bot was killed with SIGKILL and is back after {away:.1f} s; the thread goes on."
        )

    async def died(self) -> NoReturn:
        """Wait for an end that nobody has wanted.

        Raises:
            SettingsError: it has come.
        """
        while child := self._child:
            status = await child.ended()
            async with self._replacing:  # a control may have killed it, and starts another
                if child is self._child:
                    raise _end_of(child, status)
        raise RuntimeError("the bot is started first")

    async def stop(self) -> None:
        """End it in order: what is broken is restored first."""
        async with self._replacing:
            self._ending = True
            if self._child is not None:
                await self._child.stop(by=Signals.SIGINT)


def _home(stack: AsyncExitStack) -> Path:
    if kept := os.environ.get("CHAOSBOT_HOME"):
        home = Path(kept).expanduser().resolve()
        home.mkdir(parents=True, exist_ok=True)
        return home
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaosbot-")))


async def _died(child: Child) -> NoReturn:
    raise _end_of(child, await child.ended())


def _end_of(child: Child, status: int) -> SettingsError:
    return SettingsError(f"{child.name.capitalize()} ended ({status}): {child.last_words()}")


async def _follow(path: Path) -> AsyncIterator[Record]:
    """Every record that the bot writes from now on, read from its journal."""
    async with await Journal.open(path, read_only=True) as journal:
        position = await journal.position()
    return _followed(path, position)


async def _followed(path: Path, position: int) -> AsyncIterator[Record]:
    async with await Journal.open(path, read_only=True) as journal:
        while True:
            position, records = await journal.follow(position)
            for record in records:
                yield record
            if not records:
                await asyncio.sleep(_LOOK)


async def _first_run(records: AsyncIterator[Record], slack: SandboxClient) -> AsyncIterator[Record]:
    """The records of one run to its end; the sandbox's second user approves its restore."""
    approving: list[asyncio.Task[None]] = []
    async for record in records:
        yield record
        match record.event:
            case StageEntered(stage=Stage.AWAITING_APPROVAL):
                approving.append(asyncio.create_task(_approve(slack)))
            case RunFinished():
                break
    await cancelled(*approving)


async def _approve(slack: SandboxClient) -> None:
    await asyncio.sleep(_BEFORE_APPROVING)

    async def button() -> str | None:
        """The timestamp of the message that asks for the approval."""
        for root in await slack.messages(CHAOS):
            for message in await slack.thread(CHAOS, root["ts"]):
                if f'"{APPROVE}"' in json.dumps(message.get("blocks", [])):
                    return str(message["ts"])
        return None

    await slack.user(APPROVER).click(await slack.until(button), APPROVE, CHAOS)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command's own words

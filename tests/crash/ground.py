"""Ground: a local Slack, a local cluster, and a bot that may be killed at any moment.

All parts are real: the sandbox on a socket in this process, the nodes and the bot as processes.
The bot is started by its own command; what it does is read from its journal, from outside.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from bot.sandbox import server
from bot.sandbox.client import DoorError, SandboxClient
from bot.sandbox.directory import APPROVER, CHAOS
from tests.crash.book import Book
from tests.crash.cluster import Cluster, Playground
from tests.crash.slack_away import Way

SERVE = ("bot", "serve", "--stop-on-eof")
# A run of three seconds. The deadline of the approval is far away for whoever clicks.
QUICK = {
    "CHAOSBOT_POLL_SECONDS": "0.1",
    "CHAOSBOT_WARM_UP_SECONDS": "0.3",
    "CHAOSBOT_DETECTION_SECONDS": "3",
    "CHAOSBOT_DIAGNOSIS_SECONDS": "10",
    "CHAOSBOT_APPROVAL_SECONDS": "30",
    "CHAOSBOT_ROLLBACK_SECONDS": "5",
    "CHAOSBOT_RECOVERY_SECONDS": "20",
    "CHAOSBOT_SETTLING_SECONDS": "0.3",
    "CHAOSBOT_MONITOR_SECONDS": "1",
}
_NOT_OURS = ("CHAOSBOT", "SLACK", "ANTHROPIC", "PYTHONDONTWRITEBYTECODE")
_ENDS_WITHIN = 30.0
_SHOWN = 8_000  # bytes of a log
_LOOK = 0.02


class Bot:
    """`chaosbot serve`, as a process that can be killed and started again."""

    def __init__(
        self, home: Path, environment: Mapping[str, str], words: Sequence[str] = SERVE
    ) -> None:
        self.log = home / "serve.log"
        self._environment = environment
        self._words = words
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id of the bot that was started last."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def ended_by_itself(self) -> int | None:
        """The exit status of one that was not killed, None while there is none."""
        status = self._process.returncode if self._process else None
        return None if status == -signal.SIGKILL else status

    async def start(self, **changes: str) -> None:
        """Start it; it may not be connected yet."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**self._environment, **changes},
                cwd=self.log.parent,
                start_new_session=True,
            )

    async def kill(self) -> None:
        """SIGKILL it, and it alone."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ask it to end in order; kill it where it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(number)
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise

    def said(self, since: int = 0) -> str:
        """What it has written behind so many bytes; of that, the end."""
        written = self.log.read_bytes()[since:] if self.log.exists() else b""
        return written.decode(errors="replace")[-_SHOWN:]

    @property
    def written(self) -> int:
        """How many bytes it has written so far."""
        return self.log.stat().st_size if self.log.exists() else 0


class Ground:
    """Everything that a run needs, and the hands of the people in it."""

    def __init__(
        self,
        *,
        home: Path,
        sandbox: server.Sandbox,
        slack: SandboxClient,
        cluster: Cluster,
        bot: Bot,
        left: list[str],
    ) -> None:
        self.home = home
        self.sandbox = sandbox
        self.slack = slack
        self.cluster = cluster
        self.bot = bot
        self.book = Book(home / "journal.sqlite3")
        self.acknowledged: list[tuple[int, str, str]] = []  # run, action, user
        self.on_acknowledged = asyncio.Event()
        self.left = left  # the processes that were left when all was stopped

    @property
    def connected(self) -> bool:
        """Whether a bot hears what is said."""
        return self.bot.alive and len(self.sandbox.slack.sockets) > 0

    async def until_connected(self, seconds: float = 30.0) -> None:
        """Wait until it is. Raises TimeoutError, with what the bot said."""
        ends = time.monotonic() + seconds
        while not self.connected:
            if time.monotonic() > ends:
                raise TimeoutError(f"The bot does not connect. It said: {self.bot.said()}")
            await asyncio.sleep(_LOOK)

    async def restart(self, **changes: str) -> None:
        """Start the bot again, after its end. Nobody else has its journal open then."""
        self.book.close()
        await self.bot.start(**changes)

    async def click(self, run: int, action: str, user: str = APPROVER) -> bool:
        """Click a run's button; whether it was there, and the bot has acknowledged the click."""
        where = self._button(run, action)
        if where is None or not self.connected:
            return False
        failed: list[object] = []

        def watch(change: dict[str, object]) -> None:
            if change["type"] == "action_failed":
                failed.append(change)

        unwatch = self.sandbox.slack.feed.watch(watch)
        try:
            await self.slack.user(user).click(where, action, CHAOS)
        except DoorError:  # the message has just lost its button
            return False
        finally:
            unwatch()
        if not failed:
            self.acknowledged.append((run, action, user))
            self.on_acknowledged.set()
        return not failed

    def _button(self, run: int, action: str) -> str | None:
        for message in reversed(self.messages().values()):
            for block in message.blocks:
                for element in block.get("elements", ()):
                    if element.get("action_id") == action and element.get("value") == str(run):
                        return message.ts
        return None

    def messages(self):
        """What stands in the channel, by timestamp."""
        return self.sandbox.slack.workspace.channels[CHAOS].messages

    async def strays(self) -> list[str]:
        """What lives with the bot's settings and is neither the bot nor its guardian."""
        mark = f"CHAOSBOT_HOME={self.home}".encode()
        return [
            line for pid, line in living(mark) if pid != self.bot.pid and "guardian" not in line
        ]


@asynccontextmanager
async def ground(
    cluster: Cluster | None = None,
    *,
    words: Sequence[str] = SERVE,
    through: Way | None = None,
    rate_limits: bool = False,
    **environment: str,
) -> AsyncIterator[Ground]:
    """A ground with a bot that is connected; at its end nothing of it may be left.

    Args:
        cluster: What is harmed; None: a playground of its own.
        words: What the bot is started by, behind `python -m`.
        through: The way that the bot's calls to Slack go, instead of straight on.
        rate_limits: Whether the sandbox has Slack's; a bot that is killed each second exceeds them.
        environment: Settings beside the usual ones.
    """
    home = Path(tempfile.mkdtemp(prefix="cb-crash-"))  # short: a socket's path is limited
    left: list[str] = []
    try:
        async with AsyncExitStack() as stack:
            if cluster is None:
                cluster = playground = Playground(home)
                stack.push_async_callback(playground.stop)
                await playground.start()
            sandbox = await server.start(0, rate_limits=rate_limits)
            stack.push_async_callback(sandbox.stop)
            slack = await stack.enter_async_context(SandboxClient(sandbox.url))
            settings = {
                **{k: v for k, v in os.environ.items() if not k.startswith(_NOT_OURS)},
                **sandbox.environment,
                **QUICK,
                **cluster.environment,
                "CHAOSBOT_HOME": str(home),
                "CHAOSBOT_APPROVERS": APPROVER,
                **environment,
            }
            if through:
                through.to = sandbox.port
                settings["SLACK_API_URL"] = through.url
            made = Ground(
                home=home,
                sandbox=sandbox,
                slack=slack,
                cluster=cluster,
                bot=Bot(home, settings, words),
                left=left,
            )
            stack.callback(made.book.close)
            stack.push_async_callback(made.bot.stop)
            await made.bot.start()
            await made.until_connected()
            yield made
    finally:
        left += await gone(home)
        for pid, _ in living(str(home).encode()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)


def living(mark: bytes) -> list[tuple[int, str]]:
    """The processes whose command line or environment holds `mark`: ids and command lines."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            line = (process / "cmdline").read_bytes()
            if mark in line or mark in (process / "environ").read_bytes():
                found.append((int(process.name), line.decode(errors="replace").replace("\0", " ")))
        except OSError:
            continue
    return found


async def gone(home: Path, seconds: float = 10.0) -> list[str]:
    """Wait until no process lives that knows of a state folder; those that still do after it."""
    ends = time.monotonic() + seconds
    while (left := living(str(home).encode())) and time.monotonic() < ends:
        await asyncio.sleep(_LOOK)
    return [line for _, line in left]

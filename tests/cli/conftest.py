"""Chaosbot as a command: real processes, each test with a state folder of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.cluster.processes import Processes
from bot.domain.errors import ClusterError
from bot.engine.clock import SystemClock
from bot.journal import Journal

CHAOSBOT = (sys.executable, "-m", "bot")
QUICK = {
    "CHAOSBOT_WARM_UP_SECONDS": "1.5",
    "CHAOSBOT_SETTLING_SECONDS": "1",
    "CHAOSBOT_POLL_SECONDS": "0.2",
}
# A playground whose failures show within a second, and heal as soon.
TIMERS = {
    "store_heartbeat": 0.1,
    "region_heartbeat": 0.5,
    "disconnected_after": 0.5,
    "election": 0.3,
    "election_max": 0.5,
    "raft_heartbeat": 0.1,
    "pd_election": 0.4,
    "pd_election_max": 0.7,
    "pd_raft_heartbeat": 0.1,
    "health": 0.5,
    "balance": 0.2,
    "balance_settle": 0.5,
    "stop": 0.5,
}


class Shell:
    """Runs chaosbot with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("CHAOSBOT", "SLACK"))},
            **QUICK,
            "CHAOSBOT_HOME": str(home),
            "NO_COLOR": "1",
        }
        self.environment.pop("ANTHROPIC_API_KEY", None)

    def run(self, *words, timeout=60, **environment):
        """To its end; the finished process with its output as text."""
        return subprocess.run(
            [*CHAOSBOT, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=self.home,
            env={**self.environment, **environment},
            check=False,
        )

    def python(self, code):
        """A few lines of Python in the same environment."""
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )

    async def until_nothing_runs(self, timeout=40):
        """Wait until no process speaks of this home any more."""
        async with asyncio.timeout(timeout):
            while left_over(self.home):
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def running(self, *words, stdin=asyncio.subprocess.DEVNULL, **environment):
        """A process that is killed at the end if it still runs."""
        process = await asyncio.create_subprocess_exec(
            *CHAOSBOT,
            *words,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.home,
            env={**self.environment, **environment},
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    @asynccontextmanager
    async def playground(self, *, quick=False):
        """A playground that was there before; its backend, to look at the nodes."""
        socket = self.home / "playground.sock"
        timers = [f"--timer={name}={seconds}" for name, seconds in TIMERS.items()]
        words = ["playground", *(timers if quick else [])]
        async with self.running(*words), Processes(socket, clock=SystemClock()) as nodes:
            async with asyncio.timeout(60):
                while not await _ready(nodes):
                    await asyncio.sleep(0.05)
            yield nodes

    async def until(self, wanted, timeout=90):
        """Wait until the journal holds a record that `wanted` takes; that record."""
        path = self.home / "journal.sqlite3"
        async with asyncio.timeout(timeout):
            while not path.exists() or not path.stat().st_size:
                await asyncio.sleep(0.02)
            async with await _opened(path) as journal:
                position = 0
                while True:
                    position, records = await journal.follow(position)
                    for record in records:
                        if wanted(record):
                            return record
                    await asyncio.sleep(0.02)


async def _opened(path: Path) -> Journal:
    while True:
        try:
            return await Journal.open(path, read_only=True)
        except Exception:  # noqa: BLE001 - it is being made just now; the caller has a time limit
            await asyncio.sleep(0.02)


async def _ready(nodes: Processes) -> bool:
    try:
        return (await nodes.info()).ready
    except ClusterError:
        return False


@pytest.fixture
async def shell():
    """A shell after which no process is left."""
    with tempfile.TemporaryDirectory(prefix="cb-") as home:  # short: a socket's path is limited
        made = Shell(Path(home))
        yield made
        await made.until_nothing_runs()


def left_over(home: Path) -> list[str]:
    """The command lines of processes that speak of a state folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(home) in words and int(process.name) != os.getpid():
            found.append(words)
    return found

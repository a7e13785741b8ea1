"""Surroundings: folders, playgrounds and chaosbots that a figure needs, and that end with it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.cluster.processes import Processes
from bot.engine.clock import SystemClock
from bot.sandbox import server
from bot.sandbox.client import SandboxClient
from bot.standins import playground_ready, start_playground

_SCRIPT = Path(sys.executable).with_name("chaosbot")
CHAOSBOT = (str(_SCRIPT),) if _SCRIPT.exists() else (sys.executable, "-m", "bot")
_NOT_PART = ("CHAOSBOT", "SLACK", "ANTHROPIC", "PYTHONDONTWRITEBYTECODE", "PYTHONOPTIMIZE")
_ENDS_WITHIN = 60.0
_GONE_WITHIN = 10.0


class NotMeasuredError(Exception):
    """A figure cannot be taken; the text says why."""


def forget_settings() -> None:
    """Take out of the environment what is no part of a figure.

    That is the reader's own settings, and a Python that keeps no bytecode: such a one is never warm.
    """
    for name in list(os.environ):
        if name.startswith(_NOT_PART):
            del os.environ[name]


@asynccontextmanager
async def empty_home() -> AsyncIterator[Path]:
    """A state folder; at its end no process may be left that lives in it or speaks of it.

    Its path is short, since that of a socket in it is limited.
    """
    home = Path(tempfile.mkdtemp(prefix="cb-bench-"))
    try:
        yield home
        try:
            async with asyncio.timeout(_GONE_WITHIN):
                while _living_in(home):  # noqa: ASYNC110 - no event tells of others' processes
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotMeasuredError(f"Processes are left: {', '.join(_living_in(home))}") from None
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def playground(home: Path) -> AsyncIterator[Processes]:
    """A playground of real processes that is ready, and its backend on a warm connection."""
    socket = home / "playground.sock"
    child = await start_playground(socket)
    try:
        await playground_ready(socket, child)
        async with Processes(socket, clock=SystemClock()) as nodes:
            await nodes.nodes()
            yield nodes
    finally:
        await child.stop()


@asynccontextmanager
async def sandbox() -> AsyncIterator[server.Sandbox]:
    """A local Slack in this process."""
    started = await server.start(0)
    try:
        yield started
    finally:
        await started.stop()


@asynccontextmanager
async def chaosbot(
    *words: str, home: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A chaosbot command in a process of its own; it is interrupted at the end, and must end.

    Raises:
        NotMeasuredError: it did not end, or not with status 0.
    """
    process = await asyncio.create_subprocess_exec(
        *CHAOSBOT,
        *words,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=home,
        env={**os.environ, "CHAOSBOT_HOME": str(home), **(environment or {})},
        start_new_session=True,
    )
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await _ended(process, words)
    finally:
        if process.returncode is None:  # only where something else went wrong already
            process.terminate()
            try:
                async with asyncio.timeout(_ENDS_WITHIN):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.communicate()


@asynccontextmanager
async def serving(home: Path, slack: server.Sandbox) -> AsyncIterator[Process]:
    """`chaosbot serve`, connected to a local Slack and to the playground in `home`."""
    async with (
        chaosbot("serve", home=home, environment=slack.environment) as process,
        SandboxClient(slack.url) as client,
    ):
        await client.until_connected(timeout=30)
        yield process


async def _ended(process: Process, words: tuple[str, ...]) -> None:
    said = b""
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            _, said = await process.communicate()
    except TimeoutError:
        raise NotMeasuredError(f"{words[0]} does not end after SIGINT.") from None
    if process.returncode != 0:
        last = said.decode(errors="replace").strip()[-300:]
        raise NotMeasuredError(f"{words[0]} ended with status {process.returncode}: {last}")


def _living_in(home: Path) -> list[str]:
    """The command lines of the processes that work in a folder, or speak of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            lives = (process / "cwd").readlink()
        except OSError:
            continue
        if int(process.name) != os.getpid() and (str(home) in line or lives.is_relative_to(home)):
            found.append(line)
    return found

"""YCSB: load from a command that prints go-ycsb's lines (engine.ports.LoadGenerator).

The command runs in a process group of its own: Ctrl-C in a terminal does not reach it before the
run is wound up. It is asked to end with SIGINT, and killed where it does not. If the bot dies, its
pipes close: go-ycsb ends at its next report, a command that watches its standard input at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Final

from bot.cluster.ycsb_output import Output, described
from bot.domain.errors import LoadError
from bot.domain.load import LoadSample
from bot.engine.ports import Clock

_CHUNK: Final = 64 * 1024
_LOOK: Final = 0.1  # seconds between two looks at whether the command has ended


class Ycsb:
    """Starts `command` (at least one word) for each load; `grace` is what SIGINT gives it, in s."""

    def __init__(self, command: Sequence[str], *, clock: Clock, grace: float = 5.0) -> None:
        if not command:
            raise ValueError("a command is needed")
        self.command = tuple(command)
        self._clock = clock
        self._grace = grace

    def describe(self) -> str:
        """The load in a few words: "YCSB workload A, 16 threads, 200 ops/s"."""
        return described(self.command)

    async def start(self, run: int) -> RunningYcsb:  # noqa: ARG002 - the port's signature
        """Start the command. Raises LoadError."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, process_group=0
            )
        except OSError as error:
            raise LoadError(
                f'The load could not be started: "{self.command[0]}": {error.strerror}.',
                mend="Put the right command in CHAOSBOT_YCSB_COMMAND.",
            ) from error
        return RunningYcsb(process, self._clock, self._grace)


class RunningYcsb:
    """Load that was started (engine.ports.RunningLoad). Its output is read, whoever listens."""

    def __init__(self, process: Process, clock: Clock, grace: float) -> None:
        self._process = process
        self._grace = grace
        self._output = Output(clock)
        self._stopping: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read())
        self._ending = asyncio.create_task(self._end())

    @property
    def pid(self) -> int:
        """The process id of the command, which is its process group's too."""
        return self._process.pid

    @property
    def skipped(self) -> int:
        """How many measurements made no sense."""
        return self._output.skipped

    async def samples(self) -> AsyncGenerator[LoadSample, None]:
        """What clients get, interval by interval; ends after `stop`. Raises LoadError if it dies."""
        async with aclosing(self._output.samples()) as samples:
            async for sample in samples:
                yield sample
        if self._stopping is None:
            await asyncio.shield(self._ending)
            status = self._process.returncode or 0
            how = f"was ended by signal {-status}" if status < 0 else f"ended (status {status})"
            words = self._output.last_words
            raise LoadError(f"The load {how} by itself" + (f": {words}" if words else "."))

    async def stop(self) -> None:
        """End the load and what it runs in. Idempotent; also when the waiting task is cancelled."""
        if self._stopping is None:
            self._output.silent = True
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._signal(signal.SIGINT)
            await asyncio.wait({self._ending}, timeout=self._grace)
        if self._process.returncode is None:
            self._signal(signal.SIGKILL)
        await self._ending

    async def _end(self) -> None:
        """Once the command has ended, end whatever it left behind, which may hold the pipe.

        asyncio's own `wait` is no help here: it waits for the pipe.
        """
        while self._process.returncode is None:  # noqa: ASYNC110 - asyncio tells nobody else
            await asyncio.sleep(_LOOK)
        self._signal(signal.SIGKILL)
        if self._process.stdin:
            self._process.stdin.close()
        await asyncio.wait({self._reading}, timeout=1)
        self._reading.cancel()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # the whole group has ended
            os.killpg(self._process.pid, number)

    async def _read(self) -> None:
        pipe = self._process.stdout
        if pipe is not None:
            await self._output.read(lambda: pipe.read(_CHUNK))

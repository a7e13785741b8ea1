"""YCSB: load from a command that prints go-ycsb's lines (engine.ports.LoadGenerator).

The command runs in a process group of its own: Ctrl-C in a terminal does not reach it before the
run is wound up. It is asked to end with SIGINT, and killed where it does not. If the bot dies, its
pipes close: go-ycsb ends at its next report, a command that watches its standard input at once.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from typing import Final

from bot.cluster.ycsb_lines import Tally
from bot.domain.errors import LoadError
from bot.domain.load import LoadSample
from bot.engine.ports import Clock

_CHUNK: Final = 64 * 1024
_LONGEST_LINE: Final = 64 * 1024
_QUIET: Final = 0.05  # seconds of silence after which a report is taken to be whole
_LOOK: Final = 0.1  # seconds between two looks at whether the command has ended
_SHOWN: Final = 200
_ERROR: Final = re.compile("error|fatal|panic|failed|cannot", re.IGNORECASE)


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
        words = [f"YCSB {workload}" if (workload := self._workload()) else "YCSB"]
        if threads := self._option("--threads"):
            words.append(f"{threads} threads")
        if target := self._option("--target"):
            words.append(f"{target} ops/s")
        return ", ".join(words)

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

    def _option(self, name: str) -> str:
        for at, word in enumerate(self.command):
            if word == name and at + 1 < len(self.command):
                return self.command[at + 1]
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
        return ""

    def _workload(self) -> str:
        name = os.path.basename(self._option("-P"))  # noqa: PTH119 - a word, no file of ours
        return f"workload {name[-1].upper()}" if name.startswith("workload") else name


class RunningYcsb:
    """Load that was started (engine.ports.RunningLoad). Its output is read, whoever listens."""

    def __init__(self, process: Process, clock: Clock, grace: float) -> None:
        self._process = process
        self._clock = clock
        self._grace = grace
        self._tally = Tally()
        self._samples: asyncio.Queue[LoadSample | None] = asyncio.Queue()
        self._last_words = self._last_error = ""
        self._rest = b""
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
        return self._tally.skipped

    async def samples(self) -> AsyncGenerator[LoadSample, None]:
        """What clients get, interval by interval; ends after `stop`. Raises LoadError if it dies."""
        while (sample := await self._samples.get()) is not None:
            yield sample
        self._samples.put_nowait(None)  # for whoever asks again
        if self._stopping is None:
            await asyncio.shield(self._ending)
            status = self._process.returncode or 0
            how = f"was ended by signal {-status}" if status < 0 else f"ended (status {status})"
            words = self._last_error or self._last_words
            raise LoadError(f"The load {how} by itself" + (f": {words}" if words else "."))

    async def stop(self) -> None:
        """End the load and what it runs in. Idempotent; also when the waiting task is cancelled."""
        if self._stopping is None:
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
        output = self._process.stdout
        try:
            while output is not None:
                try:
                    async with asyncio.timeout(_QUIET if self._tally.due else None):
                        chunk = await output.read(_CHUNK)
                except TimeoutError:
                    self._emit(self._tally.close())
                    continue
                if not chunk:
                    break
                for line in self._lines(chunk):
                    self._take(line)
        finally:
            self._samples.put_nowait(None)

    def _take(self, line: str) -> None:
        self._emit(self._tally.line(line, self._clock.now()))
        if line.strip() and not self._tally.measures(line):
            self._last_words = line.strip()[:_SHOWN]
            if _ERROR.search(line):
                self._last_error = self._last_words

    def _emit(self, sample: LoadSample | None) -> None:
        if sample is not None and self._stopping is None:
            self._samples.put_nowait(sample)

    def _lines(self, chunk: bytes) -> Iterator[str]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest = self._rest[:_LONGEST_LINE]  # the rest of it says nothing to us
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")

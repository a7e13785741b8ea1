"""The output of a running load: go-ycsb's lines read as they come, and what it said last.

Where the load runs (a process, a container) is another matter: it hands in bytes and says when
there are no more.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from typing import Final

from bot.cluster.ycsb_lines import Tally
from bot.domain.load import LoadSample
from bot.engine.ports import Clock

_LONGEST_LINE: Final = 64 * 1024
_QUIET: Final = 0.05  # seconds of silence after which a report is taken to be whole
_SHOWN: Final = 200
_ERROR: Final = re.compile("error|fatal|panic|failed|cannot", re.IGNORECASE)


def described(command: Sequence[str]) -> str:
    """A load in a few words: "YCSB workload A, 16 threads, 200 ops/s"."""

    def option(name: str) -> str:
        for at, word in enumerate(command):
            if word == name and at + 1 < len(command):
                return command[at + 1]
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
        return ""

    file = os.path.basename(option("-P"))  # noqa: PTH119 - a word, no file of ours
    workload = f"workload {file[-1].upper()}" if file.startswith("workload") else file
    words = [f"YCSB {workload}" if workload else "YCSB"]
    if threads := option("--threads"):
        words.append(f"{threads} threads")
    if target := option("--target"):
        words.append(f"{target} ops/s")
    return ", ".join(words)


class Output:
    """Reads, and hands out samples. `silent`: what comes now is of no interest any more."""

    def __init__(self, clock: Clock) -> None:
        self.silent = False
        self._clock = clock
        self._tally = Tally()
        self._samples: asyncio.Queue[LoadSample | None] = asyncio.Queue()
        self._last_words = self._last_error = ""
        self._rest = b""

    @property
    def skipped(self) -> int:
        """How many measurements made no sense."""
        return self._tally.skipped

    @property
    def last_words(self) -> str:
        """The last line that named an error, else the last one; "" if there is none."""
        return self._last_error or self._last_words

    async def samples(self) -> AsyncGenerator[LoadSample, None]:
        """What clients get, interval by interval, until the output ends."""
        while (sample := await self._samples.get()) is not None:
            yield sample
        self._samples.put_nowait(None)  # for whoever asks again

    async def read(self, more: Callable[[], Awaitable[bytes]]) -> None:
        """Take in what `more` gives until it gives nothing; it is cancelled when all is quiet."""
        try:
            while True:
                try:
                    async with asyncio.timeout(_QUIET if self._tally.due else None):
                        chunk = await more()
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
        if sample is not None and not self.silent:
            self._samples.put_nowait(sample)

    def _lines(self, chunk: bytes) -> Iterator[str]:
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest = self._rest[:_LONGEST_LINE]  # the rest of it says nothing to us
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")

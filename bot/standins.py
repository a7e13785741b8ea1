"""Stand-ins: the local cluster and the bot itself, started as processes by their own commands.

A child ends when its parent does, however that ends: each stops when its standard input does.
Each has a session of its own, so that a Ctrl-C reaches the parent alone, which ends all in order.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import Signals

from bot.cluster.processes import Processes
from bot.domain.errors import ClusterError, SettingsError
from bot.engine.clock import SystemClock

_LOOK = 0.05  # seconds between two looks at a playground that is not ready yet
_READY_WITHIN = 60.0
_LAST_WORDS = 5  # lines of a dead child's output that are shown


class Child:
    """A process of ours, with its output in a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, output: Path) -> None:
        self.name = name
        self._process = process
        self._output = output

    @classmethod
    async def start(
        cls,
        name: str,
        words: Sequence[str],
        output: Path,
        environment: Mapping[str, str],
        *,
        again: bool = False,
    ) -> Child:
        """Start `python -m ...words`; what it says goes to the file `output`.

        `again`: behind what the one before it has said.
        """
        with output.open("ab" if again else "wb") as written:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=written,
                stderr=written,
                env={**os.environ, **environment},
                cwd=output.parent,
                start_new_session=True,
            )
        return cls(name, process, output)

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        return await self._process.wait()

    async def kill(self) -> None:
        """End it at once, without a word of its own."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self, limit: float = 60.0, by: Signals = Signals.SIGTERM) -> None:
        """Ask it to end, in order; after so many seconds insist."""
        if self._process.returncode is None:
            self._process.send_signal(by)
            try:
                async with asyncio.timeout(limit):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def last_words(self) -> str:
        """The last lines that it has said."""
        lines = self._output.read_text(errors="replace").strip().splitlines()
        return " ".join(lines[-_LAST_WORDS:]) or "it said nothing"


async def start_playground(socket: Path, *, real_time: bool = False) -> Child:
    """Start a playground that listens at `socket`; it may not be ready yet."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    words = ["bot.playground", "--socket", str(socket), "--stop-on-eof"]
    if real_time:
        words.append("--real-time")
    return await Child.start("the playground", words, socket.with_suffix(".log"), {})


async def playground_answers(socket: Path) -> bool:
    """Whether a playground listens there."""
    async with Processes(socket, clock=SystemClock()) as nodes:
        try:
            await nodes.info()
        except ClusterError:
            return False
    return True


async def playground_ready(socket: Path, child: Child) -> None:
    """Wait until every node of a started playground is up.

    Raises:
        SettingsError: it ended, or took longer than a minute.
    """
    ending = asyncio.ensure_future(child.ended())
    try:
        async with asyncio.timeout(_READY_WITHIN), Processes(socket, clock=SystemClock()) as nodes:
            while not ending.done():
                try:
                    if (await nodes.info()).ready:
                        return
                except ClusterError:
                    pass  # it does not listen yet
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        raise SettingsError(
            f"The playground was not ready within {_READY_WITHIN:g} s: {child.last_words()}"
        ) from None
    finally:
        ending.cancel()
    raise SettingsError(f"The playground ended at once: {child.last_words()}")

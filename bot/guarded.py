"""Guarded: the bot's side of its guardian. It starts one, keeps it, and lets go of it at the end."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from bot.engine.patience import cancelled
from bot.lock import Lock

log = logging.getLogger(__name__)

_AGAIN: Final = 2.0  # seconds until a guardian that has ended gets a successor
_LOG: Final = "guardian.log"


class Guardian:
    """The guardian of this process while the `async with` lasts, and its successor if it ends."""

    def __init__(self, home: Path, seconds: float, lock: Lock) -> None:
        """`seconds`: how long this process may be gone; `lock`: says that there is a guardian."""
        self.seconds = seconds
        self._home = home
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it watches."""
        return self._process is not None and self._process.poll() is None

    async def __aenter__(self) -> Self:
        self._start()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of it: it looks for itself whether anything is left to do."""
        if self._watching:
            await cancelled(self._watching)
        self._let_go()

    def _start(self) -> None:
        words = ["guardian", "--home", str(self._home), "--bot", str(os.getpid())]
        words += ["--seconds", f"{self.seconds:g}"]
        try:
            with (self._home / _LOG).open("ab") as told:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-m", "bot", *words],
                    stdin=subprocess.PIPE,
                    stdout=told,
                    stderr=told,
                    start_new_session=True,
                )
        except OSError as error:
            log.warning("There is no guardian: %s.", error.strerror)
        else:
            self._lock.tell(guarded=True)

    async def _watch(self) -> None:
        """Replace a guardian that has ended."""
        while True:
            await asyncio.sleep(_AGAIN)
            if not self.alive:
                self._let_go()
                log.warning("The guardian has ended; another one is started.")
                self._start()

    def _let_go(self) -> None:
        """End the pipe."""
        self._lock.tell(guarded=False)
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        # Who is still at work outlives us, and is none of our children any more.
        if self._process and self._process.poll() is None:
            self._process.returncode = 0
        self._process = None

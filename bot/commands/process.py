"""A command as a process: its exit status, its settings, and the signals that end it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from bot import logs
from bot import settings as configuration
from bot.domain.errors import ChaosError
from bot.domain.experiment import Outcome
from bot.settings import Settings

DONE, FAILED, USAGE, REFUSED, ABORTED = 0, 1, 2, 3, 130
STATUS = {
    Outcome.RECOVERED: DONE,
    Outcome.NOT_RECOVERED: FAILED,
    Outcome.FAILED: FAILED,
    Outcome.REFUSED: REFUSED,
    Outcome.ABORTED: ABORTED,
}


def settings() -> Settings:
    """The settings; from now on their secrets stay out of the log. Raises SettingsError."""
    loaded = configuration.load()
    logs.set_up(loaded.secrets())
    return loaded


def complain(error: ChaosError, status: int) -> int:
    """Say on standard error what went wrong; the status."""
    sys.stderr.write(f"chaosbot: {error.whole}\n")
    return status


def on_signals(asked: Callable[[signal.Signals], None]) -> None:
    """Call `asked` at each SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked, number)


def on_eof(ended: Callable[[], None]) -> None:
    """Call `ended` when standard input ends, for a parent that may die."""
    loop = asyncio.get_running_loop()
    stdin = sys.stdin.fileno()

    def read() -> None:
        if not os.read(stdin, 4096):
            loop.remove_reader(stdin)
            ended()

    loop.add_reader(stdin, read)

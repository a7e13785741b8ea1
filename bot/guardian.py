"""The guardian: a small process that restores what is broken when the bot is gone and stays away.

    chaosbot serve --- a pipe ---> chaosbot guardian (a session of its own: no signal that is meant
                                                      for the bot, its group or its terminal)
    the pipe ends: the bot is gone, however
      nothing is injected, or a bot with a guardian of its own is here -> it ends
      else, after CHAOSBOT_GUARDIAN_SECONDS -> what "chaosbot recover" does, until it has worked

It is there all the time and is to be small: until it has to restore, it imports nothing large.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot.lock import GUARDIAN, holder

_LOOK: Final = 0.25  # seconds between two looks at the journal and the lock
_FIRST_RETRY, _LAST_RETRY = 5.0, 300.0  # seconds
_GIVES_UP: Final = 24 * 3600.0
_PLAYGROUND: Final = "processes"  # the backend of its receipts
# The receipts that were planned and not rolled back, as bot.journal.histories has them.
_OPEN: Final = (
    "SELECT body FROM runs JOIN events USING (run) "
    "WHERE open_from IS NOT NULL AND seq >= open_from AND events.event = 'fault_planned'"
)


def watch(home: Path, bot: int, seconds: float, restore: Callable[[], bool]) -> int:
    """The process's side: wait for the bot's end, and restore what is broken; an exit status.

    Args:
        home: The state folder.
        bot: The bot's process id.
        seconds: How long it may be gone, with something broken, before `restore` is called.
        restore: Puts everything right; whether nothing is left to do. Called again until then.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # they are meant for the bot
        signal.signal(number, signal.SIG_IGN)
    _until_end_of(sys.stdin.fileno())
    gone, due, wait = time.monotonic(), seconds, _FIRST_RETRY
    while _broken(home) and not _guarded_by_another(home, bot):
        away = time.monotonic() - gone
        if away > _GIVES_UP:
            sys.stderr.write("Not everything could be put right within a day: it is given up.\n")
            return 1
        if away >= due and holder(home) is None:
            if restore():
                return 0
            due, wait = time.monotonic() - gone + wait, min(wait * 2, _LAST_RETRY)
        time.sleep(_LOOK)
    return 0


def _until_end_of(pipe: int) -> None:
    while os.read(pipe, 4096):
        pass


def _broken(home: Path) -> bool:
    """Whether a node may be broken; so it is, too, where the journal cannot be read."""
    journal = home / "journal.sqlite3"
    if not journal.exists():
        return False
    try:
        opened = sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True, timeout=5)
        with contextlib.closing(opened):
            receipts = [json.loads(row[0])["injection"] for row in opened.execute(_OPEN)]
    except (sqlite3.Error, ValueError, LookupError, TypeError):
        return journal.exists()
    return any(not lost(r["backend"], r["endpoint"]) for r in receipts)


def lost(backend: str, endpoint: str) -> bool:
    """Whether what a receipt speaks of is gone: the nodes of a playground end with it."""
    if backend != _PLAYGROUND:
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(endpoint)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False  # it is there, and has no time
    return False


def _guarded_by_another(home: Path, bot: int) -> bool:
    """Whether a bot that is alive, and none that has gone, watches with a guardian of its own."""
    found = holder(home)
    if found is None or not found.guarded or found.role == GUARDIAN:
        return False
    if found.pid is None or found.pid == bot:
        return False
    try:
        os.kill(found.pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True

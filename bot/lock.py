"""The lock on a state folder: one chaosbot at a time, for two would each undo the other's faults.

The kernel keeps it (flock) and lets go of it when its holder ends, however that ends. What stands in
the file is for others to read: "4711 serve", and "4711 serve guarded" once a guardian watches it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.domain.errors import SettingsError

GUARDIAN: Final = "guardian"
_GUARDED: Final = "guarded"
_MOMENTS: Final = (0.001, 0.003, 0.01, 0.03)
_MOST: Final = 100  # bytes that are worth reading


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lock, as far as the file tells: `pid` is None where it does not."""

    pid: int | None
    role: str
    guarded: bool = False

    def __str__(self) -> str:
        process = f"process {self.pid or 'unknown'}"
        return f"{self.role}, {process}" if self.role else process


class Taken(SettingsError):  # noqa: N818 - reads as the sentence it makes
    """Another chaosbot uses the state folder: `holder`."""

    def __init__(self, home: Path, holder: Holder) -> None:
        super().__init__(
            f"Another chaosbot ({holder}) uses {home}.",
            mend="Stop it, or set CHAOSBOT_HOME to another folder.",
        )
        self.holder = holder


class Lock:
    """A lock that we hold."""

    def __init__(self, file: int, role: str) -> None:
        self._file = file
        self._role = role

    def tell(self, *, guarded: bool) -> None:
        """Let others read who holds it, and whether a guardian watches over that."""
        words = [str(os.getpid()), self._role, *([_GUARDED] if guarded else [])]
        text = " ".join(words).encode()
        os.pwrite(self._file, text, 0)
        os.ftruncate(self._file, len(text))


@contextmanager
def held(home: Path, role: str) -> Iterator[Lock]:
    """Keep every other chaosbot out of a state folder.

    Raises:
        Taken: another one is in it.
        SettingsError: the folder cannot be written.
    """
    try:
        file = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(
            f"The lock in {home} cannot be opened: {error.strerror}.",
            mend="Make the folder writable, or set CHAOSBOT_HOME to another one.",
        ) from error
    try:
        if not _locked(file):
            raise Taken(home, _read(file))
        lock = Lock(file, role)
        lock.tell(guarded=False)
        yield lock
    finally:
        os.close(file)


def holder(home: Path) -> Holder | None:
    """Who holds the lock on a state folder, None if nobody does or there is none."""
    try:
        file = os.open(home / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(file)
    finally:
        os.close(file)
    return None


def _locked(file: int) -> bool:
    """Lock it, if nobody else has. Who only looks (`holder`) has it for a moment."""
    for wait in (*_MOMENTS, None):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if wait is None:
                return False
            time.sleep(wait)
        else:
            break
    return True


def _read(file: int) -> Holder:
    pid, _, said = os.pread(file, _MOST, 0).decode(errors="replace").partition(" ")
    words = said.split()
    return Holder(
        pid=int(pid) if pid.isdecimal() else None,
        role=words[0] if words else "",
        guarded=_GUARDED in words[1:],
    )

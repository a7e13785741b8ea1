"""The keyboard: lines that somebody types, without ever blocking the loop or the exit.

On a terminal the keys are read one by one and not echoed, since the live view repaints the line
that is being typed; Ctrl-C stays a signal. A pipe gives whole lines. A file, /dev/null and a
closed or background standard input end at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

_BACKSPACE: Final = "\b\x7f"
_ERASE: Final = "\x15"
_END: Final = "\x04"


class Keyboard:
    """Reads lines from a stream (standard input by default) while it is `open`.

    `typed` is the line so far, for who paints it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._fd = _descriptor(sys.stdin if stream is None else stream)
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.typed = ""

    @property
    def is_terminal(self) -> bool:
        """Whether a person sits at it."""
        return self._fd is not None and os.isatty(self._fd)

    @contextmanager
    def open(self, *, raw: bool) -> Iterator[None]:
        """Read from here on; `raw`: without the terminal's own echo and line editing."""
        fd = self._fd
        if fd is None:
            self._lines.put_nowait(None)
            yield
            return
        with _keys(fd) if raw else _as_it_is():
            loop = asyncio.get_running_loop()
            try:
                loop.add_reader(fd, self._readable, fd)
            except OSError:  # a file: it cannot be waited for, and never blocks
                self._take(_all(fd))
                self._lines.put_nowait(None)
                yield
                return
            try:
                yield
            finally:
                loop.remove_reader(fd)

    async def line(self) -> str | None:
        """The next line, None at the end of the input."""
        return await self._lines.get()

    def _readable(self, fd: int) -> None:
        try:
            chunk = os.read(fd, 1024)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            chunk = b""
        if chunk:
            self._take(chunk.decode(errors="replace"))
        else:
            asyncio.get_running_loop().remove_reader(fd)
            self._lines.put_nowait(None)

    def _take(self, text: str) -> None:
        for key in text:
            if key in "\r\n":
                self._lines.put_nowait(self.typed)
                self.typed = ""
            elif key in _BACKSPACE:
                self.typed = self.typed[:-1]
            elif key == _ERASE:
                self.typed = ""
            elif key == _END and not self.typed:
                self._lines.put_nowait(None)
            elif key.isprintable() and len(self.typed) < 80:  # noqa: PLR2004 - a line, no novel
                self.typed += key


def _descriptor(stream: TextIO | None) -> int | None:
    """The stream's descriptor, None where nobody can type into it."""
    try:
        fd = stream.fileno() if stream else None
    except (OSError, ValueError):  # closed, or no file at all
        return None
    with suppress(OSError):  # no terminal, or not the one that controls us
        if fd is not None and os.tcgetpgrp(fd) != os.getpgrp():
            return None  # in the background: reading would stop the process
    return fd


def _all(fd: int) -> str:
    chunks = []
    while chunk := os.read(fd, 65536):
        chunks.append(chunk)
    return b"".join(chunks).decode(errors="replace")


@contextmanager
def _keys(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSADRAIN)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone, and its mode with it
            termios.tcsetattr(fd, termios.TCSAFLUSH, before)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield

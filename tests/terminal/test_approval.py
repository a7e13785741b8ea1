"""The question at the shell: approve the restore, or keep the node down."""

from __future__ import annotations

import asyncio
import io
import os
import termios
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pytest

from bot.domain.approval import Decision
from bot.domain.experiment import Stage
from bot.domain.fold import fold
from bot.terminal import TerminalView
from tests import histories
from tests.terminal.clocks import Hurried, Still, replay

WAITING = histories.until(histories.recovered(), Stage.AWAITING_APPROVAL)
REPORT = fold(WAITING)


@dataclass
class Shell:
    """A view, what it wrote, and the two ends of its standard input."""

    view: TerminalView
    out: io.StringIO
    stdin: TextIO
    keys: int

    def type(self, text: str) -> None:
        os.write(self.keys, text.encode())

    async def ask(self) -> Decision | None:
        async with asyncio.timeout(10):
            return await self.view.ask_approval(REPORT, stdin=self.stdin)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def shell(opened: ExitStack, clock: Still, *, terminal: bool = False) -> Shell:
    read, write = os.openpty()[::-1] if terminal else os.pipe()
    out = io.StringIO()
    view = TerminalView(clock=clock, progress=out, interactive=terminal)
    stdin = opened.enter_context(os.fdopen(read, "r"))
    keys = opened.enter_context(os.fdopen(write, "wb", buffering=0))
    return Shell(view, out, stdin, keys.fileno())


@pytest.fixture
def pipe(opened: ExitStack) -> Shell:
    return shell(opened, Still(WAITING[-1].at))


@pytest.fixture
def tty(opened: ExitStack) -> Shell:
    return shell(opened, Still(WAITING[-1].at), terminal=True)


@pytest.fixture
def nothing() -> Iterator[TextIO]:
    with Path(os.devnull).open() as file:
        yield file


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("a\n", Decision.APPROVED),
        ("A\r\n", Decision.APPROVED),
        (" approve \n", Decision.APPROVED),
        ("k\n", Decision.KEPT_DOWN),
        ("keep\n", Decision.KEPT_DOWN),
    ],
)
async def test_an_answer_decides(pipe: Shell, typed: str, decision: Decision) -> None:
    pipe.type(typed)
    assert await pipe.ask() is decision
    assert "[a]pprove restore, [k]eep it down? (restored by itself at" in pipe.out.getvalue()


async def test_any_other_answer_is_told_what_would_be_right(pipe: Shell) -> None:
    pipe.type("yes\nk\n")
    assert await pipe.ask() is Decision.KEPT_DOWN
    assert '"yes" is no answer. Type a or k, then Enter.' in pipe.out.getvalue()


async def test_the_end_of_the_input_leaves_it_to_the_deadline(pipe: Shell, nothing: TextIO) -> None:
    pipe.stdin = nothing
    assert await pipe.ask() is None
    assert "Nobody is there to answer: the deadline decides" in pipe.out.getvalue()
    assert "in 10 min)" in pipe.out.getvalue()


async def test_a_closed_pipe_is_the_end_of_the_input(pipe: Shell) -> None:
    os.dup2(pipe.stdin.fileno(), pipe.keys)  # which closes the other end
    assert await pipe.ask() is None
    assert "Nobody is there" in pipe.out.getvalue()


async def test_a_closed_standard_input_is_its_end(pipe: Shell) -> None:
    pipe.stdin.close()
    assert await pipe.ask() is None


async def test_a_file_may_hold_the_answer(pipe: Shell, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text("keep\n")
    os.dup2(os.open(tmp_path / "answer", os.O_RDONLY), pipe.stdin.fileno())
    assert await pipe.ask() is Decision.KEPT_DOWN


async def test_the_deadline_ends_the_question(opened: ExitStack) -> None:
    clock = Hurried(WAITING[-1].at)
    waiting = shell(opened, clock)
    assert await waiting.ask() is None
    assert REPORT.deadline is not None
    assert clock.at >= REPORT.deadline


async def test_somebody_elses_decision_ends_the_question(pipe: Shell) -> None:
    asking = asyncio.create_task(pipe.ask())
    await asyncio.sleep(0)
    await pipe.view.show(replay(histories.recovered(), Still()), 17)
    assert await asking is None


async def test_a_view_that_lags_behind_does_not_end_the_question(pipe: Shell) -> None:
    before = histories.until(histories.recovered(), Stage.DIAGNOSING)
    await pipe.view.show(replay(before, Still()))
    asking = asyncio.create_task(pipe.ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    pipe.type("k\n")
    assert await asking is Decision.KEPT_DOWN


async def test_keys_are_read_one_by_one_and_edited(tty: Shell) -> None:
    asking = asyncio.create_task(tty.ask())
    await asyncio.sleep(0)  # until then the terminal edits and echoes by itself
    tty.type("kx\x7f\x7fapp")
    tty.type("\x15nope\r")
    tty.type("a\r")
    assert await asking is Decision.APPROVED
    assert '"nope" is no answer' in tty.out.getvalue()


async def test_ctrl_d_is_the_end_of_the_input(tty: Shell) -> None:
    asking = asyncio.create_task(tty.ask())
    await asyncio.sleep(0)
    tty.type("\x04")
    assert await asking is None


async def test_ctrl_c_stays_a_signal_and_the_terminal_is_left_as_it_was(tty: Shell) -> None:
    fd = tty.stdin.fileno()
    before = termios.tcgetattr(fd)
    asking = asyncio.create_task(tty.ask())
    await asyncio.sleep(0)
    during = termios.tcgetattr(fd)[3]
    assert during & termios.ISIG
    assert not during & (termios.ECHO | termios.ICANON)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert termios.tcgetattr(fd) == before

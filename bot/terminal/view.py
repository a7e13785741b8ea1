"""The view: a run as it goes, on a terminal or in a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, TextIO

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bot.domain.approval import Decision
from bot.domain.events import Record, RunStarted
from bot.domain.experiment import Stage
from bot.domain.fold import advance, fold
from bot.domain.narrative import remaining
from bot.domain.progress import Glyph, signal_lines, stage_lines
from bot.domain.report import Report
from bot.domain.sentence import rough
from bot.engine.ports import Clock
from bot.terminal import story, wording
from bot.terminal.keyboard import Keyboard
from bot.terminal.pages import print_result
from bot.terminal.pen import Pen, is_terminal

_TICK: Final = 0.25  # seconds between two strokes of the live view
_QUESTION: Final = "[a]pprove restore, [k]eep it down"
_ANSWERS: Final = {
    "a": Decision.APPROVED,
    "approve": Decision.APPROVED,
    "k": Decision.KEPT_DOWN,
    "keep": Decision.KEPT_DOWN,
}


class TerminalView:
    """Shows runs on `progress`, and how each ended on `results` (`progress` where there is none).

    `interactive`: with colours and a live countdown; by default where all that it writes to is a
    terminal.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        progress: TextIO,
        results: TextIO | None = None,
        interactive: bool | None = None,
    ) -> None:
        if interactive is None:
            interactive = is_terminal(progress) and (results is None or is_terminal(results))
        self._clock = clock
        self._pen = Pen(progress, lively=interactive)
        self._results = results or progress
        self._interactive = interactive
        self._live: Live | None = None
        self._report: Report | None = None
        self._keyboard: Keyboard | None = None
        self._moved = asyncio.Event()  # set, and replaced, with each record

    async def show(
        self,
        records: AsyncIterator[Record],
        run: int | None = None,
        *,
        history: Callable[[int], Awaitable[Sequence[Record]]] | None = None,
    ) -> Report | None:
        """Show the records of a run until it is finished, or of all runs until they end.

        `history` (a journal's) gives what came before, for a run that had begun before `records`
        did; without it such a run is not shown.

        Returns:
            The last report of the (last) run, None if there was no record of it.
        """
        reports: dict[int, Report] = {}
        ticking = asyncio.create_task(self._tick()) if self._interactive else None
        try:
            async for record in records:
                if run is not None and record.run != run:
                    continue
                before = reports.get(record.run)
                if before is None and not isinstance(record.event, RunStarted):
                    before = await _earlier(record, history)
                    if before is None:
                        continue
                self._report = reports[record.run] = advance(before, record)
                self._tell(before, self._report)
                self._moved.set()
                self._moved = asyncio.Event()
                if run is not None and self._report.outcome:
                    break
        finally:
            if ticking:
                ticking.cancel()
                with suppress(asyncio.CancelledError):
                    await ticking
            self._stop_live()
        return self._report

    async def ask_approval(self, report: Report, *, stdin: TextIO | None = None) -> Decision | None:
        """Ask what becomes of the node.

        Returns:
            APPROVED or KEPT_DOWN; None where somebody else decided, the deadline passed, or the
            input ended. The run then waits for its deadline, or has gone on already.
        """
        keyboard = Keyboard(stdin)
        raw = self._interactive and keyboard.is_terminal
        with keyboard.open(raw=raw):
            self._keyboard = keyboard if raw else None
            if not raw:
                self._say(f"{_QUESTION}?", report)
            deciding = asyncio.create_task(self._answer(keyboard, report))
            ending = asyncio.create_task(self._until_decided(report))
            tasks = {deciding, ending}
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                return deciding.result() if deciding.done() else None
            finally:
                self._keyboard = None
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                self._paint()

    async def _answer(self, keyboard: Keyboard, report: Report) -> Decision | None:
        while (line := await keyboard.line()) is not None:
            answer = line.strip().lower()
            if answer in _ANSWERS:
                return _ANSWERS[answer]
            if answer or not self._interactive:
                self._say(f'"{wording.clean(answer)}" is no answer. Type a or k, then Enter.')
        self._say("Nobody is there to answer: the deadline decides", report)
        return None

    async def _until_decided(self, report: Report) -> None:
        """Come back when the deadline is past, or the run has gone on."""
        while True:
            shown = self._report
            if shown and shown.run == report.run and len(shown.stages) >= len(report.stages):
                report = shown  # unless the caller's is ahead of what was shown
            if report.stage is not Stage.AWAITING_APPROVAL or report.approval:
                return
            left = remaining(report, self._clock.now())
            if left is not None and left <= 0:
                return
            moved = asyncio.create_task(self._moved.wait())
            passing = asyncio.create_task(self._clock.sleep(min(left or _TICK, 1.0)))
            try:
                await asyncio.wait({moved, passing}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                moved.cancel()
                passing.cancel()

    def _say(self, words: str, report: Report | None = None) -> None:
        left = remaining(report, self._clock.now()) if report else None
        if report and report.deadline and left is not None:
            at = report.deadline.astimezone(UTC)
            restores = report.policy.at_deadline == "restore"
            becomes = "restored by itself" if restores else "it stays down"
            words += f" ({becomes} at {at:%H:%M:%S} UTC, in {rough(left)})"
        with self._above_live():
            self._pen.lines([wording.marked(Glyph.WAITING, words)])

    def _tell(self, before: Report | None, after: Report) -> None:
        items = story.told(before, after, self._clock.now())
        if items:
            with self._above_live():
                for item in items:
                    self._write(item)
        self._paint()

    def _write(self, item: story.Item) -> None:
        pen = self._pen
        match item:
            case story.Opening(report=report):
                pen.lines([wording.opening(report)])
            case story.Entered(stage=stage):
                pen.rule(wording.entering(stage))
            case story.Left(stage=stage):
                pen.lines([wording.leaving(stage)])
            case story.Seen(signal=signal):
                pen.lines([wording.seen(signal)])
            case story.Diagnosed(diagnosis=diagnosis):
                head = wording.diagnosis_title(diagnosis)
                pen.panel(head, wording.diagnosis_lines(diagnosis), style="magenta")
            case story.Said(words=words, loud=loud):
                glyph = Glyph.FAILED if loud else Glyph.NOW
                pen.lines([wording.marked(glyph, words, indent=0 if loud else 2)])
            case story.Alarmed(alarm=loud):
                pen.panel("Broken", wording.alarm_lines(loud), style="red", loud=True)
            case story.Finished(report=report):
                self._stop_live()
                print_result(report, self._results, lively=self._interactive)

    # The live part: the last lines of a terminal, painted anew four times a second.

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(_TICK)
            self._paint()

    def _paint(self) -> None:
        report = self._report
        if not self._interactive or report is None:
            return
        if report.finished or report.stage is None:
            self._stop_live()
            return
        if self._live is None:
            self._live = Live(console=self._pen.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(self._footer(report, self._clock.now()), refresh=True)

    def _stop_live(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    @contextmanager
    def _above_live(self) -> Iterator[None]:
        """Lines written here stay on the screen, above the live part."""
        self._stop_live()
        yield

    def _footer(self, report: Report, now: datetime) -> RenderableType:
        width = self._pen.console.width
        parts: list[RenderableType] = []
        stage = next((s for s in stage_lines(report, now) if s.glyph is Glyph.NOW), None)
        if stage:
            parts.append(_countdown(stage.name, stage.time, stage.left, stage.whole))
        awaited = [s.words for s in signal_lines(report) if s.glyph is Glyph.WAITING]
        if awaited:
            line = wording.marked(Glyph.WAITING, ", ".join(awaited), indent=2)
            parts.append(self._pen.wrapped(line, width))
        throughput = wording.throughput(report, width)
        if throughput:
            parts.append(throughput)
        if self._keyboard:
            line = Text("  ").append(f"{_QUESTION}, then Enter: ", "bold yellow")
            parts.append(line.append(self._keyboard.typed).append("▌", "yellow"))
        return Group(*parts)


async def _earlier(
    record: Record, history: Callable[[int], Awaitable[Sequence[Record]]] | None
) -> Report | None:
    known = await history(record.run) if history else ()
    before = [r for r in known if r.seq < record.seq]
    return fold(before) if before else None


def _countdown(name: str, time: str, left: float | None, whole: float | None) -> RenderableType:
    words = wording.marked(Glyph.NOW, name, time=time)
    if left is None or not whole:
        return words
    table = Table.grid(padding=(0, 1))
    table.add_row(
        words, ProgressBar(total=whole, completed=whole - left, width=20, complete_style="cyan")
    )
    return table

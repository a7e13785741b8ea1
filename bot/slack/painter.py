"""The painter: makes the messages in Slack say what they should.

It holds what stands in Slack and what should stand there (`thread.messages`), and spends a rate
budget on the difference: posts first, then what has happened, countdown ticks last. A lost
update, a 429 or a restart mends itself at the next stroke. The engine never waits for it.

A thread that says its last word is settled, and the journal knows it: after a start only those that
are not are taken up, each of their messages where it stands or may stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from bot.domain.control import Halt
from bot.domain.errors import JournalError
from bot.domain.events import Record, RunStarted, VoteRefused
from bot.domain.fold import advance, fold
from bot.domain.narrative import remaining
from bot.engine.patience import cancelled, until
from bot.engine.ports import Clock, Journal
from bot.engine.stream import Stream
from bot.slack.brush import Brush
from bot.slack.thread import Key
from bot.slack.wall import Kind, Place, Stroke, Wall

log = logging.getLogger(__name__)

_TICKS_KEEP: Final = 4.0  # tokens that ticks leave for what happens
_BETWEEN: Final = 1.0  # seconds between two updates of a message
_GONE: Final = frozenset({"channel_not_found", "is_archived"})  # of a channel, for good
_IDLE: Final = 30.0
_LAST_WORDS: Final = 1.0  # seconds that the stream may take to end, where the engine is closed


class Painter:
    """Paints the threads of all runs. `await start()`, and `await close()` after the engine."""

    def __init__(  # noqa: PLR0913 - the ports it paints from and with
        self,
        stream: Stream,
        journal: Journal,
        clock: Clock,
        brush: Brush,
        *,
        channel: str | None = None,
        halted: Callable[[], Halt | None] = lambda: None,
    ) -> None:
        """Prepare; nothing is painted yet.

        Args:
            stream: Where records come from.
            journal: Histories, and where messages stand.
            clock: Paces all calls.
            brush: Makes the calls.
            channel: Where runs appear that were asked for elsewhere; None: they do not.
            halted: Says whether Chaosbot is halted; looked at with each stroke.
        """
        self._stream = stream
        self._journal = journal
        self._clock = clock
        self._brush = brush
        self._channel = channel
        self._halted = halted
        self._over: list[tuple[Wall, bool]] = []  # walls that came down; whether they say it all
        self._settled: set[int] = set()
        self._walls: dict[int, Wall] = {}
        self._elsewhere: set[int] = set()
        self._learning = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._wake = asyncio.Event()
        self._closing = False
        self._watcher: asyncio.Task[None] | None = None
        self._strokes: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Watch from now on, and take up every thread that is not settled. Raises JournalError."""
        watching = asyncio.Event()
        async with self._learning:
            self._watcher = asyncio.create_task(self._watch(watching))
            await watching.wait()
            unfinished = await self._journal.unfinished()
            for run in sorted({*unfinished, *await self._journal.unsettled()}):
                try:
                    await self._take_up(run)
                except (JournalError, ValueError) as error:  # one run must not hide the others
                    log.error("Run %d cannot be taken up: %s", run, error)  # noqa: TRY400 - a sentence, no traceback
        self._strokes = asyncio.create_task(self._paint())

    def look(self) -> None:
        """Something changed that no record tells of: a halt, its end."""
        self._wake.set()

    async def close(self, seconds: float = 10.0) -> None:
        """Paint the last state of everything, for at most so long, and end.

        The engine is closed first: its stream's end is what tells that nothing more will come.
        """
        if self._watcher is None:
            return
        await self._within(min(seconds, _LAST_WORDS), self._watcher)
        self._closing = True
        self._wake.set()
        if self._strokes:
            await self._within(seconds, self._strokes)
        if self._walls:
            log.warning("The messages of runs %s are not up to date.", sorted(self._walls))

    async def _within(self, seconds: float, task: asyncio.Task[None]) -> None:
        alarm = asyncio.ensure_future(self._clock.sleep(seconds))
        await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        await cancelled(task, alarm)

    async def appeared(self, run: int, seconds: float) -> str:
        """Wait until a run's root stands, for so long; what keeps it from standing, or ""."""
        ends = self._clock.monotonic() + seconds
        while (wall := self._walls.get(run)) is None:
            left = ends - self._clock.monotonic()
            if left <= 0 or run in self._elsewhere:
                return ""
            await until(self._clock, left, self._arrived)
        await until(self._clock, ends - self._clock.monotonic(), wall.appeared)
        return wall.trouble

    async def where(self, run: int, key: Key = Key.ROOT) -> Place | None:
        """Where a message of a run stands, as far as it is known. Raises JournalError."""
        wall = self._walls.get(run)
        if wall is not None and wall.pictures[key].place:
            return wall.pictures[key].place
        noted = await self._journal.message(run, key.value)
        return Place(channel=noted[0], ts=noted[1]) if noted else None

    async def _watch(self, watching: asyncio.Event) -> None:
        with self._stream.watch() as records:
            watching.set()
            await self._learn_all(records)
        self._wake.set()

    async def _learn_all(self, records: AsyncIterator[Record]) -> None:
        async for record in records:
            try:
                async with self._learning:
                    await self._learn(record)
            except Exception:  # a record that cannot be painted must not end the painting
                log.exception("Run %d, record %d cannot be painted.", record.run, record.seq)
            self._wake.set()

    async def _learn(self, record: Record) -> None:
        if record.run in self._elsewhere:
            return
        if wall := self._walls.get(record.run):
            wall.learn(record)
        elif isinstance(record.event, RunStarted):
            if channel := record.event.channel or self._channel:
                self._hang(Wall.new(advance(None, record), record.seq, channel))
            else:
                self._elsewhere.add(record.run)
        elif not isinstance(record.event, VoteRefused):
            await self._take_up(record.run)
        elif record.run in self._settled:  # a thread says nothing of it: it still says all
            await self._note_settled(record.run, record.seq)

    async def _take_up(self, run: int) -> None:
        """Go on with a run that somebody, perhaps an earlier process, has painted already."""
        history = await self._journal.history(run)
        if not history:
            return
        report = fold(history)
        channel = report.channel or self._channel
        if channel is None:
            self._elsewhere.add(run)
            return
        wall = Wall.new(report, history[-1].seq, channel)
        wall.taken_up = True
        noted = await self._journal.messages(run)
        for picture in wall.pictures.values():
            if picture.key.value not in noted:
                continue  # nobody meant to post it yet
            where, ts = noted[picture.key.value]
            picture.intended = True
            if ts:
                picture.place = Place(channel=where, ts=ts)
            else:  # between its intent and its note the process may have been killed
                picture.doubtful, wall.channel = True, where
        if wall.root:
            wall.appeared.set()
        self._hang(wall)

    def _hang(self, wall: Wall) -> None:
        self._walls[wall.report.run] = wall
        self._settled.discard(wall.report.run)
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    async def _paint(self) -> None:
        while True:
            self._wake.clear()
            stroke, wait = self._next()
            await self._settle()
            if stroke is not None:
                await self._brush.paint(stroke)
            elif self._closing and not self._walls:
                return
            else:
                await until(self._clock, wait, self._wake)

    def _next(self) -> tuple[Stroke | None, float]:
        """The stroke to make now; without one, the seconds until there may be one."""
        now, wait = self._clock.monotonic(), _IDLE
        halted = self._halted() is not None
        ready: list[Stroke] = []
        for run, wall in list(self._walls.items()):
            strokes = wall.strokes(self._clock.now(), halted=halted)
            # After a halt the results change once more.
            if wall.done(strokes) and not halted:
                del self._walls[run]
                self._over.append((wall, not strokes))
                continue
            if self._closing and not _worth_the_end(strokes):
                del self._walls[run]
                continue
            if remaining(wall.report, self._clock.now()):
                wait = min(wait, _BETWEEN)
            for stroke in strokes:
                patience = self._patience(stroke, now)
                if patience <= 0:
                    ready.append(stroke)
                wait = min(wait, max(patience, 0.001))
        # What is over can wait for what goes on: after a start there may be a lot of it.
        best = min(
            ready,
            key=lambda s: (s.kind, s.wall.report.finished, s.picture.painted_at),
            default=None,
        )
        return best, wait

    async def _settle(self) -> None:
        """Note which threads say their last word, or never will: their channel is gone for good."""
        for wall, says_all in self._over:
            if not says_all and not (wall.taken_up and wall.trouble in _GONE):
                continue
            await self._note_settled(wall.report.run, wall.seen)
        self._over.clear()

    async def _note_settled(self, run: int, seq: int) -> None:
        try:
            await self._journal.settle(run, seq)
        except JournalError as error:
            log.error("That run %d is painted was not noted: %s", run, error)  # noqa: TRY400 - a sentence, no traceback
        else:
            self._settled.add(run)

    def _patience(self, stroke: Stroke, now: float) -> float:
        """Seconds until a stroke may be made."""
        picture, budgets = stroke.picture, self._brush.budgets
        if stroke.kind is Kind.POST:
            wait = budgets.post(stroke.wall.channel).wait(now)
            if picture.doubtful:
                wait = max(wait, budgets.lookups.wait(now))
        else:
            keep = _TICKS_KEEP if stroke.kind is Kind.TICK else 0.0
            wait = max(budgets.updates.wait(now, keep=keep), picture.painted_at + _BETWEEN - now)
        return max(wait, picture.retry_at - now)


def _worth_the_end(strokes: list[Stroke]) -> bool:
    return any(s.kind is not Kind.TICK and not s.picture.hopeless for s in strokes)

"""Killing: SIGKILL right after a chosen event is committed, or at a chosen time; and what is seen then.

The killer looks at the journal every few milliseconds, from outside. Nothing in the bot helps it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bot.engine.patience import cancelled
from tests.crash.book import Line
from tests.crash.ground import Ground
from tests.crash.scenes import Act, Scene
from tests.crash.verdict import Verdict, judge

_LOOK = 0.003
_GOES_ON_WITHIN = 45.0


class StuckError(Exception):
    """A run does not go on."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to kill: after an event of a kind (and a stage), after so many seconds, or after the
    bot has acknowledged somebody's click."""

    kind: str = ""
    stage: str = ""
    seconds: float | None = None
    acknowledged: bool = False

    def has_come(self, line: Line | None, waited: float, *, heard: bool) -> bool:
        """Whether it is this event, or its time, or a click that was acknowledged."""
        if line is not None:
            return self.kind == line.kind and self.stage in {"", line.stage}
        return (self.acknowledged and heard) or (
            self.seconds is not None and waited >= self.seconds
        )

    def __str__(self) -> str:
        if self.seconds is not None:
            return f"after {self.seconds:.3f} s"
        if self.acknowledged:
            return "after the acknowledgement of a click"
        return f"after {self.kind}" + (f" ({self.stage})" if self.stage else "")


ACKNOWLEDGED = Moment(acknowledged=True)


@dataclass(kw_only=True)
class Story:
    """What became of one run that was killed into."""

    scene: Scene
    run: int
    kills: list[Moment] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    log_from: int = 0

    def told(self, ground: Ground) -> str:
        """Everything that somebody needs who looks for the reason."""
        kills = ", ".join(map(str, self.kills)) or "none"
        return (
            f"Run {self.run} ({self.scene.name}: {self.scene.command}), kills: {kills}\n"
            + "\n".join(f"  ! {wrong}" for wrong in self.verdict.wrong)
            + f"\n{ground.book.of(self.run).told()}\nThe bot said:\n{ground.bot.said(self.log_from)}"
        )


async def until(
    ground: Ground, act: Act, moments: Collection[Moment], after: int
) -> tuple[Moment | None, int]:
    """Wait for the first of some moments behind a position of the journal.

    Returns:
        The moment and the position that it came at; None: the run was over before.

    Raises:
        StuckError: nothing happened for a long time, or the bot ended by itself.
    """
    began = quiet = time.monotonic()
    ground.on_acknowledged.clear()
    while True:
        now = time.monotonic()
        for line in ground.book.after(after, act.run):
            after, quiet = line.position, now
            if hit := _come(moments, line=line):
                return hit, after
        heard = ground.on_acknowledged.is_set()
        if hit := _come(moments, waited=now - began, heard=heard):
            return hit, after
        if act.over:
            return None, after
        _raise_if_stuck(ground, now - quiet)
        await asyncio.sleep(_LOOK)


def _come(
    moments: Collection[Moment],
    *,
    line: Line | None = None,
    waited: float = 0.0,
    heard: bool = False,
) -> Moment | None:
    """The first moment that has come with an event, after seconds, or with a click heard."""
    return next((m for m in moments if m.has_come(line, waited, heard=heard)), None)


def _raise_if_stuck(ground: Ground, quiet: float) -> None:
    if ground.bot.ended_by_itself is not None:
        raise StuckError(f"The bot ended by itself (status {ground.bot.ended_by_itself}).")
    if quiet > _GOES_ON_WITHIN:
        raise StuckError(f"Nothing has happened for {_GOES_ON_WITHIN:g} s.")


async def play(ground: Ground, scene: Scene, plan: Sequence[Moment]) -> Story:
    """One run with a kill at each of some moments, in their order as far as they come."""
    return await _play(ground, scene, list(plan), in_order=True)


async def play_any(ground: Ground, scene: Scene, pending: list[Moment], *, most: int) -> Story:
    """One run with up to `most` kills, at whichever of the pending moments comes next; each that
    came is taken out of the list."""
    return await _play(ground, scene, pending, in_order=False, most=most)


async def _play(
    ground: Ground, scene: Scene, moments: list[Moment], *, in_order: bool, most: int = 1_000
) -> Story:
    began = time.monotonic()
    act = Act(ground, scene)
    story = Story(scene=scene, run=0, log_from=ground.bot.written)
    after = ground.book.end()
    try:
        story.run = await act.begin()
    except TimeoutError:
        story.verdict.wrong.append("The run was not started.")
        return story
    playing = asyncio.create_task(act.play())
    try:
        while moments and len(story.kills) < most:
            moment, after = await until(ground, act, moments[:1] if in_order else moments, after)
            if moment is None:
                break
            await ground.bot.kill()
            story.kills.append(moment)
            moments.remove(moment)
            await ground.restart()
        await until(ground, act, (), after)
        await ground.until_connected()
    except (StuckError, TimeoutError) as error:
        story.verdict.wrong.append(str(error))
        if not ground.bot.alive:
            await ground.restart()
    finally:
        await cancelled(playing)
        act.end()
    if not playing.cancelled() and (error := playing.exception()):
        raise error
    await judge(ground, story.run, story.verdict)
    story.seconds = time.monotonic() - began
    return story


async def settle(ground: Ground) -> None:
    """Bring everything back after a story that went wrong, so that the next one can begin."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOES_ON_WITHIN):
            while not ground.connected or await ground.cluster.broken():
                if not ground.bot.alive:
                    await ground.restart()
                await asyncio.sleep(0.2)

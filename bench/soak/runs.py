"""Runs: one bot, hundreds of runs, no restart. Does its memory grow, do files or processes stay?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

from bench.soak.tally import Tally
from bot.domain.experiment import Outcome
from tests.crash.ground import Ground, ground
from tests.crash.scenes import APPROVED, Act, Scene
from tests.crash.verdict import unlike, until_right

_ROOT = Path(__file__).parents[2]
_PAGE = 4096
_UNPACED = ("bench.soak.unpaced", "serve", "--stop-on-eof")
# The quick ones more often: a thousand runs have to pass in ten minutes.
_COMMANDS = (
    *("restart tikv", "kill pd", "kill tikv", "restart tikv", "stop pd"),
    *("restart tikv", "kill pd", "kill tikv", "restart pd", "pause tikv"),
)
_SETTINGS = {
    "CHAOSBOT_APPROVAL_SECONDS": "0.2",
    "CHAOSBOT_DETECTION_SECONDS": "1.2",
    "CHAOSBOT_WARM_UP_SECONDS": "0.5",
    "PYTHONPATH": str(_ROOT),
}
# On a busy machine clients may get less for a while than before, and the run says so.
_TRUTHFUL = (Outcome.RECOVERED, Outcome.NOT_RECOVERED)
_ENDS_WITHIN = 60.0
_PAINTED_WITHIN = 20.0
_GONE_WITHIN = 10.0


async def run_again_and_again(tally: Tally, many: int) -> None:
    """So many runs in one process, and the growth of what it holds."""
    memory: list[int] = []
    files: list[int] = []
    async with ground(words=_UNPACED, **_SETTINGS) as made:
        pid = made.bot.pid
        painted = asyncio.create_task(asyncio.sleep(0, []))
        for number in range(many):
            run = await _one_run(made, _COMMANDS[number % len(_COMMANDS)], tally)
            # The last strokes of a run are made while the next one begins.
            if wrong := await painted:
                tally.violated(f"Run {run - 1}: {'; '.join(wrong)}\n{made.bot.said()}")
            painted = asyncio.create_task(_mispainted(made, run))
            memory.append(_held(pid))
            files.append(_open_files(pid))
            if made.bot.pid != pid or not made.bot.alive:
                tally.violated(f"The bot has ended by itself:\n{made.bot.said()}")
                break
        if wrong := await painted:
            tally.violated(f"The last run: {'; '.join(wrong)}\n{made.bot.said()}")
        tally.left(await until_right(made.strays, _GONE_WITHIN))
    tally.left(made.left)
    early, late = _second_tenth(memory), _last_tenth(memory)
    tally.memory_growth = max(tally.memory_growth, median(late) / median(early) - 1)
    # Connections that are kept open come and go: a leak raises what there is at least.
    growth = min(_last_tenth(files)) - min(_second_tenth(files))
    tally.open_files_growth = max(tally.open_files_growth, growth)


async def _one_run(made: Ground, command: str, tally: Tally) -> int:
    act = Act(made, Scene(name="soak", brings=APPROVED.brings, command=command, answer=""))
    log_from = made.bot.written
    wrong = []
    try:
        await act.begin()
        async with asyncio.timeout(_ENDS_WITHIN):
            await act.play()
    except TimeoutError:
        wrong.append("The run does not end.")
    else:
        outcome = made.book.of(act.run).outcome
        tally.recovered += outcome == Outcome.RECOVERED
        if outcome not in _TRUTHFUL:
            wrong.append(f"The outcome is {outcome}.")
    tally.runs += 1
    if wrong:
        lines = "\n".join(f"  ! {one}" for one in wrong)
        plot = made.book.of(act.run).told()
        tally.violated(f"{command}:\n{lines}\n{plot}\nThe bot said:\n{made.bot.said(log_from)}")
    return act.run


async def _mispainted(made: Ground, run: int) -> list[str]:
    return await until_right(lambda: unlike(made, run), _PAINTED_WITHIN)


def _held(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def _open_files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _second_tenth(values: list[int]) -> list[int]:
    tenth = max(1, len(values) // 10)
    return values[tenth : 2 * tenth] or values


def _last_tenth(values: list[int]) -> list[int]:
    return values[-max(1, len(values) // 10) :]

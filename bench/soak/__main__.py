"""`python -m bench.soak --kills N --runs N --seed S [--workers W]`: one line of JSON at the end.

Progress and whatever goes wrong is told on standard error. Exit status: 0 every promise was kept;
1 one was not; 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import signal
import sys
from collections.abc import Sequence

from bench.soak.kills import kill_again_and_again
from bench.soak.runs import run_again_and_again
from bench.soak.tally import Tally, say
from bench.surroundings import forget_settings

_TELLS_EVERY = 15.0


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    forget_settings()
    tally = Tally(seed=options.seed, wanted_kills=options.kills, wanted_runs=options.runs)
    try:
        asyncio.run(soaked(tally, options.workers))
    except asyncio.CancelledError:
        return 130
    print(json.dumps(tally.as_json()))
    return 0 if tally.kept else 1


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    flag = parser.add_argument
    flag("--kills", type=int, default=50, help="SIGKILLs (%(default)s)")
    flag("--runs", type=int, default=50, help="runs without a restart (%(default)s)")
    flag("--seed", type=int, default=secrets.randbelow(1_000_000), help="of what is random")
    flag("--workers", type=int, default=3, help="clusters side by side (%(default)s)")
    return parser


async def soaked(tally: Tally, workers: int) -> None:
    """All kills, then all runs, each shared by the workers."""
    _end_in_order()
    say(f"Seed {tally.seed}")
    telling = asyncio.create_task(_tell(tally))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(min(workers, tally.wanted_kills)):
                group.create_task(kill_again_and_again(tally, number))
        async with asyncio.TaskGroup() as group:
            for share in _shares(tally.wanted_runs, workers):
                group.create_task(run_again_and_again(tally, share))
    finally:
        telling.cancel()


def _shares(many: int, workers: int) -> list[int]:
    each, more = divmod(many, workers)
    return [share for n in range(workers) if (share := each + (n < more))]


async def _tell(tally: Tally) -> None:
    while True:
        await asyncio.sleep(_TELLS_EVERY)
        say(tally.progress())


def _end_in_order() -> None:
    """Let the first SIGINT or SIGTERM end this task, and with it all that it has started."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def end() -> None:
        if task and not task.cancelling():
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench [--only NAME ...] [--json]`: measure, print, and say whether limits are kept.

Exit status: 0 all limits are kept, or skipped where there is nothing to measure; 1 one is missed or
could not be measured; 2 usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench import (
    ack,
    demo,
    docker_events,
    docker_kill,
    docker_look,
    help,  # noqa: A004 - a figure's name
    history,
    hostile,
    journal,
    kill,
    look,
    memory,
    ticket,
)
from bench.figure import Figure, Skipped, SkippedError
from bench.surroundings import forget_settings
from bench.table import table

FIGURES: Mapping[str, Callable[[], Awaitable[Figure | tuple[Figure, ...]]]] = {
    "help": help.measure,
    "memory": memory.measure,
    "demo": demo.measure,
    "kill": kill.measure,
    "ticket": ticket.measure,
    "ack": ack.measure,
    "journal": journal.measure,
    "history": history.measure,
    "hostile": hostile.measure,
    "look": look.measure,
    "docker-kill": docker_kill.measure,
    "docker-look": docker_look.measure,
    "docker-events": docker_events.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Chaosbot's figures.")
    parser.add_argument(
        "--only", nargs="+", choices=FIGURES, metavar="NAME", help=", ".join(FIGURES)
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    forget_settings()
    before = os.getloadavg()[0]
    try:
        figures, skipped, missing = asyncio.run(measured(options.only or list(FIGURES)))
    except asyncio.CancelledError:
        return 130
    after = os.getloadavg()[0]
    if options.json:
        rows = [figure.as_json() for figure in figures]
        machine = {"cores": os.cpu_count(), "load": [before, after]}
        without = {"skipped": {one.name: one.why for one in skipped}, "not_measured": missing}
        print(json.dumps({**machine, "figures": rows, **without}, indent=2))
    else:
        print(table(figures, skipped))
        print(f"\n{os.cpu_count()} cores; load average {before:.1f} before, {after:.1f} after")
        for name, why in missing.items():
            print(f"{name}: not measured: {why}")
    return 1 if missing or any(figure.met is False for figure in figures) else 0


async def measured(names: Sequence[str]) -> tuple[list[Figure], list[Skipped], dict[str, str]]:
    """The figures, those that were skipped, and why some could not be measured."""
    _end_in_order()
    figures: list[Figure] = []
    skipped: list[Skipped] = []
    missing: dict[str, str] = {}
    for name in names:
        print(f"Measuring {name} ...", file=sys.stderr, flush=True)
        try:
            taken = await FIGURES[name]()
            figures.extend(taken if isinstance(taken, tuple) else (taken,))
        except SkippedError as why:
            skipped.append(Skipped(name=name, why=str(why)))
        except Exception as error:  # noqa: BLE001 - one figure less; the others are still measured
            traceback.print_exc()
            missing[name] = str(error) or type(error).__name__
    return figures, skipped, missing


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

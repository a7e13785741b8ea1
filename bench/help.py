"""Help: how long `chaosbot --help` takes as a whole process, and how much of it is Python's own."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from bench.figure import Figure, of_median, written
from bench.surroundings import CHAOSBOT

_TIMES = 15


async def measure() -> Figure:
    _seconds(*CHAOSBOT, "--help")  # the first one may have to write bytecode
    ours, bare = [], []
    for _ in range(_TIMES):
        ours.append(_seconds(*CHAOSBOT, "--help"))
        bare.append(_seconds(sys.executable, "-c", "pass"))
    ratio = written(median(ours) / median(bare))
    return of_median(
        ours,
        name="help",
        what="`chaosbot --help`, a whole process",
        unit="s",
        limit=0.3,
        beside=f"{ratio} times `python -c pass` ({written(median(bare))} s)",
    )


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began

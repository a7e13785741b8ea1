"""Journal: how long a run waits for an event to be on disk.

Whole histories are written to a real file, one event after the other, each awaited: WAL, and every
commit synced (`synchronous=FULL`), as the bot keeps it. What it costs at least, a plain write and
`fsync` of the same event tells, made in turn with it: once as such, and once in a thread, which is
the least that an event loop can do that must not stand still meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from io import FileIO
from statistics import median

from bench.figure import Figure, percentile, written
from bench.surroundings import empty_home
from bot.domain.events import Event, RunStarted
from bot.journal import Journal
from tests import histories

_ROUNDS = 9
_RUNS = 8  # in a round
_P = 99


async def measure() -> Figure:
    kept: list[list[float]] = []
    plain: list[list[float]] = []
    least: list[list[float]] = []
    async with empty_home() as home, await Journal.open(home / "journal.sqlite3") as journal:
        with FileIO(home / "plain", "w") as file:
            for _ in range(_ROUNDS):
                times = await _round(journal, file)
                for all_rounds, one in zip(
                    (kept, plain, least), zip(*times, strict=True), strict=True
                ):
                    all_rounds.append(list(one))
    worst = [percentile(one, _P) for one in kept]
    whole = [t for one in kept for t in one]
    ratio = median(w / percentile(one, _P) for w, one in zip(worst, least, strict=True))
    middle = median(percentile(one, _P) for one in least)
    return Figure(
        name="journal",
        what=f"an event on disk: p{_P} of a round, the median round",
        unit="ms",
        limit=5,
        measured=median(worst),
        low=min(worst),
        high=max(worst),
        of=f"{_ROUNDS} rounds of {len(kept[0])}",
        beside=f"{written(ratio)} times that of a plain write and fsync in a thread, "
        f"{written(middle)} ms; "
        f"of all {len(whole)} {written(percentile(whole, _P))} ms; median {written(median(whole))} ms, "
        f"that of a plain write and fsync {written(median(t for one in plain for t in one))} ms",
    )


async def _round(journal: Journal, file: FileIO) -> list[tuple[float, float, float]]:
    """The milliseconds for each event: in the journal, plainly, plainly in a thread."""
    times = []
    for _ in range(_RUNS):
        run = 0
        for record in histories.recovered():
            body = record.event.model_dump_json().encode()
            began = time.perf_counter()
            run = await _keep(journal, run, record.event)
            kept = time.perf_counter()
            _sync(file, body)
            synced = time.perf_counter()
            await asyncio.to_thread(_sync, file, body)
            ended = time.perf_counter()
            times.append((1000 * (kept - began), 1000 * (synced - kept), 1000 * (ended - synced)))
    return times


def _sync(file: FileIO, body: bytes) -> None:
    file.write(body)
    os.fsync(file.fileno())


async def _keep(journal: Journal, run: int, event: Event) -> int:
    """Write an event to the journal; the number of its run."""
    now = datetime.now(UTC)
    if isinstance(event, RunStarted):
        return (await journal.begin(event, now)).run
    return (await journal.append(run, event, now)).run

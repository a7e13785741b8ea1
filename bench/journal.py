"""Journal: how long a run waits for an event to be on disk.

Whole histories are written to a real file, one event after the other, each awaited: WAL, and every
commit synced (`synchronous=FULL`), as the bot keeps it. How much of it is the disk's own, a plain
write and `fsync` of the same event to another file tells, made in turn with it.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from statistics import median

from bench.figure import Figure, percentile, written
from bench.surroundings import empty_home
from bot.domain.events import Event, RunStarted
from bot.journal import Journal
from tests import histories

_RUNS = 40


async def measure() -> Figure:
    events = [record.event for record in histories.recovered()]
    kept: list[float] = []
    bare: list[float] = []
    async with empty_home() as home, await Journal.open(home / "journal.sqlite3") as journal:
        with (home / "bare").open("wb", buffering=0) as file:
            for _ in range(_RUNS):
                run = 0
                for event in events:
                    began = time.perf_counter()
                    run = await _keep(journal, run, event)
                    kept.append(1000 * (time.perf_counter() - began))
                    body = event.model_dump_json().encode()
                    began = time.perf_counter()
                    file.write(body)
                    os.fsync(file.fileno())
                    bare.append(1000 * (time.perf_counter() - began))
    return Figure(
        name="journal",
        what="an event on disk: p99",
        unit="ms",
        measured=percentile(kept, 99),
        low=min(kept),
        high=max(kept),
        of=f"{len(kept)} events",
        beside=f"median {written(median(kept))} ms, {written(median(kept) / median(bare))} times that of "
        f"a plain write and fsync, {written(median(bare))} ms, p99 {written(percentile(bare, 99))} ms",
    )


async def _keep(journal: Journal, run: int, event: Event) -> int:
    """Write an event to the journal; the number of its run."""
    now = datetime.now(UTC)
    if isinstance(event, RunStarted):
        return (await journal.begin(event, now)).run
    return (await journal.append(run, event, now)).run

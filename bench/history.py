"""History: what a long one costs: a status, the newest runs, and a start, on 1,000 and 100,000 runs.

The journals have the product's own tables and triggers; told runs are copied within SQLite, without
a sync. The newest are whole, those before them short, so that a hundred thousand are made in half a
minute: nothing that is asked here reads the short ones, it has to find its way past them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median

from bench.figure import Figure, percentile, written
from bench.surroundings import NotMeasuredError, empty_home
from bot.domain.approval import Policy
from bot.domain.events import EVENT, Record
from bot.domain.experiment import Stage, Timings
from bot.domain.fold import fold
from bot.domain.model import iso
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.journal import Journal
from tests import histories

_FEW = 1_000
_MANY = 100_000
_WHOLE = 50  # of the newest runs
_KEPT_DOWN = 3  # the oldest runs: nobody ever restored them, so that their receipts stay open
_SHORT = 12  # events of a run before the newest: its first ones, and its last ones
_HISTORY = 10  # runs that a history tells of
_TIMES = 200
_STARTS = 40

_COPY = """
INSERT INTO events (run, seq, at, event, body)
SELECT run, told.seq, at, event, body FROM runs, told WHERE last_seq = 0 ORDER BY run, told.seq
"""
_MESSAGES = """
INSERT INTO messages (run, key, channel, ts)
SELECT run, key, 'C01CHAOS', printf('%d.%06d', 1700000000 + run, length(key)) FROM runs,
(SELECT 'root' AS key UNION ALL VALUES ('live'), ('diagnosis'), ('result'))
"""
_TICKETS = """
INSERT INTO tickets
(cluster, invariant, subject, severity, text, first_seen, last_seen, resolved_at)
SELECT 'staging', 'stores_up', 'tikv-1', 'critical', 'Store 4 is Disconnected.', at, at, at
FROM events WHERE seq = 1
"""


async def measure() -> tuple[Figure, ...]:
    async with empty_home() as home:
        few, many = home / "few.sqlite3", home / "many.sqlite3"
        await _make(few, _FEW)
        await _make(many, _MANY)
        async with await Journal.open(few) as short, await Journal.open(many) as long:
            one, other = _engine(long), _engine(short)
            status = await _in_turn(lambda: _status(one), lambda: _status(other), _TIMES)
            one, other = _engine(long), _engine(short)
            newest = await _in_turn(lambda: _newest(one), lambda: _newest(other), _TIMES)
        start = await _in_turn(lambda: _start(many), lambda: _start(few), _STARTS)
    ratios = [_ratio(pairs) for pairs in (status, newest, start)]
    runs = f"{_MANY:,} runs"
    return (
        _figure(status, name="status", what=f"what a status reads, of {runs}: p95", limit=50),
        _figure(newest, name="history", what=f"the newest {_HISTORY} of {runs}: p95", limit=50),
        _figure(start, name="start", what=f"what a start reads, of {runs}: p95", limit=2000),
        Figure(
            name="growth",
            what=f"these on {runs} against {_FEW:,}: the worst ratio of their medians",
            unit="x",
            limit=2,
            measured=max(ratios),
            low=min(ratios),
            high=max(ratios),
            of="3 ratios",
        ),
    )


def _engine(journal: Journal) -> Chaos:
    """An engine without a cluster: whatever it is asked for is the journal's."""
    policy = Policy(approvers=frozenset())
    return Chaos([], journal, SystemClock(), timings=Timings(), policy=policy, random=Random(1))


async def _status(chaos: Chaos) -> None:
    await chaos.status()
    await chaos.journal.open_tickets("staging")  # as for a cluster


async def _newest(chaos: Chaos) -> None:
    await chaos.history(_HISTORY)


async def _start(path: Path) -> None:
    """What a start asks before anybody is listened to: runs, receipts, a halt, threads."""
    async with await Journal.open(path) as journal:
        unfinished = await journal.unfinished()
        receipts = await journal.open_injections()
        threads = await journal.unsettled()
        if not len(unfinished) == len(threads) == 1 or len(receipts) != _KEPT_DOWN + 1:
            raise NotMeasuredError(f"That is no such journal: {unfinished}, {threads}, {receipts}")
        await journal.newest_halt()
        for run in (*unfinished, *threads):
            fold(await journal.history(run))
            await journal.messages(run)


async def _make(path: Path, runs: int) -> None:
    """A journal of so many runs: the oldest were kept down, the newest waits for an approval."""
    await (await Journal.open(path)).close()
    whole = histories.recovered()
    kept = [r for r in histories.kept_down() if r.event.event != "load_sampled"]
    waiting = histories.until(whole, Stage.AWAITING_APPROVAL)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous = OFF")  # who builds may lose it
        raw.execute("BEGIN")
        raw.execute("CREATE TEMP TABLE told (seq INTEGER PRIMARY KEY, at, event, body)")
        _tell(raw, kept, _KEPT_DOWN)
        short = [r for r in whole if r.event.event != "load_sampled"]
        short = [*short[: _SHORT // 2], *short[-_SHORT // 2 :]]
        _tell(raw, short, runs - _KEPT_DOWN - _WHOLE)
        _tell(raw, whole, _WHOLE - 1)
        _tell(raw, waiting, 1)
        raw.execute("UPDATE runs SET settled = finished")
        raw.execute(_MESSAGES)
        raw.execute(_TICKETS)
        raw.execute("COMMIT")


def _tell(raw: sqlite3.Connection, records: Sequence[Record], times: int) -> None:
    """Add so many runs with this history."""
    told = [(iso(r.at), r.event.event, EVENT.dump_json(r.event).decode()) for r in records]
    raw.execute("DELETE FROM told")
    raw.executemany("INSERT INTO told (at, event, body) VALUES (?, ?, ?)", told)
    raw.executemany("INSERT INTO runs DEFAULT VALUES", [()] * times)
    raw.execute(_COPY)


_Do = Callable[[], Awaitable[None]]


async def _in_turn(many: _Do, few: _Do, times: int) -> list[tuple[float, float]]:
    """The milliseconds of both, in turn."""
    return [(await _timed(many), await _timed(few)) for _ in range(times)]


async def _timed(do: _Do) -> float:
    began = time.perf_counter()
    await do()
    return 1000 * (time.perf_counter() - began)


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return median(many for many, _ in pairs) / median(few for _, few in pairs)


def _figure(pairs: Sequence[tuple[float, float]], *, name: str, what: str, limit: float) -> Figure:
    many, few = zip(*pairs, strict=True)
    return Figure(
        name=name,
        what=what,
        unit="ms",
        limit=limit,
        measured=percentile(many, 95),
        low=min(many),
        high=max(many),
        of=f"{len(many)} times",
        beside=f"median {written(median(many))} ms, {written(_ratio(pairs))} times that of "
        f"{_FEW:,} runs, whose p95 is {written(percentile(few, 95))} ms; "
        f"the first time {written(many[0])} ms",
    )

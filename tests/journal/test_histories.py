from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from bot.domain import events as e
from bot.domain.approval import Decision
from bot.domain.cluster import View
from bot.domain.control import Halted, Rejected, Resumed
from bot.domain.errors import JournalError
from bot.domain.experiment import Outcome, Stage
from bot.domain.fault import Fault, Injection
from bot.journal import Journal
from bot.journal.table import KEPT
from tests import histories
from tests.histories import NODE, START

STARTED = histories.recovered()[0].event
RECEIPT = Injection(
    backend="processes",
    endpoint="/run/x.sock",
    fault=Fault.KILL,
    node=NODE,
    mend="chaosbot recover",
)


@pytest.fixture
async def journal(tmp_path):
    async with await Journal.open(tmp_path / "home" / "journal.sqlite3") as journal:
        yield journal


async def told(journal: Journal, *events: e.Event) -> int:
    assert isinstance(STARTED, e.RunStarted)
    run = (await journal.begin(STARTED, START)).run
    for event in events:
        await journal.append(run, event, START)
    return run


async def test_a_whole_run_reads_back_equal(journal):
    records = histories.recovered()
    assert isinstance(records[0].event, e.RunStarted)
    first = await journal.begin(records[0].event, records[0].at)
    rest = [await journal.append(first.run, r.event, r.at) for r in records[1:]]
    read = await journal.history(first.run)
    assert read == [first, *rest]
    assert [(r.seq, r.at, r.event) for r in read] == [(r.seq, r.at, r.event) for r in records]
    assert await journal.history(first.run, after=3) == read[3:]


async def test_every_kind_of_event_reads_back_equal(journal):
    kinds = {kind.model_fields["event"].default for kind in get_args(get_args(e.Event)[0])}
    told_kinds = set()
    for name in ("recovered", "kept_down_then_restored", "aborted", "not_recovered", "failed"):
        for record in getattr(histories, name)():
            told_kinds.add(record.event.event)
            written = await journal.append(await told(journal), record.event, record.at)
            assert (await journal.history(written.run))[-1].event == record.event
    rarer = (
        e.VoteCast(decision=Decision.APPROVED, by="U2"),
        e.VoteRefused(by="U9", wanted="approved", why="U9 may not decide this."),
        e.EndingBegan(outcome=Outcome.FAILED, why="The load died."),
        e.SteadyStateSeen(view=View(at=START)),
    )
    for event in rarer:
        told_kinds.add(event.event)
        written = await journal.append(await told(journal), event, START)
        assert (await journal.history(written.run))[-1].event == event
    assert told_kinds == kinds


async def test_runs_are_numbered_in_order_and_never_again(tmp_path):
    path = tmp_path / "j.sqlite3"
    async with await Journal.open(path) as journal:
        assert [await told(journal) for _ in range(3)] == [1, 2, 3]
    async with await Journal.open(path) as journal:
        assert await told(journal) == 4
        assert await journal.latest(3) == [4, 3, 2]


async def test_an_unknown_run_has_no_history_and_cannot_be_added_to(journal):
    assert await journal.history(99) == []
    with pytest.raises(JournalError, match="has no run 99"):
        await journal.append(99, e.Noted(note="x"), START)


async def test_concurrent_appends_are_all_kept_in_one_sequence(journal):
    runs = [await told(journal) for _ in range(3)]
    added = await asyncio.gather(
        *(journal.append(run, e.Noted(note=str(n)), START) for n in range(50) for run in runs)
    )
    for run in runs:
        assert sorted(r.seq for r in added if r.run == run) == list(range(2, 52))
        assert [r.seq for r in await journal.history(run)] == list(range(1, 52))


async def test_a_cancelled_append_leaves_the_journal_whole(journal):
    run = await told(journal)
    for n in range(30):
        task = asyncio.create_task(journal.append(run, e.Noted(note=str(n)), START))
        begun = asyncio.create_task(journal.begin(STARTED, START))
        await asyncio.sleep(0)
        task.cancel()
        begun.cancel()
        await asyncio.gather(task, begun, return_exceptions=True)
    await journal.append(run, e.Noted(note="last"), START)
    read = await journal.history(run)
    assert [r.seq for r in read] == list(range(1, len(read) + 1))
    others = [await journal.history(r) for r in await journal.latest(100) if r != run]
    assert {len(other) for other in others} == {1}


async def test_history_cannot_be_changed_or_deleted(journal, tmp_path):
    await told(journal)
    with sqlite3.connect(tmp_path / "home" / "journal.sqlite3") as raw:
        for sql in ("UPDATE events SET body = '{}'", "DELETE FROM events", "DELETE FROM runs"):
            with pytest.raises(sqlite3.IntegrityError, match="history is not"):
                raw.execute(sql)
    raw.close()


async def test_unfinished_runs_are_those_whose_last_event_is_no_end(journal):
    end = e.RunFinished(outcome=Outcome.ABORTED)
    again = e.StageEntered(stage=Stage.RESTORING)
    open_run = await told(journal)
    await told(journal, end)
    restored_later = await told(journal, end, again)
    assert await journal.unfinished() == [open_run, restored_later]


async def test_what_may_still_be_broken(journal):
    planned = e.FaultPlanned(injection=RECEIPT)
    undone = e.FaultRolledBack(took=0.1, what="Started tikv-1")
    failed = e.RollbackFailed(error="no", mend="chaosbot recover")
    end = e.RunFinished(outcome=Outcome.FAILED)
    await told(journal)
    await told(journal, planned, undone, end)
    never_injected = await told(journal, planned, end)
    not_undone = await told(journal, planned, failed, end)
    planned_again = await told(journal, planned, undone, planned)
    twice = await told(journal, planned, planned)
    assert await journal.open_injections() == [
        (run, RECEIPT) for run in (never_injected, not_undone, planned_again, twice, twice)
    ]


async def test_another_process_may_follow_all_runs_in_the_order_of_their_commits(journal, tmp_path):
    path = tmp_path / "home" / "journal.sqlite3"
    one = await told(journal)
    async with await Journal.open(path, read_only=True) as follower:
        position = await follower.position()
        assert await follower.follow(position) == (position, [])
        two = await told(journal)
        await journal.append(one, e.Noted(note="later"), START)
        position, records = await follower.follow(position)
        assert [(r.run, r.seq) for r in records] == [(two, 1), (one, 2)]
        _, first = await follower.follow(0, limit=1)
        assert [(r.run, r.seq) for r in first] == [(one, 1)]
        with pytest.raises(JournalError, match="may not be written"):
            await follower.append(one, e.Noted(note="x"), START)


async def test_an_event_of_a_kind_that_is_not_known_is_named(journal, tmp_path):
    run = await told(journal)
    raw = sqlite3.connect(tmp_path / "home" / "journal.sqlite3")
    raw.execute(
        "INSERT INTO events (run, seq, at, event, body) VALUES (?, 2, ?, 'moon_landed', ?)",
        (run, "2026-11-22T12:00:00.000Z", '{"event": "moon_landed"}'),
    )
    raw.commit()
    raw.close()
    with pytest.raises(JournalError, match='does not know: "moon_landed"'):
        await journal.history(run)


async def test_it_is_as_fast_with_a_hundred_thousand_runs(tmp_path):
    path = tmp_path / "journal.sqlite3"
    async with await Journal.open(path) as journal:
        await told(journal, e.FaultPlanned(injection=RECEIPT))
    fill(path, 100_000)
    async with await Journal.open(path) as journal:
        for ask in (
            lambda: journal.latest(20),
            journal.unfinished,
            journal.open_injections,
            lambda: journal.history(1),
            lambda: told(journal),
        ):
            took = []
            for _ in range(5):
                began = time.perf_counter()
                await ask()
                took.append(time.perf_counter() - began)
            assert min(took) < 0.02, ask
        assert await journal.open_injections() == [(1, RECEIPT)]


def fill(path: Path, runs: int) -> None:
    """Runs that ended, straight into the file."""
    start = e.EVENT.dump_json(STARTED).decode()
    end = e.EVENT.dump_json(e.RunFinished(outcome=Outcome.RECOVERED)).decode()
    at = "2026-11-22T12:00:00.000Z"
    raw = sqlite3.connect(path)
    raw.executemany("INSERT INTO runs (run) VALUES (?)", ((n,) for n in range(2, runs + 2)))
    raw.executemany(
        "INSERT INTO events (run, seq, at, event, body) VALUES (?, ?, ?, ?, ?)",
        (
            row
            for n in range(2, runs + 2)
            for row in ((n, 1, at, "run_started", start), (n, 2, at, "run_finished", end))
        ),
    )
    raw.commit()
    raw.close()


def test_no_word_that_a_history_is_read_back_by_is_ever_redacted():
    """An enum's value that happens to be somebody's password must not break the journal."""
    found = set()

    def look(schema, defs):
        for name, field in schema.get("properties", {}).items():
            whole = json.dumps(field)
            named = {ref.split('"')[0] for ref in whole.split("#/$defs/")[1:]}
            if "const" in field or any("enum" in defs[n] for n in named):
                found.add(name)

    schema = e.EVENT.json_schema()
    for part in schema["$defs"].values():
        look(part, schema["$defs"])
    assert found - KEPT == set()


async def test_secrets_never_reach_the_file(tmp_path):
    path = tmp_path / "journal.sqlite3"
    async with await Journal.open(path, secrets=("hunter2-hunter2",)) as journal:
        run = await told(journal)
        note = "the password of it is hunter2-hunter2, and xoxb-1234567890-abcdef its token"
        record = await journal.append(run, e.Noted(note=note), START)
        await journal.note(Halted(by="U1", why="hunter2-hunter2"), START)
        assert "hunter2" not in record.event.note
        left = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert b"hunter2" not in left
    assert b"xoxb-1234567890" not in left


async def test_only_going_on_makes_a_run_unfinished_again(journal):
    refused = e.VoteRefused(by="U9", wanted="approved", why="too late")
    over = e.RunFinished(outcome=Outcome.ABORTED)
    run = await told(journal, over, refused)
    assert await journal.unfinished() == []
    await journal.append(run, e.RestoreAsked(by="U2"), START)
    assert await journal.unfinished() == [run]
    await journal.append(run, over, START)
    assert await journal.unfinished() == []


async def test_a_thread_is_settled_until_something_happens(journal):
    shown = STARTED.model_copy(update={"channel": "C1"})
    run = (await journal.begin(shown, START)).run
    unseen = await journal.begin(STARTED.model_copy(update={"channel": None}), START)
    assert await journal.unsettled() == [run]
    await journal.settle(run, 7)  # there was something newer than what was painted
    assert await journal.unsettled() == [run]
    await journal.settle(run, 1)
    assert await journal.unsettled() == []
    await journal.append(run, e.Noted(note="and then"), START)
    await journal.append(unseen.run, e.Noted(note="and then"), START)
    assert await journal.unsettled() == [run]


async def test_where_messages_stand_and_which_were_only_meant(journal):
    run = await told(journal)
    await journal.intend_message(run, "root", "C1")
    assert await journal.message(run, "root") is None
    assert await journal.messages(run) == {"root": ("C1", "")}
    await journal.remember_message(run, "root", "C1", "17.1")
    await journal.intend_message(run, "root", "C1")
    assert await journal.messages(run) == {"root": ("C1", "17.1")}
    assert await journal.run_at("C1", "17.1") == run
    assert await journal.run_at("C1", "17.2") is None


async def test_a_halt_is_kept_until_it_is_resumed(journal):
    assert await journal.newest_halt() is None
    await journal.note(Halted(by="U1", why="slow"), START)
    await journal.note(Rejected(by="U9", wanted="approve 99", why="no such run"), START)
    assert (await journal.newest_halt()).event == Halted(by="U1", why="slow")
    await journal.note(Resumed(by="U2"), START)
    assert (await journal.newest_halt()).event == Resumed(by="U2")
    assert [entry.event.by for entry in await journal.rejections(5)] == ["U9"]


async def test_how_many_runs_were_started_in_an_hour(journal):
    for minutes in (0, 30, 50):
        await journal.begin(STARTED, START + timedelta(minutes=minutes))
    hour = START + timedelta(minutes=70) - timedelta(hours=1)
    assert await journal.started_since(hour, 10) == 2
    assert await journal.started_since(hour, 1) == 1

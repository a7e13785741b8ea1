from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing

import pytest

from bot.domain.errors import JournalError
from bot.journal import Journal
from bot.journal.failures import translated
from bot.journal.migrate import known
from tests import histories
from tests.histories import START

STARTED = histories.recovered()[0].event


def test_migrations_are_numbered_without_a_gap_and_named():
    assert [m.number for m in known()] == list(range(1, len(known()) + 1))
    assert all(m.name.isidentifier() for m in known())


async def test_each_migration_leaves_its_record(tmp_path):
    path = tmp_path / "journal.sqlite3"
    for _ in range(2):
        await (await Journal.open(path)).close()
    raw = sqlite3.connect(path)
    rows = raw.execute("SELECT number, name FROM migrations").fetchall()
    assert rows == [(m.number, m.name) for m in known()]
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


async def test_an_older_journal_is_brought_up_to_date(tmp_path):
    path = tmp_path / "journal.sqlite3"
    raw = sqlite3.connect(path)
    raw.executescript(known()[0].sql)
    raw.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
    raw.execute("INSERT INTO migrations VALUES (1, ?, '')", (known()[0].name,))
    raw.commit()
    raw.close()
    with pytest.raises(JournalError, match="written by an older Chaosbot"):
        await Journal.open(path, read_only=True)
    async with await Journal.open(path) as journal:
        assert (await journal.begin(STARTED, START)).run == 1
        assert await journal.open_tickets("c") == []


async def test_two_may_open_a_new_journal_at_once(tmp_path):
    opened = await asyncio.gather(*(Journal.open(tmp_path / "j.sqlite3") for _ in range(4)))
    runs = [(await journal.begin(STARTED, START)).run for journal in opened]
    assert runs == [1, 2, 3, 4]
    for journal in opened:
        await journal.close()


async def test_a_newer_journal_is_left_alone(tmp_path):
    path = tmp_path / "journal.sqlite3"
    await (await Journal.open(path)).close()
    raw = sqlite3.connect(path)
    raw.execute("INSERT INTO migrations VALUES (99, 'telepathy', '')")
    raw.commit()
    raw.close()
    for read_only in (False, True):
        with pytest.raises(JournalError, match='newer Chaosbot: its migration 99 "telepathy"'):
            await Journal.open(path, read_only=read_only)


async def test_a_file_that_is_no_journal_is_named(tmp_path):
    path = tmp_path / "journal.sqlite3"
    path.write_text("This is a letter, and no database. " * 100)
    with pytest.raises(JournalError, match=r"journal\.sqlite3 is damaged, or is no journal"):
        await Journal.open(path)
    assert path.read_text().startswith("This is a letter")


async def test_a_journal_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "journal.sqlite3").mkdir()
    with pytest.raises(JournalError, match="cannot be opened"):
        await Journal.open(tmp_path / "journal.sqlite3")
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"folder .* cannot be made: "):
        await Journal.open(tmp_path / "file" / "journal.sqlite3")
    with pytest.raises(JournalError, match="There is no journal at"):
        await Journal.open(tmp_path / "nowhere.sqlite3", read_only=True)
    assert not (tmp_path / "nowhere.sqlite3").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_journal_that_may_not_be_written_is_named(tmp_path):
    path = tmp_path / "journal.sqlite3"
    await (await Journal.open(path)).close()
    path.chmod(0o400)
    with pytest.raises(JournalError, match="may not be written by this user"):
        await Journal.open(path)


def test_a_full_disk_is_named(tmp_path):
    raw = sqlite3.connect(tmp_path / "small.sqlite3")
    raw.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as full:
        raw.execute("CREATE TABLE a AS SELECT zeroblob(1000000)")
    raw.close()
    error = translated(full.value, tmp_path / "small.sqlite3")
    assert "cannot grow: the disk is full" in str(error)
    assert error.mend == "Make room on the disk."


async def test_a_closed_journal_says_so(tmp_path):
    journal = await Journal.open(tmp_path / "journal.sqlite3")
    await journal.close()
    await journal.close()
    with pytest.raises(JournalError, match="is closed"):
        await journal.latest(1)


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.journal import Journal
from bot.domain.events import EVENT, Noted

async def main():
    journal = await Journal.open(Path(sys.argv[1]))
    run = (await journal.begin(EVENT.validate_json(sys.argv[2]), datetime.now(UTC))).run
    n = 0
    while True:
        n += 1
        await journal.append(run, Noted(note=str(n)), datetime.now(UTC))
        print(n, flush=True)

asyncio.run(main())
"""


async def test_what_was_acknowledged_is_there_after_a_sigkill(tmp_path):
    path = tmp_path / "journal.sqlite3"
    from bot.domain.events import EVENT  # noqa: PLC0415 - for this test alone

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(path),
        EVENT.dump_json(STARTED),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    while int(await process.stdout.readline()) < 20:
        pass
    process.send_signal(signal.SIGKILL)
    rest = (await process.stdout.read()).split()
    await process.wait()
    acknowledged = max([20, *map(int, rest)])
    async with await Journal.open(path) as journal:
        read = await journal.history(1)
        assert [r.seq for r in read] == list(range(1, len(read) + 1))
        assert len(read) >= acknowledged + 1
        assert await journal.unfinished() == [1]


FAILING = """
import asyncio, sys
from pathlib import Path
from bot.domain.errors import JournalError
from bot.journal import Journal

async def main():
    try:
        await Journal.open(Path(sys.argv[1]))
    except JournalError as error:
        print(error)

for _ in range(20):
    asyncio.run(main())
"""


async def test_a_failure_to_open_is_told_once_and_leaves_nothing_behind(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FAILING, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert set(said.decode().splitlines()) == {f"The journal {tmp_path} cannot be opened."}


async def test_what_a_start_and_a_status_ask_does_not_grow_with_the_journal(tmp_path):
    path = tmp_path / "journal.sqlite3"
    async with await Journal.open(path) as journal:
        asked: list[str] = []
        await journal._file._connection.set_trace_callback(asked.append)
        await _ask(journal)
    assert len(asked) > 10
    with closing(sqlite3.connect(path)) as raw:
        for sql in asked:
            for *_, step in raw.execute(f"EXPLAIN QUERY PLAN {sql}"):
                scan = step.startswith("SCAN ") and " USING " not in step
                assert not scan or "LIMIT" in sql, f"{step}: {sql}"


async def _ask(journal: Journal) -> None:
    await journal.latest(10)
    await journal.history(1)
    await journal.history(1, after=7)
    await journal.unfinished()
    await journal.open_injections()
    await journal.unsettled()
    await journal.messages(1)
    await journal.message(1, "root")
    await journal.run_at("C1", "1.0")
    await journal.newest_halt()
    await journal.started_since(START, 100)
    await journal.open_tickets("c")
    await journal.position()
    await journal.follow(7)

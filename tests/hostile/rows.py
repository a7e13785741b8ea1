"""The journal's file after somebody was at it: rows with other values, and bytes that are others."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from bot.domain.control import Halted, Rejected
from bot.domain.errors import JournalError
from bot.domain.events import RunStarted
from bot.domain.ticket import Severity, Violation
from bot.journal import Journal
from tests import histories
from tests.hostile.wild import Outcome, Wild

_TABLES = ("events", "runs", "tickets", "messages", "control")


async def whole(path: Path) -> None:
    """A journal with something in every table."""
    async with await Journal.open(path) as journal:
        for records in (histories.recovered(), histories.failed(), histories.refused()):
            first = records[0].event
            assert isinstance(first, RunStarted)
            run = (await journal.begin(first, records[0].at)).run
            for record in records[1:]:
                if record.event.event != "load_sampled":
                    await journal.append(run, record.event, record.at)
            await journal.intend_message(run, "root", "C1")
            await journal.remember_message(run, "root", "C1", "1.000001")
        violation = Violation(
            invariant="stores_up", subject="tikv-1", severity=Severity.CRITICAL, text="it is down"
        )
        ticket = await journal.occurred("staging", violation, histories.START)
        await journal.resolve(ticket.id, histories.START)
        await journal.occurred("staging", violation, histories.START)
        await journal.note(Halted(by="U1", why="x"), histories.START)
        await journal.note(Rejected(by="U1", wanted="approved 9", why="x"), histories.START)


def garbled(wild: Wild, path: Path) -> str:
    """Change something in the file; what it was."""
    if wild.random.random() < 0.25:
        body = bytearray(path.read_bytes())
        for _ in range(wild.random.randint(1, 30)):
            body[wild.random.randrange(len(body))] = wild.random.randrange(256)
        if wild.random.random() < 0.3:
            del body[wild.random.randrange(len(body)) :]
        path.write_bytes(body)
        return "bytes"
    with closing(sqlite3.connect(path)) as file:
        for (name,) in file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            file.execute(f"DROP TRIGGER {name}")
        table = wild.random.choice((*_TABLES, "events", "events"))
        columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
        column = (
            "body"
            if "body" in columns and wild.random.random() < 0.7
            else wild.random.choice(columns)
        )
        key = "run" if table == "messages" else "rowid"
        rows = file.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
        row, old = wild.random.choice(rows)
        roll = wild.random.random()
        new: object
        if column == "body" and roll < 0.6:
            new = json.dumps(wild.mutated(json.loads(old), 2))
        elif roll < 0.8:
            new = wild.text(3).replace("\0", "").encode(errors="replace").decode()
        else:
            new = wild.random.choice((None, -1, 2**62, 1.5, b"\xff\x00", ""))
        try:
            file.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (new, row))
            file.commit()
        except sqlite3.IntegrityError:
            return "refused by SQLite"
    return f"{table}.{column}: {str(old)[:60]} -> {str(new)[:120]}"


async def journal(wild: Wild, count: int, folder: Path) -> Outcome:
    """Everything that is read on a start, and for any answer, is read, or a sentence says why not."""
    found, good, path = Outcome(inputs=count), folder / "good.sqlite3", folder / "journal.sqlite3"
    await whole(good)
    for _ in range(count):
        for old in folder.glob("journal.sqlite3*"):
            old.unlink()
        shutil.copy(good, path)
        changed = garbled(wild, path)
        try:
            opened = await Journal.open(path)
        except JournalError as error:
            _sentence(found, changed, error)
            continue
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.wrong(changed, error)
            continue
        async with opened:
            for ask in _questions(opened):
                try:
                    await ask()
                except JournalError as error:
                    _sentence(found, changed, error)
                except Exception as error:  # noqa: BLE001 - the same
                    found.wrong(changed, f"{ask.__name__}: {error!r}")
                    break
    return found


def _questions(of: Journal) -> list[Callable[[], Awaitable[object]]]:
    async def histories_of_all() -> None:
        for run in await of.latest(10):
            await of.history(run)
            await of.messages(run)
            await of.message(run, "root")

    async def tickets() -> None:
        for ticket in await of.open_tickets("staging"):
            await of.similar_tickets(ticket, 5)

    async def follow() -> None:
        await of.follow(0)

    async def refusals() -> None:
        await of.rejections(5)

    async def since() -> None:
        await of.started_since(histories.START, 10)

    return [
        *(of.unfinished, of.open_injections, of.unsettled, of.newest_halt, of.position),
        *(histories_of_all, tickets, follow, refusals, since),
    ]


def _sentence(found: Outcome, changed: str, error: JournalError) -> None:
    if not str(error).strip() or "Traceback" in error.whole:
        found.wrong(changed, error)

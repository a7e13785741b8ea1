from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.errors import JournalError
from bot.domain.ticket import Severity, Violation
from bot.journal import Journal
from tests import histories
from tests.histories import START

STORE = Violation(
    invariant="stores_up",
    subject="tikv-1",
    severity=Severity.CRITICAL,
    text="PD calls store 4 Disconnected.",
)
LATER = START + timedelta(seconds=5)


@pytest.fixture
async def journal(tmp_path):
    async with await Journal.open(tmp_path / "journal.sqlite3") as journal:
        yield journal


async def test_a_violation_opens_one_ticket_and_then_adds_occurrences(journal):
    opened = await journal.occurred("playground", STORE, START)
    again = await journal.occurred("playground", STORE, LATER)
    assert (opened.occurrences, again.occurrences) == (1, 2)
    assert again.id == opened.id
    assert (again.first_seen, again.last_seen) == (START, LATER)
    assert await journal.open_tickets("playground") == [again]


async def test_violations_at_once_make_one_ticket(journal):
    seen = await asyncio.gather(*(journal.occurred("c", STORE, START) for _ in range(20)))
    assert {t.id for t in seen} == {1}
    assert sorted(t.occurrences for t in seen) == list(range(1, 21))


async def test_another_subject_invariant_or_cluster_has_its_own_ticket(journal):
    others = [
        ("playground", STORE),
        ("staging", STORE),
        ("playground", STORE.model_copy(update={"subject": "tikv-2"})),
        ("playground", STORE.model_copy(update={"invariant": "region_peers"})),
    ]
    tickets = [await journal.occurred(cluster, v, START) for cluster, v in others]
    assert len({t.id for t in tickets}) == 4
    assert len(await journal.open_tickets("playground")) == 3


async def test_a_ticket_is_as_severe_as_its_worst_occurrence(journal):
    mild = STORE.model_copy(update={"severity": Severity.WARNING, "text": "Slow."})
    await journal.occurred("c", mild, START)
    await journal.occurred("c", STORE, START)
    ticket = await journal.occurred("c", mild, START)
    assert (ticket.severity, ticket.text) == (Severity.CRITICAL, "Slow.")


async def test_after_its_end_a_violation_opens_a_new_ticket(journal):
    first = await journal.occurred("c", STORE, START)
    closed = await journal.resolve(first.id, LATER)
    assert closed.resolved_at == LATER
    assert await journal.resolve(first.id, LATER + timedelta(hours=1)) == closed
    second = await journal.occurred("c", STORE, LATER)
    assert second.id != first.id
    assert await journal.open_tickets("c") == [second]
    with pytest.raises(JournalError, match="has no ticket 99"):
        await journal.resolve(99, LATER)


async def test_similar_tickets_are_resolved_ones_of_the_same_invariant_or_subject(journal):
    same_subject = STORE.model_copy(update={"invariant": "other"})
    same_invariant = STORE.model_copy(update={"subject": "tikv-2"})
    foreign = STORE.model_copy(update={"invariant": "other", "subject": "tikv-3"})
    closed = []
    for cluster, violation in (
        ("c", STORE),
        ("c", same_subject),
        ("c", foreign),
        ("c", same_invariant),
        ("d", STORE),
    ):
        ticket = await journal.occurred(cluster, violation, START)
        closed.append(await journal.resolve(ticket.id, LATER))
    now = await journal.occurred("c", STORE, LATER)
    assert await journal.similar_tickets(now, 10) == [closed[3], closed[1], closed[0]]
    assert await journal.similar_tickets(now, 1) == [closed[3]]


async def test_a_message_is_remembered_where_it_stands(journal, tmp_path):
    run = (await journal.begin(histories.recovered()[0].event, START)).run
    assert await journal.message(run, "root") is None
    await journal.remember_message(run, "root", "C1", "1.1")
    await journal.remember_message(run, "root", "C1", "2.2")
    await journal.remember_message(run, "live", "C1", "3.3")
    await journal.close()
    async with await Journal.open(tmp_path / "journal.sqlite3") as again:
        assert await again.message(run, "root") == ("C1", "2.2")
        assert await again.message(run, "live") == ("C1", "3.3")

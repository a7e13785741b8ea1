"""Who votes: deactivated or not, in which groups; asked of Slack sparingly, refused when unknown."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.approval import Policy, Voter
from bot.domain.errors import Undecidable
from bot.sandbox.directory import APPROVER, APPROVERS, BOT_TOKEN, CHAOS, ONLOOKER, STARTER
from bot.sandbox.faults import Fault
from bot.slack.people import People

GROUPS = Policy(groups=frozenset({APPROVERS}))
ABOUT = {
    "users.info": f"whether {APPROVER} is deactivated",
    "usergroups.users.list": f"who is in the user group {APPROVERS}",
}
ASKED = tuple(ABOUT)


@pytest.fixture
async def web(sandbox):
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            BOT_TOKEN, base_url=f"{sandbox.url}/api/", session=session, retry_handlers=[]
        )
        client.proxy = None
        yield client


@pytest.fixture
def people(web, clock):
    return People(web, GROUPS, clock)


def calls(sandbox, method):
    return [call for call in sandbox.slack.calls if call.method == method]


async def test_the_groups_of_the_policy_that_list_somebody(people):
    expected = Voter(user=APPROVER, groups=frozenset({APPROVERS}), channel=CHAOS)
    assert await people.voter(APPROVER, CHAOS) == expected
    assert await people.voter(ONLOOKER, None) == Voter(user=ONLOOKER)


async def test_without_groups_and_for_who_is_named_no_group_is_asked(web, clock, sandbox):
    named = Policy(approvers=frozenset({STARTER}), groups=frozenset({APPROVERS}))
    await People(web, Policy(), clock).voter(ONLOOKER, CHAOS)
    await People(web, named, clock).voter(STARTER, CHAOS)
    assert not calls(sandbox, "usergroups.users.list")


async def test_deactivated_people_and_people_that_slack_does_not_know(people, sandbox):
    sandbox.slack.workspace.people.set_deleted(ONLOOKER, deleted=True)
    assert (await people.voter(ONLOOKER, CHAOS)).deactivated
    assert (await people.voter("U0FORGED01", CHAOS)).deactivated
    assert not (await people.voter(STARTER, CHAOS)).deactivated


async def test_a_group_that_is_not_there_has_nobody_in_it(web, clock):
    people = People(web, Policy(groups=frozenset({"S0NOBODY01"})), clock)
    assert (await people.voter(APPROVER, CHAOS)).groups == frozenset()


async def test_a_hundred_at_once_make_one_call_and_so_does_a_minute(people, sandbox, clock):
    voters = await asyncio.gather(*(people.voter(APPROVER, CHAOS) for _ in range(100)))
    assert len(set(voters)) == 1
    await clock.advance(59)
    await people.voter(APPROVER, CHAOS)
    assert [len(calls(sandbox, method)) for method in ASKED] == [1, 1]
    sandbox.slack.workspace.people.set_members(APPROVERS, [STARTER])
    await clock.advance(2)
    assert (await people.voter(APPROVER, CHAOS)).groups == frozenset()
    assert [len(calls(sandbox, method)) for method in ASKED] == [2, 2]


async def test_many_people_stay_within_slacks_limits(people, sandbox):
    for number in range(60):
        await people.voter(f"U0MANY{number:04}", CHAOS)
    assert len(calls(sandbox, "usergroups.users.list")) == 1
    assert {call.answer for call in sandbox.slack.calls} == {"ok", "user_not_found"}


async def test_after_a_429_nobody_is_asked_about_until_slack_may_be_asked(people, sandbox, clock):
    sandbox.slack.faults.add(Fault(method="users.info", status=429, retry_after=30, lasting=20))
    for number in range(10):
        with pytest.raises(Undecidable):
            await people.voter(f"U0MANY{number:04}", CHAOS)
    assert len(calls(sandbox, "users.info")) == 1
    await clock.advance(30)
    assert (await people.voter(APPROVER, CHAOS)).groups


WEATHER = [
    {"status": 429, "retry_after": 30},
    {"status": 503},
    {"drop": True},
    {"error": "internal_error"},
    {"error": "missing_scope"},
]


@pytest.mark.parametrize("weather", WEATHER, ids=str)
@pytest.mark.parametrize("method", ASKED)
async def test_when_slack_does_not_answer_an_hour_old_answer_counts(
    people, sandbox, clock, weather, method
):
    before = await people.voter(APPROVER, CHAOS)
    sandbox.slack.faults.add(Fault(method=method, lasting=7200, **weather))
    await clock.advance(3500)
    assert await people.voter(APPROVER, CHAOS) == before
    await clock.advance(101)
    with pytest.raises(Undecidable):
        await people.voter(APPROVER, CHAOS)


@pytest.mark.parametrize("weather", WEATHER, ids=str)
@pytest.mark.parametrize("method", ASKED)
async def test_without_any_answer_a_vote_is_refused_in_a_sentence(
    people, sandbox, clock, weather, method
):
    sandbox.slack.faults.add(Fault(method=method, lasting=20, **weather))
    told = await asyncio.gather(
        *(people.voter(APPROVER, CHAOS) for _ in range(100)), return_exceptions=True
    )
    assert {type(error) for error in told} == {Undecidable}
    assert ABOUT[method] in str(told[0])
    assert "/chaos abort" in told[0].mend
    assert "Try again" in told[0].mend
    assert len(calls(sandbox, method)) <= 2  # aiohttp tries a GET that broke off again
    await clock.advance(31)
    assert APPROVERS in (await people.voter(APPROVER, CHAOS)).groups


async def test_slack_away_altogether(people, sandbox, clock):
    async with sandbox.away():
        with pytest.raises(Undecidable, match="Slack does not say"):
            await people.voter(APPROVER, CHAOS)
    await clock.advance(2)
    assert APPROVERS in (await people.voter(APPROVER, CHAOS)).groups


async def test_who_gives_up_does_not_take_the_answer_from_the_others(people, sandbox):
    sandbox.slack.faults.add(Fault(method="users.info", seconds=0.1))
    first = asyncio.create_task(people.voter(APPROVER, CHAOS))
    second = asyncio.create_task(people.voter(APPROVER, CHAOS))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).user == APPROVER
    assert len(calls(sandbox, "users.info")) == 1

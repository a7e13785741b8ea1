"""What a restarted engine makes of a run that a killed one has left, after each of its events."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

import pytest

from bot.domain.approval import Decision, Policy, Voter
from bot.domain.command import experiment
from bot.domain.control import Halted
from bot.domain.experiment import Outcome, Stage, Timings
from bot.domain.fold import fold
from bot.engine.chaos import Chaos
from bot.engine.recovery import ending_of
from bot.engine.safety import DEAD_MAN, Safety
from bot.journal import Journal
from tests.clocks import ManualClock
from tests.engine.world import World

TIMINGS = Timings(detection=40, settling=15)
KILL = experiment("kill tikv-1")
ANYBODY = Policy()


def engine(world, journal, clock, policy=ANYBODY):
    return Chaos(
        [world.cluster()], journal, clock, timings=TIMINGS, policy=policy, random=Random(7)
    )


async def approving(chaos, decision=Decision.APPROVED):
    """Decide whatever waits for it, as soon as it does."""
    while True:
        for run in chaos.living:
            report = run.report
            taken = report.approval or report.aborted_by or report.votes
            if report.stage is Stage.AWAITING_APPROVAL and not taken:
                await chaos.decide(report.run, decision, Voter(user="U2"))
        await chaos.clock.sleep(0.5)


@asynccontextmanager
async def deciding(chaos, decision=Decision.APPROVED):
    task = asyncio.create_task(approving(chaos, decision))
    try:
        yield
    finally:
        task.cancel()


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """The history of a run from its beginning to its end, that nobody disturbed."""

    async def record():
        clock = ManualClock()
        path = tmp_path_factory.mktemp("whole") / "journal.sqlite3"
        async with await Journal.open(path) as journal:
            chaos = engine(World(clock), clock.busy.watching(journal), clock)
            run = await chaos.propose(KILL, by="U1", channel="C1")
            async with deciding(chaos):
                await clock.until(chaos.wait(run))
            await chaos.close()
            return await journal.history(run)

    return asyncio.run(record())


class Restarted:
    """An engine that starts on what another has left."""

    def __init__(self, clock, world, journal, chaos):
        self.clock, self.world, self.journal, self.chaos = clock, world, journal, chaos

    async def to_the_end(self, run=1):
        async with deciding(self.chaos):
            return await self.clock.until(self.chaos.wait(run))


@asynccontextmanager
async def after(tmp_path, records, *, away=3.0, harmed=None, policy=ANYBODY):
    """The world and the journal as a process leaves them that is killed after the last record."""
    clock = ManualClock(records[-1].at + timedelta(seconds=away))
    world = World(clock)
    so_far = fold(records)
    broken = so_far.fault.injected_at is not None and so_far.broken
    if broken if harmed is None else harmed:
        dead = world.nodes_["tikv-1"]
        dead.running, dead.exit_code = False, 137
        since = so_far.fault.injected_at or records[-1].at
        dead.since = (since - clock.now()).total_seconds()
    async with await Journal.open(tmp_path / "journal.sqlite3") as journal:
        for number, record in enumerate(records):
            if number:
                await journal.append(1, record.event, record.at)
            else:
                await journal.begin(record.event, record.at)
        watched = clock.busy.watching(journal)
        chaos = engine(world, watched, clock, policy)
        yield Restarted(clock, world, watched, chaos)
        await clock.until(chaos.close())


def ends(records):
    """After each event, but for all the samples of the load."""
    kept = [n for n, r in enumerate(records, 1) if r.event.event != "load_sampled"]
    samples = [n for n, r in enumerate(records, 1) if r.event.event == "load_sampled"]
    return sorted({*kept, *samples[::9]})


async def test_wherever_it_is_killed_the_run_ends_and_the_node_runs(tmp_path, whole_run):
    for end in ends(whole_run):
        folder = tmp_path / str(end)
        folder.mkdir()
        left = whole_run[:end]
        stood = fold(left)
        async with after(folder, left) as again:
            taken = await again.clock.until(again.chaos.take_up())
            assert [t.run for t in taken] == ([] if stood.finished else [1])
            report = await again.to_the_end()
            history = await again.journal.history(1)

            where = f"after {end}, {left[-1].event.event}"
            assert report.finished, where
            assert not report.broken, where
            assert again.world.nodes_["tikv-1"].running, where
            assert await again.journal.open_injections() == [], where
            assert await again.journal.unfinished() == [], where
            decided = [r for r in history if r.event.event == "decided"]
            assert len(decided) <= 1, where
            halfway = stood.stage is Stage.INJECTING and stood.fault.injected_at is None
            expected = Outcome.FAILED if halfway else Outcome.RECOVERED
            assert report.outcome is expected, where
            if expected is Outcome.RECOVERED:
                assert report.approval.by == "U2", where
                assert report.diagnosis.grade is not None, where
                assert report.recovery.verified, where
                assert again.world.log.count("inject tikv-1") == (not stood.injection), where


async def test_a_fault_that_went_in_unconfirmed_is_undone(tmp_path, whole_run):
    planned = next(n for n, r in enumerate(whole_run, 1) if r.event.event == "fault_planned")
    async with after(tmp_path, whole_run[:planned], harmed=True) as again:
        await again.clock.until(again.chaos.take_up())
        report = await again.to_the_end()

        assert report.outcome is Outcome.FAILED
        assert "while the fault was going in" in report.why
        assert again.world.nodes_["tikv-1"].running


def until(records, stage):
    return records[: next(n for n, r in enumerate(records, 1) if _enters(r, stage))]


def _enters(record, stage):
    return record.event.event == "stage_entered" and record.event.stage is stage


async def test_an_approval_goes_on_waiting_with_the_time_that_is_left(tmp_path, whole_run):
    left = until(whole_run, Stage.AWAITING_APPROVAL)
    async with after(tmp_path, left, away=200) as again:
        began = again.clock.now()
        await again.clock.until(again.chaos.take_up())
        report = await again.clock.until(again.chaos.wait(1))  # nobody decides

        assert report.approval.decision is Decision.EXPIRED
        waited = next(s.started_at for s in report.stages if s.stage is Stage.RESTORING) - began
        assert 399 <= waited.total_seconds() <= 401
        assert sum(s.stage is Stage.AWAITING_APPROVAL for s in report.stages) == 1


async def test_a_deadline_that_passed_meanwhile_restores_at_once(tmp_path, whole_run):
    left = until(whole_run, Stage.AWAITING_APPROVAL)
    async with after(tmp_path, left, away=3600) as again:
        await again.clock.until(again.chaos.take_up())
        report = await again.clock.until(again.chaos.wait(1))
        assert report.outcome is Outcome.RECOVERED
        assert report.approval.by == "deadline"


@pytest.mark.parametrize("jump", [-86_400, 86_400])
@pytest.mark.parametrize("stage", [Stage.DETECTING, Stage.AWAITING_APPROVAL, Stage.VERIFYING])
async def test_a_machine_whose_time_has_jumped_ends_the_run_all_the_same(
    tmp_path, whole_run, jump, stage
):
    async with after(tmp_path, until(whole_run, stage), away=jump) as again:
        began = again.clock.monotonic()
        await again.clock.until(again.chaos.take_up())
        report = await again.clock.until(again.chaos.wait(1))
        assert report.finished
        assert not report.broken
        assert again.clock.monotonic() - began < 600 + 40 + 60 + 135


async def test_votes_count_on(tmp_path, whole_run):
    policy = Policy(needed=2)
    first = whole_run[0].model_copy(
        update={"event": whole_run[0].event.model_copy(update={"policy": policy})}
    )
    left = [first, *until(whole_run, Stage.AWAITING_APPROVAL)[1:]]
    async with after(tmp_path / "first", left, policy=policy) as again:
        await again.clock.until(again.chaos.take_up())
        await again.clock.quiet()
        assert await again.chaos.decide(1, Decision.APPROVED, Voter(user="U2")) is None
        history = await again.journal.history(1)
    async with after(tmp_path / "second", history, policy=policy) as again:
        await again.clock.until(again.chaos.take_up())
        await again.clock.quiet()
        decided = await again.chaos.decide(1, Decision.APPROVED, Voter(user="U3"))
        assert decided is Decision.APPROVED
        report = await again.clock.until(again.chaos.wait(1))
        assert [v.by for v in report.votes] == ["U2", "U3"]


async def test_a_last_vote_whose_decision_was_not_written_decides(tmp_path, whole_run):
    cast = next(n for n, r in enumerate(whole_run, 1) if r.event.event == "vote_cast")
    async with after(tmp_path, whole_run[:cast]) as again:
        await again.clock.until(again.chaos.take_up())
        report = await again.clock.until(again.chaos.wait(1))
        assert report.approval.by == "U2"


async def test_what_was_being_aborted_ends_aborted(tmp_path, whole_run):
    async with after(tmp_path / "1", until(whole_run, Stage.DETECTING)) as again:
        await again.clock.until(again.chaos.take_up())
        await again.chaos.abort(1, by="U3", why="enough")
        history = await again.journal.history(1)
    asked = next(n for n, r in enumerate(history, 1) if r.event.event == "abort_asked")
    async with after(tmp_path / "2", history[:asked]) as again:
        await again.clock.until(again.chaos.take_up())
        report = await again.to_the_end()
        assert report.outcome is Outcome.ABORTED
        assert report.why == "by U3: enough"
        assert again.world.nodes_["tikv-1"].running


async def test_a_handed_over_run_has_no_end_and_goes_on_elsewhere(tmp_path, whole_run):
    async with after(tmp_path / "1", until(whole_run, Stage.DIAGNOSING)) as again:
        await again.clock.until(again.chaos.take_up())
        await again.clock.quiet()
        await again.clock.until(again.chaos.hand_over())
        history = await again.journal.history(1)
        assert not fold(history).finished
        assert not again.world.nodes_["tikv-1"].running
    async with after(tmp_path / "2", history) as again:
        await again.clock.until(again.chaos.take_up())
        assert (await again.to_the_end()).outcome is Outcome.RECOVERED


async def test_a_halt_that_was_journalled_holds_at_the_start(tmp_path, whole_run):
    async with after(tmp_path, until(whole_run, Stage.AWAITING_APPROVAL)) as again:
        await again.journal.note(Halted(by="U7", why="production is slow"), again.clock.now())
        await again.clock.until(again.chaos.take_up())
        report = await again.to_the_end()
        assert report.outcome is Outcome.ABORTED
        assert "halted: production is slow" in report.why
        assert again.chaos.halted.by == "U7"


async def test_without_its_steady_state_a_run_is_restored_and_ends(tmp_path, whole_run):
    left = [r for r in whole_run if r.event.event != "steady_state_seen"]
    left = until(left, Stage.DETECTING)
    assert ending_of(fold(left), None).outcome is Outcome.FAILED
    async with after(tmp_path, left) as again:
        await again.clock.until(again.chaos.take_up())
        report = await again.to_the_end()
        assert report.outcome is Outcome.FAILED
        assert again.world.nodes_["tikv-1"].running


@pytest.fixture
async def guarded(chaos, clock):
    task = asyncio.create_task(Safety(chaos, deadman=60).keep_watch())
    yield chaos
    task.cancel()


async def awaiting(chaos, clock):
    run = await chaos.propose(KILL, by="U1", channel="C1")

    async def reached():
        while (await chaos.report(run)).stage is not Stage.AWAITING_APPROVAL:
            await clock.sleep(0.5)

    await clock.until(reached())
    return run


@pytest.mark.parametrize("lost", ["Slack", "pd", "backend"])
async def test_the_dead_mans_switch_restores(guarded, clock, world, lost):
    chaos = guarded
    chaos.contact.heard("Slack")
    run = await awaiting(chaos, clock)
    chaos.contact.heard("Slack")
    world.pd_silent, world.backend_silent = lost == "pd", lost == "backend"
    if lost == "Slack":
        await clock.advance(61)
    else:
        for _ in range(70):
            chaos.contact.heard("Slack")
            await clock.advance(1)
    world.pd_silent = world.backend_silent = False
    report = await clock.until(chaos.wait(run))

    assert report.aborted_by == DEAD_MAN
    assert report.outcome is Outcome.ABORTED
    assert "for 6" in report.why
    assert world.nodes_["tikv-1"].running


async def test_it_does_nothing_while_all_is_heard(guarded, clock, world):
    chaos = guarded
    chaos.contact.heard("Slack")
    run = await awaiting(chaos, clock)
    for _ in range(90):
        chaos.contact.heard("Slack")
        await clock.advance(1)
    assert (await chaos.report(run)).stage is Stage.AWAITING_APPROVAL


async def test_a_failed_restore_is_tried_again_until_it_works(guarded, clock, world):
    chaos = guarded
    run = await awaiting(chaos, clock)
    world.refuse_rollback = True
    await chaos.abort(run, by="U1")
    report = await clock.until(chaos.wait(run))
    assert report.outcome is Outcome.NOT_RECOVERED
    assert report.broken

    world.refuse_rollback = False

    async def mended():
        while (await chaos.report(run)).outcome is not Outcome.RECOVERED:
            await clock.sleep(1)

    await clock.until(mended())
    assert world.nodes_["tikv-1"].running


async def test_a_halt_of_another_process_is_obeyed(guarded, clock, world, journal):
    chaos = guarded
    run = await awaiting(chaos, clock)
    await journal.note(Halted(by="root", why=""), clock.now())
    await clock.advance(2)
    report = await clock.until(chaos.wait(run))
    assert report.outcome is Outcome.ABORTED
    assert chaos.halted.by == "root"


async def test_pds_leader_is_whoever_leads_after_the_restart(tmp_path):
    clock = ManualClock()
    async with await Journal.open(tmp_path / "first.sqlite3") as journal:
        chaos = engine(World(clock), clock.busy.watching(journal), clock)
        run = await chaos.propose(experiment("kill pd leader"), by="U1")
        async with deciding(chaos):
            await clock.until(chaos.wait(run))
        await chaos.close()
        history = await journal.history(run)
    assert fold(history).fault.node == "pd-1"
    left = history[: next(n for n, r in enumerate(history, 1) if r.event.event == "target_chosen")]
    async with after(tmp_path, left) as again:
        again.world.pd_leader = "pd-2"
        await again.clock.until(again.chaos.take_up())
        report = await again.to_the_end()
        assert report.fault.node == "pd-2"
        assert report.fault.target == "pd leader"

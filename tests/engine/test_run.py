"""A run, from the proposal to its end, on the test's clock."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from bot.domain.approval import Decision, Policy, Voter
from bot.domain.command import experiment
from bot.domain.errors import CommandError, JournalError, NotAllowed, Refused, Undecidable
from bot.domain.experiment import Outcome, Signal, Stage, Timings
from bot.domain.fold import fold
from bot.domain.hypothesis import Verdict
from bot.domain.limits import Limits
from bot.engine.chaos import Chaos
from bot.engine.patience import cancelled
from tests.engine.world import BASELINE

KILL = experiment("kill tikv-1")


async def reach(chaos, run, stage):
    """Wait until a run is in a stage; the clock has to be driven beside it."""
    with chaos.stream.watch() as records:
        if (await chaos.report(run)).stage is stage:
            return
        async for _ in records:
            if (await chaos.report(run)).stage is stage:
                return


async def to_stage(chaos, clock, stage, what=KILL):
    run = await chaos.propose(what, by="U1")
    await clock.until(reach(chaos, run, stage))
    return run


async def to_the_end(chaos, clock, run):
    return await clock.until(chaos.wait(run))


async def test_an_approved_run_recovers(chaos, clock, world):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.RECOVERED
    assert [s.stage for s in report.stages] == [
        Stage.CHECKING,
        Stage.LOADING,
        Stage.INJECTING,
        Stage.DETECTING,
        Stage.DIAGNOSING,
        Stage.AWAITING_APPROVAL,
        Stage.RESTORING,
        Stage.VERIFYING,
    ]
    assert world.log == ["plan tikv-1", "inject tikv-1", "rollback tikv-1"]
    assert world.nodes_["tikv-1"].running
    assert report.hypothesis.before is Verdict.HELD
    assert report.hypothesis.during is Verdict.DEVIATED
    assert report.hypothesis.after is Verdict.HELD
    assert report.approval.by == "U2"
    assert report.recovery.verified
    assert report.recovery.throughput_ratio == 1.0
    assert report.load.baseline_ops == BASELINE
    assert report.load.lowest_ops == 0.0
    assert 13 <= report.load.stall_seconds <= 15


async def test_each_signal_has_its_own_time(chaos, clock):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    seen = {s.signal: s.seconds for s in (await chaos.report(run)).signals}

    assert seen[Signal.NODE_EXIT] == 0.0
    assert seen[Signal.CLIENT_IMPACT] <= 1.0
    assert 14 <= seen[Signal.LEADERS_MOVED] <= 15.5
    assert 15 <= seen[Signal.PD_DISCONNECTED] <= 16.5
    assert seen[Signal.TICKET_OPENED] == seen[Signal.PD_DISCONNECTED]
    report = await chaos.report(run)
    assert report.detected is True
    assert report.missing_signals == ()
    assert report.ticket.invariant == "stores_up"
    assert report.ticket.subject == "tikv-1"


async def test_the_receipt_is_in_the_journal_before_the_harm(chaos, clock, world, journal):
    world.refuse_inject = True
    run = await chaos.propose(KILL, by="U1")
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.FAILED
    assert "kind today" in report.why
    assert world.log == ["plan tikv-1", "inject tikv-1", "rollback tikv-1"]
    events = [r.event.event for r in await journal.history(run)]
    assert "fault_planned" in events
    assert "fault_injected" not in events
    assert events.index("fault_planned") < events.index("fault_rolled_back")
    assert await journal.open_injections() == []


async def test_the_stream_is_the_journal(chaos, clock, journal):
    streamed = []

    async def collect():
        with chaos.stream.watch() as records:
            streamed.extend([record async for record in records])

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0)
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    await chaos.abort(run, by="U1")
    report = await to_the_end(chaos, clock, run)
    await clock.until(chaos.close())
    await collecting

    assert streamed == await journal.history(run)
    assert fold(streamed) == report


async def test_the_deadline_restores_by_itself(chaos, clock):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    report = await to_the_end(chaos, clock, run)

    assert report.approval.decision is Decision.EXPIRED
    assert report.approval.by == "deadline"
    assert report.approval.seconds == 600
    assert report.outcome is Outcome.RECOVERED


async def test_a_hundred_clicks_are_one_decision(chaos, clock, journal):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    answers = await asyncio.gather(
        *(chaos.decide(run, list(Decision)[n % 2], Voter(user=f"U{n}")) for n in range(100)),
        return_exceptions=True,
    )

    assert answers.count(Decision.APPROVED) == 1
    assert all(isinstance(a, Decision | Undecidable) for a in answers)
    assert "already decided: approved by U0" in str(answers[1])
    decided = [r for r in await journal.history(run) if r.event.event == "decided"]
    assert len(decided) == 1
    refused = [r for r in await journal.history(run) if r.event.event == "vote_refused"]
    assert len(refused) == 99


async def test_only_approvers_decide(chaos, clock):
    chaos.policy = Policy(approvers=frozenset({"U2"}))
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)

    with pytest.raises(NotAllowed, match="U1 may not"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U1"))
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))


async def test_nothing_can_be_decided_before_it_is_asked_or_after_the_end(chaos, clock):
    run = await to_stage(chaos, clock, Stage.DETECTING)
    with pytest.raises(Undecidable, match="not waiting"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U1"))
    await chaos.abort(run, by="U1")
    await to_the_end(chaos, clock, run)
    with pytest.raises(Undecidable, match="over: aborted"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U1"))
    with pytest.raises(Undecidable, match="over: aborted"):
        await chaos.abort(run, by="U1")


@pytest.mark.parametrize(
    "stage",
    [
        Stage.CHECKING,
        Stage.LOADING,
        Stage.INJECTING,
        Stage.DETECTING,
        Stage.DIAGNOSING,
        Stage.AWAITING_APPROVAL,
        Stage.RESTORING,
        Stage.VERIFYING,
    ],
)
async def test_an_abort_in_any_stage_leaves_the_node_running(chaos, clock, world, stage):
    run = await chaos.propose(KILL, by="U1")

    async def drive():
        with chaos.stream.watch() as records:
            async for record in records:
                if record.event.event != "stage_entered":
                    continue
                if record.event.stage is stage:
                    await chaos.abort(run, by="U3", why="enough")
                    return
                if record.event.stage is Stage.AWAITING_APPROVAL:
                    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))

    driving = asyncio.create_task(drive())
    await asyncio.sleep(0)
    await clock.until(driving)
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.ABORTED
    assert report.why == "by U3: enough"
    assert report.aborted_by == "U3"
    assert not report.broken
    assert world.nodes_["tikv-1"].running


async def test_closing_aborts_and_restores(chaos, clock, world, journal):
    run = await to_stage(chaos, clock, Stage.DETECTING)
    await clock.until(chaos.close("the terminal is closed"))

    assert world.nodes_["tikv-1"].running
    assert fold(await journal.history(run)).outcome is Outcome.ABORTED
    with pytest.raises(Refused, match="ending"):
        await chaos.propose(KILL, by="U1")


async def test_a_node_kept_down_stays_down_until_it_is_wanted_back(chaos, clock, world):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    await chaos.decide(run, Decision.KEPT_DOWN, Voter(user="U2"))
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.NOT_RECOVERED
    assert "kept down by U2" in report.why
    assert not world.nodes_["tikv-1"].running
    assert report.broken

    await chaos.restore(run, Voter(user="U1"))
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.RECOVERED
    assert world.nodes_["tikv-1"].running
    with pytest.raises(Undecidable, match="nothing to restore"):
        await chaos.restore(run, Voter(user="U1"))


async def test_a_node_that_cannot_be_restored_is_said_so(chaos, clock, world, journal):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    world.refuse_rollback = True
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.NOT_RECOVERED
    assert "tikv-1 is still down: it will not start" in report.why
    assert report.mend == "mend tikv-1"
    assert world.log.count("rollback tikv-1") > 10  # it was tried for as long as was allowed
    assert [run for run, _ in await journal.open_injections()] == [run]


async def test_a_restored_store_that_dies_again_is_not_recovered(chaos, clock, world):
    world.dies_after_restore = 9.0
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.NOT_RECOVERED
    assert "tikv-1 died again, with exit 2." in report.notes
    assert "nodes_running: 5 of 6" in report.why


async def test_a_cluster_that_is_not_well_is_not_harmed(chaos, clock, world):
    world.kill("tikv-3", exit_code=1)
    run = await chaos.propose(KILL, by="U1")
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.REFUSED
    assert "nodes_running deviated: 5 of 6" in report.why
    assert world.log == []


async def test_what_cannot_be_asked_is_unknown_and_refuses(chaos, clock, world):
    world.pd_silent = True
    run = await chaos.propose(KILL, by="U1")
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.REFUSED
    assert "unknown" in report.why
    assert "PD did not answer" in report.why
    assert world.log == []


async def test_nodes_that_cannot_be_asked_refuse(chaos, clock, world):
    world.backend_silent = True
    run = await chaos.propose(KILL, by="U1")
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.REFUSED
    assert "the backend did not answer" in report.why


async def test_pd_going_silent_after_the_harm_still_ends_in_a_restore(chaos, clock, world):
    run = await to_stage(chaos, clock, Stage.DETECTING)
    world.pd_silent = True
    report = await to_the_end(chaos, clock, run)

    assert world.nodes_["tikv-1"].running
    assert report.outcome is Outcome.NOT_RECOVERED  # unknown is never a pass
    assert "Could not ask for stores: PD did not answer." in report.notes
    assert Signal.PD_DISCONNECTED in report.missing_signals


async def test_without_load_the_run_goes_on(chaos, clock, world):
    world.load_fails = True
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.RECOVERED
    assert report.load is None
    assert any("without load" in note for note in report.notes)
    assert report.signal(Signal.CLIENT_IMPACT) is None
    assert report.missing_signals == ()


async def test_a_load_that_begins_late_still_gives_a_baseline(chaos, clock, world):
    world.load_begins_after = 15.0  # the warm-up is 10 s
    run = await to_stage(chaos, clock, Stage.DETECTING)
    assert (await chaos.report(run)).load.baseline_ops == BASELINE


async def test_a_load_that_never_says_anything_holds_nothing_up(chaos, clock, world):
    world.load_begins_after = 3600.0
    run = await to_stage(chaos, clock, Stage.DETECTING)
    report = await chaos.report(run)
    assert report.load.baseline_ops is None
    assert report.stages[1].seconds == 20


async def test_one_run_at_a_time_on_a_cluster(chaos, clock):
    run = await to_stage(chaos, clock, Stage.DETECTING)
    with pytest.raises(Refused, match=rf"Run {run} \(kill tikv-1\) is on test since"):
        await chaos.propose(experiment("kill tikv-2"), by="U2")


async def test_two_proposals_at_once_start_one_run(chaos):
    answers = await asyncio.gather(
        *(chaos.propose(KILL, by="U1") for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(a, int) for a in answers) == 1
    assert sum(isinstance(a, Refused) for a in answers) == 19


async def test_unknown_nodes_clusters_and_runs_start_nothing(chaos, journal):
    with pytest.raises(CommandError, match='no node "tikv-9"'):
        await chaos.propose(experiment("kill tikv-9"), by="U1")
    with pytest.raises(CommandError, match='no cluster called "moon"'):
        await chaos.propose(experiment("kill tikv in moon"), by="U1")
    with pytest.raises(CommandError, match="no run 99"):
        await chaos.report(99)
    with pytest.raises(CommandError, match="no run 99"):
        await chaos.decide(99, Decision.APPROVED, Voter(user="U1"))
    with pytest.raises(Undecidable, match="No run is going on"):
        await chaos.abort(None, by="U1")
    assert await journal.latest(10) == []


async def test_a_pd_member_can_be_killed_too(chaos, clock, world):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL, experiment("kill pd-2"))
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    report = await to_the_end(chaos, clock, run)

    assert report.outcome is Outcome.RECOVERED
    assert report.signal(Signal.PD_MEMBER_LOST)
    assert report.ticket.invariant == "pd_members"
    assert world.nodes_["pd-2"].running


async def test_a_preview_touches_nothing(chaos, world, journal):
    preview = await chaos.preview(KILL)
    assert preview.node.name == "tikv-1"
    assert preview.node.store == 1
    assert preview.refused is None
    assert preview.injection.mend == "mend tikv-1"
    assert world.log == ["plan tikv-1"]
    assert await journal.latest(1) == []


async def test_status_shows_cluster_run_and_tickets(chaos, clock, world):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    overview = await chaos.status()
    (cluster,) = overview.clusters
    assert cluster.verdict is Verdict.DEVIATED
    assert cluster.run.run == run
    assert {t.invariant for t in cluster.tickets} == {"stores_up"}
    assert [r.run for r in overview.latest] == [run]


async def test_recovery_resolves_the_ticket(chaos, clock, journal):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    assert len(await journal.open_tickets("test")) == 1
    await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    await to_the_end(chaos, clock, run)
    assert await journal.open_tickets("test") == []


async def test_a_new_pd_leader_alarms_nobody(chaos, clock, world, journal):
    """Its first answers carry old heartbeats, so that healthy stores read Disconnected."""
    await chaos.check()
    await clock.advance(30)
    await chaos.check()
    world.pd_leader = "pd-2"
    for name in ("tikv-1", "tikv-2"):
        world.nodes_[name].since = clock.monotonic()  # no heartbeat under the new leader yet
    await chaos.check()
    assert await journal.open_tickets("test") == []


async def test_every_change_of_a_node_is_checked_at_once(chaos, clock, world, journal):
    failures = []
    following = asyncio.create_task(chaos.follow(failures.append))
    await clock.quiet()
    world.kill("pd-3")
    await clock.quiet()
    assert [t.subject for t in await journal.open_tickets("test")] == ["pd-3"]
    world.start("pd-3")
    await clock.quiet()
    assert await journal.open_tickets("test") == []
    assert failures == []
    await cancelled(following)


async def test_what_a_dead_process_left_is_put_right(chaos, clock, world, journal):
    run = await to_stage(chaos, clock, Stage.DETECTING)
    history = await journal.history(run)
    await chaos.abort(run, by="U1")
    await to_the_end(chaos, clock, run)

    # the same history again, as a process that was killed in detecting would have left it
    lost = (await journal.begin(history[0].event, clock.now())).run
    for record in history[1:]:
        await journal.append(lost, record.event, clock.now())
    world.kill("tikv-1")

    (left,) = await chaos.recovery.left_behind(kept_down=False)
    assert left.run == lost
    assert left.injection.node.name == "tikv-1"
    (done,) = await clock.until(chaos.recovery.recover(kept_down=False))
    assert not done.still_broken
    assert world.nodes_["tikv-1"].running
    report = fold(await journal.history(lost))
    assert report.outcome is Outcome.FAILED
    assert "tikv-1 (store 1) was restored later" in report.why
    assert await chaos.recovery.left_behind(kept_down=True) == []


async def test_a_journal_that_breaks_after_the_harm_does_not_keep_the_node_down(
    chaos, clock, world, journal
):
    run = await to_stage(chaos, clock, Stage.DETECTING)
    real = journal._port

    class Full:
        """A journal whose disk is full: a stand-in for the disk, not for the journal."""

        def __getattr__(self, name):
            return getattr(real, name)

        async def append(self, *_args):
            raise JournalError("The journal cannot be written: the disk is full.")

    journal._port = Full()
    report = await to_the_end(chaos, clock, run)
    journal._port = real
    assert world.nodes_["tikv-1"].running
    assert world.log[-1] == "rollback tikv-1"
    assert report is not None


async def test_a_pause_shows_as_a_pause_and_as_no_exit(chaos, clock):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL, experiment("pause tikv-1"))
    report = await chaos.report(run)
    assert report.signal(Signal.NODE_PAUSED).seconds == 0.0
    assert report.signal(Signal.NODE_EXIT) is None
    assert report.missing_signals == ()


async def test_a_restart_that_was_ours_is_not_noted_as_somebody_elses(chaos, clock):
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL, experiment("restart tikv-1"))
    report = await chaos.report(run)
    assert report.signal(Signal.NODE_EXIT).detail == "exit 0"
    assert report.missing_signals == ()
    assert not any("not by us" in note.text for note in report.timeline)


async def test_pds_leader_is_found_when_it_is_checked_and_again_before_the_harm(
    chaos, clock, world
):
    run = await to_stage(chaos, clock, Stage.LOADING, experiment("kill pd leader"))
    assert (await chaos.report(run)).fault.node == "pd-1"
    world.pd_leader = "pd-3"
    await clock.until(reach(chaos, run, Stage.AWAITING_APPROVAL))
    report = await chaos.report(run)
    assert (report.fault.node, report.fault.target) == ("pd-3", "pd leader")
    assert world.log == ["plan pd-3", "inject pd-3"]


async def test_nobody_knows_who_leads_pd(chaos, clock, world):
    world.pd_silent = True
    run = await chaos.propose(experiment("kill pd leader"), by="U1")
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.REFUSED
    assert "Who leads PD is not known: PD did not answer" in report.why


async def test_a_fault_that_the_node_cannot_have_is_refused_before_the_load(chaos, clock, world):
    world.why_not = "it is on no network of its own"
    run = await chaos.propose(experiment("partition tikv-1"), by="U1")
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.REFUSED
    assert "no network of its own" in report.why
    assert [s.stage for s in report.stages] == [Stage.CHECKING]
    assert world.log == []


async def test_a_store_without_a_node_refuses_and_names_both_sides(chaos, clock, world):
    world.store_elsewhere = True
    run = await chaos.propose(KILL, by="U1")
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.REFUSED
    assert "PD's store 1 at tikv-1:20161 is none of the nodes (tikv-1, tikv-2" in report.why
    assert world.log == []


async def test_two_of_three_have_to_agree(chaos, clock, journal):
    chaos.policy = Policy(approvers=frozenset({"U2", "U3"}), groups=frozenset({"S1"}), needed=2)
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)

    assert await chaos.decide(run, Decision.APPROVED, Voter(user="U2")) is None
    with pytest.raises(Undecidable, match="U2 has voted about run 1 already"):
        await chaos.decide(run, Decision.KEPT_DOWN, Voter(user="U2"))
    with pytest.raises(NotAllowed):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U9"))
    with pytest.raises(Undecidable, match="deactivated"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U3", deactivated=True))
    member = Voter(user="U4", groups=frozenset({"S1"}))
    assert await chaos.decide(run, Decision.APPROVED, member) is Decision.APPROVED

    report = await to_the_end(chaos, clock, run)
    assert [(v.by, v.decision) for v in report.votes] == [
        ("U2", Decision.APPROVED),
        ("U4", Decision.APPROVED),
    ]
    history = await journal.history(run)
    refused = [r.event for r in history if r.event.event == "vote_refused"]
    assert [(e.by, e.wanted) for e in refused] == [
        ("U2", "kept down"),
        ("U9", "approved"),
        ("U3", "approved"),
    ]


async def test_who_started_it_may_be_kept_from_deciding(chaos, clock):
    chaos.policy = Policy(starter=False)
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    with pytest.raises(Undecidable, match="U1 started the run"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U1"))
    assert await chaos.decide(run, Decision.APPROVED, Voter(user="U2")) is Decision.APPROVED


async def test_the_deadline_may_keep_the_node_down(chaos, clock, world):
    chaos.policy = Policy(at_deadline="keep down")
    run = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.NOT_RECOVERED
    assert report.approval.by == "deadline"
    assert not world.nodes_["tikv-1"].running


async def test_a_run_is_decided_in_its_own_channel(chaos, clock):
    run = await chaos.propose(KILL, by="U1", channel="C1")
    await clock.until(reach(chaos, run, Stage.AWAITING_APPROVAL))
    with pytest.raises(Undecidable, match="in the channel of its thread"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U2", channel="C2"))
    voter = Voter(user="U2", channel="C1")
    assert await chaos.decide(run, Decision.APPROVED, voter) is Decision.APPROVED


async def test_what_is_refused_about_a_run_that_is_over_or_unknown_is_kept_too(
    chaos, clock, journal
):
    run = await to_stage(chaos, clock, Stage.CHECKING)
    await chaos.abort(run, by="U1")
    await to_the_end(chaos, clock, run)
    with pytest.raises(Undecidable, match="over: aborted"):
        await chaos.decide(run, Decision.APPROVED, Voter(user="U2"))
    assert (await journal.history(run))[-1].event.by == "U2"
    assert await journal.unfinished() == []

    with pytest.raises(CommandError):
        await chaos.decide(99, Decision.APPROVED, Voter(user="U2"))
    with pytest.raises(Undecidable, match="no message of run 99"):
        await chaos.refuse(None, "U5", "approve", "That is no message of run 99.")
    kept = [entry.event for entry in await journal.rejections(10)]
    assert [(e.by, e.wanted) for e in kept] == [("U5", "approve"), ("U2", "approved 99")]


async def test_a_halt_aborts_restores_and_blocks_until_an_approver_resumes(
    chaos, clock, world, journal
):
    chaos.policy = Policy(approvers=frozenset({"U2"}))
    kept = await to_stage(chaos, clock, Stage.AWAITING_APPROVAL)
    await chaos.decide(kept, Decision.KEPT_DOWN, Voter(user="U2"))
    await to_the_end(chaos, clock, kept)
    assert not world.nodes_["tikv-1"].running

    world.pd_silent = True
    assert await chaos.halt("U9", "production is slow") == ()
    await clock.until(chaos.wait(kept))
    world.pd_silent = False
    assert world.nodes_["tikv-1"].running
    with pytest.raises(Refused, match=r"halted since .* by U9: production is slow"):
        await chaos.propose(experiment("kill tikv-2"), by="U1")
    assert "halted" in (await chaos.preview(experiment("kill tikv-2"))).refused
    assert (await chaos.status()).halted.by == "U9"
    with pytest.raises(NotAllowed):
        await chaos.resume(Voter(user="U9"))
    await chaos.resume(Voter(user="U2"))
    with pytest.raises(Undecidable, match="not halted"):
        await chaos.resume(Voter(user="U2"))
    await clock.until(chaos.halt("U9"))


@pytest.mark.parametrize("stage", [Stage.LOADING, Stage.DETECTING, Stage.AWAITING_APPROVAL])
async def test_a_halt_in_the_middle_of_a_run(chaos, clock, world, stage):
    run = await to_stage(chaos, clock, stage)
    assert await chaos.halt("U9", "enough") == (run,)
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.ABORTED
    assert report.why == "by U9: halted: enough"
    assert world.nodes_["tikv-1"].running


async def test_limits_refuse_a_run_and_choose_around_what_is_protected(world, journal, clock):
    limits = Limits(protected=("tikv-1", "pd-*"), runs_an_hour=2)
    chaos = Chaos(
        [world.cluster()],
        journal,
        clock,
        timings=Timings(),
        policy=Policy(),
        random=Random(7),
        limits=limits,
    )
    refused = await to_the_end(chaos, clock, await chaos.propose(KILL, by="U1"))
    assert refused.outcome is Outcome.REFUSED
    assert "tikv-1" in refused.why
    previews = [await chaos.preview(experiment("kill tikv")) for _ in range(10)]
    assert {p.node.name for p in previews} == {"tikv-2", "tikv-3"}
    assert "protected" in {g.guard for g in previews[0].guards}

    second = await chaos.propose(experiment("kill tikv"), by="U1")
    await chaos.abort(second, by="U1")
    await to_the_end(chaos, clock, second)
    third = await to_the_end(chaos, clock, await chaos.propose(experiment("kill tikv"), by="U1"))
    assert third.outcome is Outcome.REFUSED
    assert "hour" in third.why
    await clock.advance(3601)
    preview = await chaos.preview(experiment("kill tikv"))
    assert preview.refused is None
    await clock.until(chaos.close())


async def test_a_halt_that_cannot_be_journalled_outlasts_an_older_resume(
    chaos, clock, world, journal
):
    await chaos.halt("U9", "first")
    await chaos.resume(Voter(user="U2"))
    run = await to_stage(chaos, clock, Stage.DETECTING)
    real = journal._port

    class Full:
        def __getattr__(self, name):
            async def fails(*_, **__):
                raise JournalError("The disk is full.")

            return fails if name in {"note", "append"} else getattr(real, name)

    journal._port = Full()
    await chaos.halt("U9", "second")
    await to_the_end(chaos, clock, run)
    await chaos.listen()
    assert chaos.halted.why == "second"
    assert world.nodes_["tikv-1"].running
    journal._port = real


async def test_a_node_is_brought_back_in_its_own_channel(chaos, clock):
    run = await chaos.propose(KILL, by="U1", channel="C1")
    await clock.until(reach(chaos, run, Stage.AWAITING_APPROVAL))
    await chaos.decide(run, Decision.KEPT_DOWN, Voter(user="U2", channel="C1"))
    await to_the_end(chaos, clock, run)
    with pytest.raises(Undecidable, match="in the channel of its thread"):
        await chaos.restore(run, Voter(user="U2", channel="C2"))
    await chaos.restore(run, Voter(user="U2", channel="C1"))
    report = await to_the_end(chaos, clock, run)
    assert report.outcome is Outcome.RECOVERED

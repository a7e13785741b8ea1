"""Whatever people, the weather and restarts do to a run: no fault stays behind, one decision is made."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bot.domain.approval import Decision, Policy, Vote, Voter
from bot.domain.command import experiment
from bot.domain.errors import ChaosError
from bot.domain.events import Decided, RunFinished, StageEntered
from bot.domain.experiment import PERMITTED, Timings
from bot.domain.fold import advance, fold
from bot.engine.chaos import Chaos
from bot.engine.safety import Safety
from bot.journal import Journal
from tests.clocks import ManualClock
from tests.engine.world import World

TIMINGS = Timings(
    poll=2, warm_up=3, detection=20, diagnosis=5, approval=30, rollback=5, recovery=40, settling=4
)
AWAY = {
    "pd away": "pd_silent",
    "engine away": "backend_silent",
    "rollback refused": "refuse_rollback",
    "load fails": "load_fails",
}
ACTIONS = (
    *("approve", "approve", "keep", "abort", "halt", "resume", "restart", "restore"),
    *("node starts", "another run", *AWAY),
)
STORMS = st.lists(st.tuples(st.floats(0, 25), st.sampled_from(ACTIONS)), min_size=1, max_size=8)


class Storm:
    """A run, and everything that happens to it."""

    def __init__(self, clock, journal, policy):
        self.clock, self.journal, self.policy = clock, journal, policy
        self.world = World(clock)
        self.users = itertools.count(2)
        self.begin()

    def begin(self):
        self.chaos = Chaos(
            [self.world.cluster()],
            self.journal,
            self.clock,
            timings=TIMINGS,
            policy=self.policy,
            random=Random(7),
        )
        self.safety = asyncio.create_task(Safety(self.chaos, deadman=15).keep_watch())

    async def blow(self, action):
        chaos, world, who = self.chaos, self.world, Voter(user=f"U{next(self.users)}")
        if action in AWAY:
            setattr(world, AWAY[action], not getattr(world, AWAY[action]))
            return
        match action:
            case "approve" | "keep":
                decision = Decision.APPROVED if action == "approve" else Decision.KEPT_DOWN
                await chaos.decide(1, decision, who)
            case "abort":
                await chaos.abort(1, by=who.user)
            case "halt":
                await chaos.halt(who.user)
            case "resume":
                await chaos.resume(who)
            case "restore":
                await chaos.restore(1, who)
            case "another run":
                await chaos.propose(experiment("kill tikv-2"), by=who.user)
            case "node starts":
                world.start("tikv-1")
            case "restart":
                await self.clock.until(chaos.hand_over())
                self.safety.cancel()
                self.begin()
                await self.clock.until(self.chaos.take_up())

    async def calm(self):
        world = self.world
        world.pd_silent = world.backend_silent = world.refuse_rollback = False
        await self.clock.advance(400)  # the last retry of a restore is at most 300 s away
        for run in await self.journal.latest(100):
            await self.clock.until(self.chaos.wait(run))
        self.safety.cancel()
        await self.clock.until(self.chaos.close())


async def blown_through(storm, needed):
    clock = ManualClock()
    with TemporaryDirectory() as folder:
        async with await Journal.open(Path(folder) / "journal.sqlite3") as journal:
            watched = clock.busy.watching(journal)
            blowing = Storm(clock, watched, Policy(needed=needed))
            await blowing.chaos.propose(experiment("kill tikv-1"), by="U1")
            for after, action in storm:
                await clock.advance(after)
                with suppress(ChaosError):  # refused: that is an answer
                    await blowing.blow(action)
            await blowing.calm()
            histories = [await journal.history(n) for n in await journal.latest(100)]
            return blowing.world, histories


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(STORMS, st.integers(1, 2))
def test_no_fault_stays_behind_and_one_decision_is_made(storm, needed):
    world, histories = asyncio.run(blown_through(storm, needed))
    kept = set()
    for history in histories:
        report = fold(history)
        assert report.finished
        decisions = [r.event.decision for r in history if isinstance(r.event, Decided)]
        assert len(decisions) <= 1
        if report.broken:
            assert decisions == [Decision.KEPT_DOWN]
            kept.add(report.fault.node)
        stage = None
        for record in history:
            if isinstance(record.event, StageEntered):
                assert record.event.stage in PERMITTED[stage]
                stage = record.event.stage
            elif isinstance(record.event, RunFinished):
                stage = list(PERMITTED)[-1]
        folded = None
        for record in history:  # every prefix folds, and folding goes on where it stopped
            folded = advance(folded, record)
        assert folded == report
    assert {n.name for n in world.nodes_.values() if not n.running} <= kept


@given(
    st.lists(st.sampled_from([Decision.APPROVED, Decision.KEPT_DOWN]), max_size=12),
    st.integers(1, 5),
)
def test_votes_decide_once_whatever_their_order(decisions, needed):
    at = ManualClock().now()
    votes = [Vote(decision=d, by=f"U{n}", at=at) for n, d in enumerate(decisions)]
    policy, decided = Policy(needed=needed), None
    for end in range(len(votes) + 1):
        now = policy.decided(votes[:end])
        if decided is not None:
            break
        decided = now
    enough = max((decisions.count(d) for d in set(decisions)), default=0) >= needed
    assert (decided is not None) == enough
    assert decided is None or decisions.count(decided) >= needed

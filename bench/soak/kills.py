"""Kills: the bot is killed after random events and at random times, several times in each run."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from bench.soak.tally import Tally
from bot.domain.experiment import Stage
from tests.crash.ground import Ground, ground
from tests.crash.killing import ACKNOWLEDGED, Moment, play, settle
from tests.crash.scenes import (
    ABORTED,
    APPROVED,
    KEPT_DOWN,
    ORDINARY,
    REFUSED_VOTE,
    STUCK,
    UNCONFIRMED,
    Scene,
)

_MOST_IN_A_RUN = 6
_RUNS_ON_A_GROUND = 40  # then a fresh one: its folder and its channel stay small
_COMMANDS = ("kill tikv", "kill tikv", "pause tikv", "stop tikv", "kill pd", "pause pd")
_SCENES = {APPROVED: 70, ABORTED: 10, KEPT_DOWN: 10, REFUSED_VOTE: 8, STUCK: 2, UNCONFIRMED: 5}
_LATEST = 2.5  # seconds; as long as a run of the playground lasts
# Roughly in the order in which they come: what is asked for out of its order never does.
_ROUGHLY = (
    *("run_started", "checking", "target_chosen", "probes_answered", "guards_answered"),
    *("loading", "load_started", "load_sampled", "baseline_taken", "steady_state_seen"),
    *("injecting", "fault_planned", "fault_injected", "signal_seen", "detecting"),
    *("ticket_linked", "detection_ended", "diagnosing", "evidence_gathered", "diagnosed"),
    *("diagnosis_graded", "awaiting approval", "vote_cast", "decided", "restoring"),
    *("fault_rolled_back", "verifying", "recovery_judged", "run_finished"),
)
_STAGES = frozenset(stage.value for stage in Stage)
_MOMENTS = tuple(
    Moment(kind="stage_entered", stage=name) if name in _STAGES else Moment(kind=name)
    for name in _ROUGHLY
)


async def kill_again_and_again(tally: Tally, number: int) -> None:
    """One worker's share: until all kills of the tally are done, or taken by other workers."""
    dice = Random(f"{tally.seed}/{number}")
    while tally.untaken:
        async with ground() as made:
            for _ in range(_RUNS_ON_A_GROUND):
                if not tally.untaken:
                    break
                await _one_run(made, dice, tally)
        tally.left(made.left)


async def _one_run(made: Ground, dice: Random, tally: Tally) -> None:
    scene = _scene(dice)
    plan = _plan(dice, scene)[: tally.untaken]
    tally.taken += len(plan)
    story = await play(made, scene, plan)
    tally.taken -= len(plan)
    tally.kills += len(story.kills)
    verdict = story.verdict
    tally.restored += len(story.kills) if verdict.restored else 0
    tally.doubled_messages += verdict.doubled_messages
    tally.lost_decisions += verdict.lost_decisions
    tally.doubled_decisions += verdict.doubled_decisions
    tally.leaked_processes += verdict.strays
    if not verdict.fine:
        tally.violated(story.told(made))
        await settle(made)


def _scene(dice: Random) -> Scene:
    (scene,) = dice.choices(list(_SCENES), list(_SCENES.values()))
    return replace(scene, command=dice.choice(_COMMANDS))


def _plan(dice: Random, scene: Scene) -> list[Moment]:
    """Up to six moments: events in their order, times among them, and now and then a click."""
    many = dice.randint(1, _MOST_IN_A_RUN)
    plan = sorted((dice.choice(_MOMENTS) for _ in range(many)), key=_MOMENTS.index)
    own = sorted(scene.brings - {*ORDINARY, "noted"})
    if scene.dies_first_at:
        plan = [Moment(kind=scene.dies_first_at)]
    if own:
        plan.append(Moment(kind=dice.choice(own)))
    for place, _ in enumerate(plan):
        if dice.random() < 1 / 3:
            plan[place] = Moment(seconds=dice.uniform(0, _LATEST))
    if scene.answer and dice.random() < 1 / 4:
        plan.append(ACKNOWLEDGED)
    return plan

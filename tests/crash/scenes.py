"""Scenes: what people do while a run goes on, so that every kind of event occurs in some scene."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from bot.domain.experiment import Stage
from bot.sandbox.directory import APPROVER, STARTER
from tests.crash.book import Plot
from tests.crash.cluster import Playground
from tests.crash.ground import Ground

APPROVE, KEEP_DOWN = "approve_restore", "keep_down"
_LOOK = 0.02
_AGAIN = 1.0  # seconds until somebody who saw no effect types the same once more
_STARTS_WITHIN = 20.0
_WELL_WITHIN = 30.0
_LONGEST_AWAY = 12.0  # seconds, where no rollback is tried
_AWAY = 0.5  # seconds that the supervisor stays away after a rollback has failed

# What occurs in a run that nobody disturbs, in the order in which it does.
ORDINARY = (
    "stage_entered",
    "run_started",
    "target_chosen",
    "probes_answered",
    "guards_answered",
    "steady_state_seen",
    "load_started",
    "load_sampled",
    "baseline_taken",
    "fault_planned",
    "fault_injected",
    "signal_seen",
    "ticket_linked",
    "detection_ended",
    "evidence_gathered",
    "diagnosed",
    "diagnosis_graded",
    "vote_cast",
    "decided",
    "fault_rolled_back",
    "recovery_judged",
    "run_finished",
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One way for a run to go.

    Attributes:
        brings: The kinds of events for which this scene is there.
        command: What is typed to start it.
        answer: The button that the approver clicks; "" leaves it to the deadline.
        stranger: Whether somebody who may not approve clicks first.
        abort_in: The stage in which somebody aborts.
        supervisor_away: Whether the nodes' supervisor is away when the node is to be restored.
        dies_first_at: The kind of event after which the bot has to die to bring them about.
    """

    name: str
    brings: frozenset[str]
    command: str = "kill tikv"
    answer: str = APPROVE
    stranger: bool = False
    abort_in: Stage | None = None
    supervisor_away: bool = False
    dies_first_at: str = ""


APPROVED = Scene(name="approved", brings=frozenset({*ORDINARY, "noted"}))
REFUSED_VOTE = Scene(name="a stranger votes", brings=frozenset({"vote_refused"}), stranger=True)
ABORTED = Scene(name="aborted", brings=frozenset({"abort_asked"}), abort_in=Stage.DETECTING)
UNCONFIRMED = Scene(
    name="killed while the fault goes in",
    brings=frozenset({"ending_began"}),
    dies_first_at="fault_planned",
)
KEPT_DOWN = Scene(name="kept down, restored", brings=frozenset({"restore_asked"}), answer=KEEP_DOWN)
STUCK = Scene(
    name="cannot be restored at once", brings=frozenset({"rollback_failed"}), supervisor_away=True
)
SCENES = (APPROVED, REFUSED_VOTE, ABORTED, UNCONFIRMED, KEPT_DOWN, STUCK)


@dataclass
class Act:
    """A scene being played: the run goes to its end, however often the bot dies."""

    ground: Ground
    scene: Scene
    run: int = 0
    began: float = field(default_factory=time.monotonic)
    _typed: float = float("-inf")
    _answered: bool = False
    _away_since: float | None = None
    _failed_at: float | None = None
    _seen: Plot = field(default_factory=lambda: Plot(()))

    async def begin(self) -> int:
        """Type the command; the run's number. Raises TimeoutError."""
        ground = self.ground
        await ground.until_connected()
        async with asyncio.timeout(_WELL_WITHIN):
            while await ground.cluster.unwell():
                await asyncio.sleep(_LOOK)
        before = ground.book.newest()
        async with asyncio.timeout(_STARTS_WITHIN):
            typing = asyncio.ensure_future(
                ground.slack.user(STARTER).command(f"/chaos {self.scene.command}")
            )
            while not ground.book.of(ground.book.newest()).lines or ground.book.newest() == before:
                await asyncio.sleep(0.002)
        self.run = ground.book.newest()
        typing.add_done_callback(lambda done: done.exception())
        return self.run

    @property
    def over(self) -> bool:
        """Whether the run has ended and its node is back."""
        plot = self.ground.book.of(self.run)
        return plot.finished and not plot.broken

    async def play(self) -> None:
        """Do what people do, until it is over."""
        while not self.over:
            self._seen = self.ground.book.of(self.run)
            self._supervise(self._seen)
            if self.ground.connected:
                await self._do(self._seen)
            await asyncio.sleep(_LOOK)
        self.end()

    async def _do(self, plot: Plot) -> None:
        scene, run = self.scene, self.run
        if scene.abort_in and plot.stage == scene.abort_in and not plot.last("abort_asked"):
            await self._type(f"/chaos abort {run}")
        elif plot.finished and plot.broken and scene.answer == KEEP_DOWN:
            await self._type(f"/chaos restore {run}")
        elif plot.stage == Stage.AWAITING_APPROVAL and not plot.last("decided"):
            if scene.stranger and not plot.last("vote_refused"):
                await self._intrude()
            # A click that was acknowledged is not repeated: it must not get lost.
            elif scene.answer and not self._answered:
                self._answered = await self.ground.click(run, scene.answer)

    async def _intrude(self) -> None:
        """Click as somebody who may not; again only after a while, if nothing was recorded."""
        recently = time.monotonic() - self._typed < _AGAIN
        if not recently and await self.ground.click(self.run, APPROVE, STARTER):
            self._typed = time.monotonic()

    async def _type(self, line: str) -> None:
        if self._may_type():
            await self.ground.slack.user(APPROVER).command(line)

    def _may_type(self) -> bool:
        if time.monotonic() - self._typed < _AGAIN:
            return False
        self._typed = time.monotonic()
        return True

    def _supervise(self, plot: Plot) -> None:
        """Take the nodes' supervisor away before the restore, until that has failed once."""
        cluster = self.ground.cluster
        if not self.scene.supervisor_away or not isinstance(cluster, Playground):
            return
        now = time.monotonic()
        if self._away_since is None and plot.stage == Stage.AWAITING_APPROVAL:
            self._away_since = now
            cluster.freeze()
        if plot.last("rollback_failed") and self._failed_at is None:
            self._failed_at = now
        failed = self._failed_at is not None and now - self._failed_at > _AWAY
        if failed or (self._away_since is not None and now - self._away_since > _LONGEST_AWAY):
            cluster.thaw()

    def end(self) -> None:
        """Leave nobody away."""
        if isinstance(self.ground.cluster, Playground):
            self.ground.cluster.thaw()

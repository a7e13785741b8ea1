"""The same in containers: the bot is killed where a fault is in, or may be, and takes up its run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.cluster.pd import Pd
from bot.domain.experiment import Stage
from bot.engine.clock import SystemClock
from tests.crash.ground import ground
from tests.crash.killing import Moment, play
from tests.crash.scenes import APPROVED
from tests.docker.conftest import NODES, Containers, containers, engine

__all__ = ["containers", "engine"]  # fixtures
pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]
STORES = 3


class Compose:
    """Six nodes in containers (tests.crash.cluster.Cluster)."""

    def __init__(self, made: Containers) -> None:
        self._made = made

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "CHAOSBOT_CLUSTER": "docker",
            "CHAOSBOT_PD": self._made.pds,
            "CHAOSBOT_DOCKER_PROJECT": self._made.project,
            "CHAOSBOT_DETECTION_SECONDS": "10",
            "CHAOSBOT_ROLLBACK_SECONDS": "20",
            "CHAOSBOT_RECOVERY_SECONDS": "40",
        }

    async def broken(self) -> list[str]:
        states = await asyncio.to_thread(self._made.states)
        return [f"{name} {state}" for name, state in states.items() if state != "running"]

    async def unwell(self) -> list[str]:
        async with Pd(self._made.pds.split(","), clock=SystemClock()) as pd:
            view = await pd.look()
        up = [store for store in view.stores or () if store.state == "Up"]
        regions = view.regions
        well = len(up) == STORES and regions and not regions.pending_peer + regions.miss_peer
        return [] if well else ["the cluster is not well yet"]


@pytest.mark.parametrize(
    "moment",
    [
        Moment(kind="fault_planned"),
        Moment(kind="fault_injected"),
        Moment(kind="stage_entered", stage=Stage.AWAITING_APPROVAL.value),
    ],
    ids=str,
)
async def test_a_killed_bot_takes_up_its_run_in_containers(containers, moment):
    async with ground(Compose(containers)) as made:
        story = await play(made, replace(APPROVED, command="kill tikv"), [moment])
        assert story.kills == [moment]
        assert story.verdict.fine, story.told(made)
    assert made.left == []
    assert containers.in_network() == set(NODES)  # the load's container is gone too

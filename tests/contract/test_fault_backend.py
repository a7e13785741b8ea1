"""What every FaultBackend has to do, whatever runs the nodes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.cluster import Node, NodeState, Role
from bot.domain.errors import BadAnswer, ClusterError, FaultError, InjectionFailed, RollbackFailed
from bot.domain.fault import Fault, Injection
from tests.cluster.polling import until

TARGET = "tikv-1"


async def target(bench) -> Node:
    return next(n for n in await bench.backend.nodes() if n.name == TARGET)


async def plan(bench) -> Injection:
    node = (await target(bench)).model_copy(update={"store": 4})
    return await bench.backend.plan(Fault.KILL, node)


async def test_all_nodes_are_named_with_role_and_address(bench):
    nodes = await bench.backend.nodes()
    assert {n.role for n in nodes} == {Role.PD, Role.TIKV}
    assert all(n.state is NodeState.RUNNING and n.exit_code is None for n in nodes)
    assert all(n.addresses and n.started_at for n in nodes)


async def test_planned_but_not_injected_harms_nothing_and_its_rollback_neither(bench):
    before = await target(bench)
    injection = await plan(bench)
    assert bench.backend.supports(Fault.KILL).supported
    assert await target(bench) == before
    await bench.backend.rollback(injection)
    assert await target(bench) == before
    assert injection.node.store == 4
    assert injection.mend
    assert Injection.model_validate_json(injection.model_dump_json()) == injection


async def test_a_kill_is_injected_and_undone_by_another_bot_with_the_receipt_alone(bench):
    injection = await plan(bench)
    async with aclosing(bench.backend.events()) as events:
        told = asyncio.create_task(anext(events))
        await asyncio.sleep(0.1)  # until it listens; what it misses it asks for later
        began = datetime.now(UTC)
        await bench.backend.inject(injection)
        event = await asyncio.wait_for(told, 1)
    assert (event.node, event.event, event.exit_code) == (TARGET, "die", 137)
    assert timedelta(seconds=-0.01) < event.at - began < timedelta(seconds=1)
    dead = await target(bench)
    assert (dead.state, dead.exit_code, dead.oom_killed) == (NodeState.EXITED, 137, False)
    assert dead.finished_at is not None
    read = Injection.model_validate_json(injection.model_dump_json())
    await bench.other.rollback(read)
    back = await target(bench)
    assert (back.state, back.exit_code, back.restarts) == (NodeState.RUNNING, None, 1)
    await bench.backend.rollback(read)
    assert await target(bench) == back


async def test_an_undoing_right_after_the_harm_does_not_miss_it(bench, becomes):
    for _ in range(3):
        injection = await plan(bench)
        await bench.backend.inject(injection)
        await bench.backend.rollback(injection)
        now = await target(bench)
        assert now.state is NodeState.RUNNING
        assert now.restarts == injection.node.restarts + 1


async def test_a_half_injected_fault_is_undone(bench, becomes):
    injection = await plan(bench)
    task = asyncio.create_task(bench.backend.inject(injection))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await bench.backend.rollback(injection)
    await becomes(TARGET, "running")


async def test_somebody_else_restarted_the_node_already(bench, becomes):
    injection = await plan(bench)
    await bench.backend.inject(injection)
    await becomes(TARGET, "exited")
    await bench.hands.start(TARGET)
    before = await target(bench)
    await bench.backend.rollback(injection)
    assert await target(bench) == before


async def test_somebody_else_restarted_the_node_and_paused_it(bench, becomes):
    injection = await plan(bench)
    await bench.backend.inject(injection)
    await becomes(TARGET, "exited")
    await bench.hands.start(TARGET)
    await bench.hands.pause(TARGET)
    await becomes(TARGET, "paused")
    await bench.backend.rollback(injection)
    assert (await target(bench)).state is NodeState.RUNNING


async def test_an_unknown_node_cannot_be_planned_for(bench):
    nobody = Node(name="tikv-99/..", role=Role.TIKV, state=NodeState.RUNNING)
    with pytest.raises(FaultError, match=r"tikv-99/\.\. cannot be harmed: "):
        await bench.backend.plan(Fault.KILL, nobody)
    with pytest.raises(BadAnswer, match="404"):
        await bench.backend.logs("tikv-99", datetime.now(UTC))


async def test_a_dead_node_cannot_be_planned_for_or_injected_into(bench, becomes):
    injection = await plan(bench)
    await bench.hands.kill(TARGET)
    await becomes(TARGET, "exited")
    with pytest.raises(InjectionFailed, match="is not running"):
        await bench.backend.inject(injection)
    with pytest.raises(FaultError, match="is not running"):
        await plan(bench)
    await bench.backend.rollback(injection)
    assert (await target(bench)).state is NodeState.RUNNING


async def test_logs_since(bench, becomes):
    first = await bench.backend.logs(TARGET, datetime.now(UTC) - timedelta(minutes=5))
    assert any("Welcome to TiKV" in line for line in first)
    injection = await plan(bench)
    since = datetime.now(UTC)
    await bench.backend.inject(injection)
    await bench.backend.rollback(injection)

    async def welcome() -> bool:
        lines = await bench.backend.logs(TARGET, since)
        return any("Welcome to TiKV" in line for line in lines)

    await until(welcome)
    assert await bench.backend.logs(TARGET, datetime.now(UTC) + timedelta(minutes=1)) == []


async def test_when_what_runs_the_nodes_is_gone_everything_says_so(bench):
    injection = await plan(bench)
    await bench.hands.vanish()
    with pytest.raises(ClusterError, match="is not there"):
        await bench.backend.nodes()
    with pytest.raises(InjectionFailed):
        await bench.backend.inject(injection)
    with pytest.raises(RollbackFailed, match=injection.endpoint) as error:
        await bench.backend.rollback(injection)
    assert injection.mend in error.value.mend
    with pytest.raises(FaultError):
        await bench.backend.plan(Fault.KILL, injection.node)


async def test_a_receipt_of_another_backend_is_refused(bench):
    foreign = (await plan(bench)).model_copy(update={"backend": "moon"})
    with pytest.raises(RollbackFailed, match="moon"):
        await bench.backend.rollback(foreign)

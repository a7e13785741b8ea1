"""What every FaultBackend has to do, whatever runs the nodes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.cluster import Node, NodeEvent, NodeState, Role
from bot.domain.errors import BadAnswer, ClusterError, FaultError, InjectionFailed, RollbackFailed
from bot.domain.fault import Fault, Injection
from tests.cluster.polling import until

TARGET = "tikv-1"


async def target(bench) -> Node:
    return next(n for n in await bench.backend.nodes() if n.name == TARGET)


async def plan(bench, fault: Fault = Fault.KILL) -> Injection:
    node = (await target(bench)).model_copy(update={"store": 4})
    return await bench.backend.plan(fault, node)


def read_again(injection: Injection) -> Injection:
    return Injection.model_validate_json(injection.model_dump_json())


def cut_off(node: Node) -> bool:
    return bool(node.hosts) and not any(node.hosts[-1:])


async def is_broken(bench, fault: Fault, before: Node) -> bool:
    """Whether the node is as the fault leaves it."""
    now = await target(bench)
    return {
        Fault.KILL: (now.state, now.exit_code) == (NodeState.EXITED, 137),
        Fault.STOP: (now.state, now.exit_code) == (NodeState.EXITED, 0),
        Fault.PAUSE: now.state is NodeState.PAUSED,
        Fault.RESTART: now.state is NodeState.RUNNING and now.started_at > before.started_at,
        Fault.PARTITION: now.state is NodeState.RUNNING and cut_off(now),
    }[fault]


async def is_well(bench) -> bool:
    now = await target(bench)
    return now.state is NodeState.RUNNING and not cut_off(now)


async def test_all_nodes_are_named_with_role_and_address(bench):
    nodes = await bench.backend.nodes()
    assert {n.role for n in nodes} == {Role.PD, Role.TIKV}
    assert all(n.state is NodeState.RUNNING and n.exit_code is None for n in nodes)
    assert all((n.addresses or n.hosts) and n.started_at for n in nodes)


async def test_planned_but_not_injected_harms_nothing_and_its_rollback_neither(bench, fault):
    before = await target(bench)
    assert bench.backend.supports(fault).supported
    assert (await bench.backend.allows(fault, before)).supported
    injection = await plan(bench, fault)
    assert await target(bench) == before
    await bench.backend.rollback(injection)
    assert await target(bench) == before
    assert injection.node.store == 4
    assert injection.mend
    assert injection.does
    assert read_again(injection) == injection


async def test_a_fault_is_undone_by_another_bot_with_the_receipt_alone_and_again(bench, fault):
    injection = await plan(bench, fault)
    await bench.backend.inject(injection)
    await until(lambda: is_broken(bench, fault, injection.node))
    await bench.other.rollback(read_again(injection))
    assert await is_well(bench)
    back = await target(bench)
    await bench.backend.rollback(injection)
    assert await target(bench) == back


async def test_a_half_injected_fault_of_any_kind_is_undone(bench, fault):
    injection = await plan(bench, fault)
    for turns in (0, 1, 5):
        task = asyncio.create_task(bench.backend.inject(injection))
        for _ in range(turns):
            await asyncio.sleep(0.003)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bench.backend.rollback(injection)
        await until(lambda: is_well(bench))
        injection = await plan(bench, fault)


async def test_a_node_that_was_killed_meanwhile_is_put_right(bench, fault, becomes):
    injection = await plan(bench, fault)
    await bench.backend.inject(injection)
    with suppress(Exception):  # it may be dead already
        await bench.hands.kill(TARGET)
    await becomes(TARGET, "exited")
    await bench.backend.rollback(injection)
    assert await is_well(bench)


async def test_two_faults_on_one_node_are_refused(bench, becomes):
    kill, pause = await plan(bench, Fault.KILL), await plan(bench, Fault.PAUSE)
    await bench.backend.inject(pause)
    await becomes(TARGET, "paused")
    with pytest.raises(FaultError, match="is not running, it is paused"):
        await plan(bench, Fault.KILL)
    assert not (await bench.backend.allows(Fault.KILL, kill.node)).supported
    with pytest.raises(InjectionFailed, match="is not running, it is paused"):
        await bench.backend.inject(kill)
    await bench.backend.rollback(kill)
    await bench.backend.rollback(pause)
    assert await is_well(bench)


async def test_a_node_that_was_started_anew_since_the_plan_is_not_harmed(bench, becomes):
    injection = await plan(bench)
    await bench.hands.kill(TARGET)
    await becomes(TARGET, "exited")
    await bench.hands.start(TARGET)
    await becomes(TARGET, "running")
    with pytest.raises(InjectionFailed, match="started it anew"):
        await bench.backend.inject(injection)
    assert await is_well(bench)


async def test_a_node_that_dies_right_after_its_restore_is_told_of(bench):
    injection = await plan(bench)
    await bench.backend.inject(injection)
    async with aclosing(bench.backend.events()) as events:
        told = asyncio.create_task(_dies(events))
        await asyncio.sleep(0.2)
        await bench.backend.rollback(injection)
        await bench.hands.kill(TARGET)
        assert (await asyncio.wait_for(told, 3)).exit_code == 137


async def _dies(events) -> NodeEvent:
    async for event in events:
        if event.event == "die":
            return event
    raise AssertionError("the events ended")


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
    assert (back.state, back.exit_code) == (NodeState.RUNNING, None)
    assert back.started_at > injection.node.started_at
    await bench.backend.rollback(read)
    assert await target(bench) == back


async def test_an_undoing_right_after_the_harm_does_not_miss_it(bench, becomes):
    for _ in range(3):
        injection = await plan(bench)
        await bench.backend.inject(injection)
        await bench.backend.rollback(injection)
        now = await target(bench)
        assert now.state is NodeState.RUNNING
        assert now.started_at > injection.node.started_at


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
    with pytest.raises(BadAnswer, match=r"404|has no node tikv-99"):
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


@pytest.mark.parametrize("bench", ["processes"], indirect=True)
async def test_processes_say_why_they_have_no_partition(bench):
    said = bench.backend.supports(Fault.PARTITION)
    assert not said.supported
    assert "share the network" in said.why_not

"""What only containers can meet: networks, removal, and one made in the place of another."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.errors import FaultError, RollbackFailed
from bot.domain.fault import Fault
from tests.contract.test_fault_backend import TARGET, cut_off, is_well, plan, read_again, target

pytestmark = pytest.mark.docker


async def test_a_partition_keeps_names_and_addresses(bench):
    def ends() -> dict[str, tuple[set[str], str]]:
        found = bench.compose.container(TARGET).attrs["NetworkSettings"]["Networks"]
        return {name: (set(e["Aliases"]), e["IPAddress"]) for name, e in found.items()}

    before = ends()
    injection = await plan(bench, Fault.PARTITION)
    assert f"--alias {TARGET}" in injection.mend
    await bench.backend.inject(injection)
    assert ends() == {}
    now = await target(bench)
    assert cut_off(now)
    assert {TARGET} <= {host for hosts in now.hosts for host in hosts}  # still found by its names
    with pytest.raises(FaultError, match="on no network"):
        await plan(bench, Fault.KILL)
    await bench.other.rollback(read_again(injection))
    assert ends() == before


async def test_somebody_connected_it_again_but_forgot_its_name(bench):
    injection = await plan(bench, Fault.PARTITION)
    await bench.backend.inject(injection)
    container = bench.compose.container(TARGET)
    await asyncio.to_thread(bench.compose.network.connect, container)
    await bench.backend.rollback(injection)
    networks = bench.compose.container(TARGET).attrs["NetworkSettings"]["Networks"]
    assert TARGET in networks[bench.compose.network.name]["Aliases"]


@pytest.mark.parametrize("what", [Fault.KILL, Fault.PAUSE, Fault.PARTITION])
async def test_a_container_that_was_removed_is_said_loudly_with_the_command(bench, what):
    injection = await plan(bench, what)
    await bench.backend.inject(injection)
    await asyncio.to_thread(bench.compose.remove, TARGET)
    with pytest.raises(RollbackFailed, match="was removed") as wrong:
        await bench.backend.rollback(injection)
    assert f"docker compose -p {bench.compose.project} up -d {TARGET}" in wrong.value.mend


@pytest.mark.parametrize("what", [Fault.KILL, Fault.PARTITION])
async def test_a_container_that_was_made_anew_is_the_one_that_is_put_right(bench, what):
    injection = await plan(bench, what)
    await bench.backend.inject(injection)
    await asyncio.to_thread(bench.compose.remove, TARGET)
    await asyncio.to_thread(bench.compose.make, TARGET)
    await asyncio.to_thread(bench.compose.container(TARGET).kill)
    await bench.backend.rollback(injection)
    assert await is_well(bench)


async def test_a_node_on_no_network_of_its_own_cannot_be_cut_off(bench):
    await asyncio.to_thread(bench.compose.remove, TARGET)
    await asyncio.to_thread(lambda: bench.compose.make(TARGET, alone=True))
    said = await bench.backend.allows(Fault.PARTITION, await target(bench))
    assert not said.supported
    assert 'the engine\'s own network "none"' in said.why_not

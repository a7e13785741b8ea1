"""Harm: plans, injects and undoes any fault on any runtime; what all backends share.

Two faults on one node are refused: a node is harmed only if it runs, is the one that the receipt
was written for, and has not been started anew since.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bot.cluster.faults import Runtime, deed_of
from bot.domain.cluster import Node, NodeState
from bot.domain.errors import ClusterError, FaultError, InjectionFailed, RollbackFailed, Unsupported
from bot.domain.fault import Fault, Injection, Support
from bot.engine.ports import Clock

_RUNS_WITHIN: Final = 5.0  # seconds from the undoing


async def planned(runtime: Runtime, fault: Fault, node: Node) -> Injection:
    """The receipt that suffices to undo the fault. Harms nothing.

    Raises:
        Unsupported: the runtime cannot have this fault, or not on this node.
        FaultError: the node is not there, or does not run.
    """
    deed = deed_of(fault)
    support = deed.supported_by(runtime)
    if not support.supported:
        raise Unsupported(support.why_not)
    try:
        now = await runtime.node(node.name)
        container = await runtime.container(node.name)
    except ClusterError as error:
        raise FaultError(f"{node.name} cannot be harmed: {error}.", mend=error.mend) from error
    if now.state is not NodeState.RUNNING:
        raise FaultError(f"{node.name} cannot be harmed: {_not_running(now)}.")
    injection = Injection(
        backend=runtime.kind,
        endpoint=runtime.endpoint,
        fault=fault,
        node=now.model_copy(update={"store": node.store, "member": node.member}),
        mend="",
        container=container,
    )
    if obstacle := deed.obstacle(injection):
        raise Unsupported(f"{fault.value} is not possible on {node.name}: {obstacle}.")
    by_hand = {"mend": runtime.by_hand(deed.remedy, injection), "does": runtime.doing(injection)}
    return injection.model_copy(update=by_hand)


async def allowed(runtime: Runtime, fault: Fault, node: Node) -> Support:
    """Whether the fault is possible on that node as it is now, and if not, why not."""
    try:
        await planned(runtime, fault, node)
    except FaultError as error:
        return Support(supported=False, why_not=error.whole)
    return Support(supported=True)


async def injected(runtime: Runtime, injection: Injection) -> None:
    """Harm the node. Raises InjectionFailed; the node may then be half harmed."""
    try:
        await deed_of(injection.fault).inject(runtime, injection)
    except ClusterError as error:
        raise InjectionFailed(f"{injection.text} failed: {error}.", mend=error.mend) from error


async def undone(runtime: Runtime, injection: Injection, clock: Clock) -> None:
    """Put the node right, and see it run. Idempotent; safe on a half-injected fault.

    Raises:
        RollbackFailed: it does not run.
        ClusterError: it cannot be asked, or refuses.
    """
    now = injection.node
    try:
        await deed_of(injection.fault).undo(runtime, injection)
        async with asyncio.timeout(_RUNS_WITHIN):
            while (now := await runtime.node(now.name)).state is not NodeState.RUNNING:
                await clock.sleep(0.02)
    except TimeoutError:
        raise RollbackFailed(
            f"{now.name} is {now.state.value} {_RUNS_WITHIN:g} s after its start.",
            mend=f"Look at its log, then run: {injection.mend}",
        ) from None


def _not_running(node: Node) -> str:
    return f"{node.name} is not running, it is {node.state.value}"

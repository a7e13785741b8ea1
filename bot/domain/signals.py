"""Signals: the ways in which a failure shows, each found on its own by comparing two views.

No order is assumed: on a real cluster leaders move before or after PD says Disconnected.
"""

from __future__ import annotations

from bot.domain.cluster import Node, Role, View
from bot.domain.experiment import Signal
from bot.domain.invariants import LOST


def expected(node: Node, before: View, *, loaded: bool) -> tuple[Signal, ...]:
    """The signals that the loss of a node should give, in the order in which views list them."""
    if node.role is Role.PD:
        return (Signal.NODE_EXIT, Signal.PD_MEMBER_LOST, Signal.TICKET_OPENED)
    store = before.store(node.store)
    leads = store is not None and store.leaders > 0
    signals = [Signal.NODE_EXIT]
    if leads and loaded:
        signals.append(Signal.CLIENT_IMPACT)
    if leads:
        signals.append(Signal.LEADERS_MOVED)
    return (*signals, Signal.PD_DISCONNECTED, Signal.TICKET_OPENED)


def shown(node: Node, before: View, now: View, *, settled: bool) -> dict[Signal, str]:
    """The signals that PD shows now, each with its detail.

    `settled`: PD's leader is old enough to be believed about stores.
    """
    if node.role is Role.PD:
        lost = any(m.name == node.name and not m.healthy for m in now.members or ())
        return {Signal.PD_MEMBER_LOST: f"member {node.name}"} if lost else {}
    was, store = before.store(node.store), now.store(node.store)
    if was is None or store is None:
        return {}
    found = {}
    if store.state in LOST and settled:
        found[Signal.PD_DISCONNECTED] = f"store {store.id} {store.state.value}"
    if was.leaders > 0 and store.leaders == 0:
        moved = "1 leader" if was.leaders == 1 else f"{was.leaders} leaders"
        found[Signal.LEADERS_MOVED] = f"{moved} left store {store.id}"
    return found

"""Signals: the ways in which a failure shows, each found on its own by comparing two views.

No order is assumed: on a real cluster leaders move before or after PD says Disconnected.
"""

from __future__ import annotations

from bot.domain.cluster import Node, Role, View
from bot.domain.experiment import Signal
from bot.domain.fault import Fault
from bot.domain.invariants import LOST

# What the backend tells of the node itself, at once.
_OWN = {
    Fault.KILL: Signal.NODE_EXIT,
    Fault.STOP: Signal.NODE_EXIT,
    Fault.RESTART: Signal.NODE_EXIT,
    Fault.PAUSE: Signal.NODE_PAUSED,
    Fault.PARTITION: Signal.NODE_CUT_OFF,
}


def own(fault: Fault) -> Signal:
    """The signal that the backend itself gives of a fault."""
    return _OWN[fault]


def awaited(fault: Fault, role: Role, *, leads: bool, loaded: bool) -> tuple[Signal, ...]:
    """The signals that must come, in the order in which views list them; others are welcome.

    A node that is restarted may be back before anybody but its backend has noticed. A store that
    stops in good order hands its leaders away first, so that clients need not feel it.
    """
    if not fault.lasts:
        return (own(fault),)
    if role is Role.PD:
        return (own(fault), Signal.PD_MEMBER_LOST, Signal.TICKET_OPENED)
    signals = [own(fault)]
    if leads and loaded and fault is not Fault.STOP:
        signals.append(Signal.CLIENT_IMPACT)
    if leads:
        signals.append(Signal.LEADERS_MOVED)
    return (*signals, Signal.PD_DISCONNECTED, Signal.TICKET_OPENED)


def expected(
    node: Node, before: View, *, loaded: bool, fault: Fault = Fault.KILL
) -> tuple[Signal, ...]:
    """The signals that a fault on the node should give, as `awaited`."""
    store = before.store(node.store)
    leads = store is not None and store.leaders > 0
    return awaited(fault, node.role, leads=leads, loaded=loaded)


def shown(node: Node, before: View, now: View, *, settled: bool) -> dict[Signal, str]:
    """The signals that PD shows now, each with its detail.

    `settled`: PD's leader is old enough to be believed about stores.
    """
    if node.role is Role.PD:
        name = node.member or node.name
        lost = any(m.name == name and not m.healthy for m in now.members or ())
        return {Signal.PD_MEMBER_LOST: f"member {name}"} if lost else {}
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

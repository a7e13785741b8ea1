"""Nodes as observations: what runs, what does not any more, and how that came about.

Exit codes are Docker's: 128 + the signal's number for a process that a signal ended.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.diagnosis.observation import Observation, at_most, clock_time, listed, unasked
from bot.domain.cluster import Node, NodeState, Role, View
from bot.domain.evidence import Fact, FactKind

_SIGNALLED: Final = 128
_MOST: Final = 8
_SLACK: Final = timedelta(seconds=2)  # a start that is reckoned from ticks wavers


def observe_nodes(before: View, now: View) -> list[Observation]:
    """One observation for each node that changed; the ones that run on are summed up in one."""
    if now.nodes is None:
        return [unasked("nodes", "The state of the nodes", now.at, now.unanswered.get("nodes", ""))]
    changed: list[Observation] = []
    steady: list[Node] = []
    for node in sorted(now.nodes, key=lambda n: n.name):
        was = before.node(node.name)
        if node.state is not NodeState.RUNNING:
            changed.append(_down(node, was, now))
        elif was is not None and _restarted(node, was):
            changed.append(_restart(node, now))
        else:
            steady.append(node)
    gone = sorted({n.name for n in before.nodes or ()} - {n.name for n in now.nodes})
    changed += [
        Observation(source="nodes", at=now.at, text=f"{name} is no longer there at all.")
        for name in gone
    ]
    changed = at_most(changed, _MOST, "nodes that changed")
    if steady:
        running = Observation(
            source="nodes",
            at=now.at,
            text=f"{'Running' if before.nodes is None else 'Running on unchanged'}: {listed((n.name for n in steady), most=12)}.",
            facts=tuple(_fact(FactKind.NODE_RUNNING, n) for n in steady),
        )
        changed.append(running)
    return changed + _quorum(now)


def _fact(kind: FactKind, node: Node, number: float | None = None) -> Fact:
    return Fact(kind=kind, node=node.name, store=node.store, number=number)


def _restarted(node: Node, was: Node) -> bool:
    if was.state is not NodeState.RUNNING:
        return True
    if was.started_at is None or node.started_at is None:
        return node.restarts > was.restarts
    return node.restarts > was.restarts or node.started_at - was.started_at > _SLACK


def _restart(node: Node, now: View) -> Observation:
    since = f" since {clock_time(node.started_at)}" if node.started_at else ""
    return Observation(
        source="nodes",
        at=node.started_at or now.at,
        text=f"{node.label} runs, but not without a break: it was started anew{since} "
        f"({node.restarts} restarts by its keeper in all).",
        facts=(_fact(FactKind.NODE_RESTARTED, node),),
    )


def _down(node: Node, was: Node | None, now: View) -> Observation:
    if was is not None and was.state is node.state:
        return Observation(
            source="nodes",
            at=was.finished_at or now.at,
            text=f"{node.label} is {node.state.value}, and was before: nothing new.",
        )
    if node.state is NodeState.PAUSED:
        return Observation(
            source="nodes",
            at=now.at,
            text=f"{node.label} is paused: its process exists and does not run.",
            facts=(_fact(FactKind.NODE_PAUSED, node),),
        )
    facts = [_fact(FactKind.NODE_EXITED, node, node.exit_code)]
    if node.oom_killed is not None:
        kind = FactKind.OUT_OF_MEMORY if node.oom_killed else FactKind.ENOUGH_MEMORY
        facts.append(_fact(kind, node))
    memory = {
        None: "Whether for lack of memory is not known",
        True: "The system ended it for lack of memory",
        False: "It was not for lack of memory",
    }[node.oom_killed]
    when = f" at {clock_time(node.finished_at)}" if node.finished_at else ""
    ran = ""
    if node.finished_at and node.started_at and node.finished_at > node.started_at:
        ran = f" after running {(node.finished_at - node.started_at).total_seconds():,.0f} s"
    return Observation(
        source="nodes",
        at=node.finished_at or now.at,
        text=f"{node.label} has exited{when}{ran} with {_code(node.exit_code)}. {memory}. "
        f"Restarts: {node.restarts}.",
        facts=tuple(facts),
    )


def _code(code: int | None) -> str:
    if code is None:
        return "a code that is not known"
    return f"code {code}" + (f" (signal {code - _SIGNALLED})" if code > _SIGNALLED else "")


def _quorum(now: View) -> list[Observation]:
    """PD's quorum as the nodes show it, which is also known where PD says nothing."""
    members = [n for n in now.nodes or () if n.role is Role.PD]
    running = [n for n in members if n.state is NodeState.RUNNING]
    if not members or len(running) > len(members) // 2:
        return []
    fact = Fact(kind=FactKind.PD_QUORUM_LOST, number=len(running), of=len(members))
    text = f"Of {len(members)} PD nodes {len(running)} run: PD can have no quorum."
    return [Observation(source="nodes", at=now.at, text=text, facts=(fact,))]

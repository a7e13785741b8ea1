"""Logs as observations: the telling lines of every node, and the absence of a last word.

Lines that say the same thing are told once with their number, the most telling ones first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.diagnosis.lines import Line, Tells
from bot.diagnosis.observation import Observation, clock_time
from bot.diagnosis.redact import cut, redact
from bot.domain.cluster import Node, NodeState, View
from bot.domain.evidence import Fact, FactKind

_MOST: Final = 18  # observations from all logs
_EACH: Final = 6  # from one log
_SAID: Final = 170  # characters of a line that are told
BEFORE: Final = timedelta(seconds=60)  # a log is read from so long before on
_SLACK: Final = timedelta(seconds=1)  # a node's clock may be a little off ours

_ABOUT: Final = re.compile(r"\[(unreachable_store_id|to_store_id|to_store|store_id)=(\d{1,18})\]")
_ADDRESS: Final = re.compile(r"[\w.-]{1,100}:\d{1,5}\b")
_NUMBER: Final = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?(?:ms|s)?\b")
_PEER: Final = re.compile(r"\[(?:peer|remote-peer-name)=\"?([\w.-]{1,80})")


def observe_logs(
    logs: Mapping[str, Sequence[Line]], now: View, since: datetime
) -> list[Observation]:
    """What the logs tell; `logs` maps the names of the nodes whose log could be read to it.

    They begin before `since`, by `BEFORE`: there stand the last words of a node that fell silent.
    All else that is told is from `since` on.
    """
    recent = {name: [x for x in lines if x.at >= since] for name, lines in logs.items()}
    nodes = {n.name: n for n in now.nodes or ()}
    ends: list[Observation] = []
    lines: list[tuple[Tells, Observation]] = []
    for name in sorted(logs):
        node = nodes.get(name)
        if node is not None and node.state is not NodeState.RUNNING:
            ends.append(_end(node, logs[name], since))
        lines += _selected(name, node, recent[name], now)
    lines.sort(key=lambda pair: pair[0])  # stable: by node within what is equally telling
    quiet = _quiet(recent, nodes, since)
    told = [seen for _, seen in lines][: max(0, _MOST - len(ends) - len(quiet) - 1)]
    total = sum(len(parsed) for parsed in recent.values())
    rest = Observation(
        source="logs",
        at=now.at,
        text=f"{total:,} log lines of {len(logs)} nodes since {clock_time(since)} were read; "
        f"{len(lines) - len(told)} more kinds of telling lines are left out.",
    )
    return [*ends[:_EACH], *quiet, *told, rest] if logs else []


def _last_words(node: Node, lines: Sequence[Line]) -> list[Line]:
    """The shutdown lines of the process that ended, not of one before it."""
    begun = node.started_at - _SLACK if node.started_at else None
    return [x for x in lines if x.tells is Tells.SHUTDOWN and (begun is None or x.at >= begun)]


def _end(node: Node, lines: Sequence[Line], since: datetime) -> Observation:
    words = _last_words(node, lines)
    kind = FactKind.SHUTDOWN_LOGGED if words else FactKind.NO_SHUTDOWN_LOGGED
    told = (
        f"it has shutdown lines since {clock_time(words[0].at)}"
        if words
        else "it has no shutdown line"
    )
    if lines:
        last = lines[-1]
        text = f"{node.label}'s log ends at {clock_time(last.at)} with “{cut(redact(last.text), _SAID)}”; {told}."
    else:
        text = f"{node.label}'s log has no line since {clock_time(since - BEFORE)}; {told}."
    return Observation(
        source="logs",
        at=lines[-1].at if lines else since,
        text=text,
        facts=(Fact(kind=kind, node=node.name, store=node.store),),
    )


def _quiet(
    logs: Mapping[str, Sequence[Line]], nodes: Mapping[str, Node], since: datetime
) -> list[Observation]:
    """Nodes that run and write nothing, while all others of their role that run do."""
    found = []
    for name in sorted(logs):
        node = nodes.get(name)
        if node is None or node.state is not NodeState.RUNNING or logs[name]:
            continue
        others = [
            n.name
            for n in nodes.values()
            if n.role is node.role and n.state is NodeState.RUNNING and n.name != name
        ]
        if others and all(logs.get(other) for other in others):
            fact = Fact(kind=FactKind.LOG_SILENT, node=name, store=node.store)
            text = f"{node.label} runs, but its log has no line since {clock_time(since)}; the others of its kind log."
            found.append(Observation(source="logs", at=since, text=text, facts=(fact,)))
    return found[:_EACH]


def _selected(
    name: str, node: Node | None, lines: Sequence[Line], now: View
) -> list[tuple[Tells, Observation]]:
    groups: dict[tuple[Tells, str], list[Line]] = {}
    for line in lines:
        if line.tells is not Tells.NOTHING:
            message = _NUMBER.sub("#", line.text[:_SAID].split("] [", 1)[0])
            groups.setdefault((line.tells, f"{message} {_about(line, now) or ''}"), []).append(line)
    chosen = sorted(groups.items(), key=lambda item: (item[0][0], item[1][0].at))[:_EACH]
    return [(tells, _told(name, node, tells, same, now)) for (tells, _), same in chosen]


def _told(
    name: str, node: Node | None, tells: Tells, same: Sequence[Line], now: View
) -> Observation:
    first, last = same[0], same[-1]
    times = f" ({len(same)} times until {clock_time(last.at)})" if len(same) > 1 else ""
    level = f" {first.level}" if first.level else ""
    store = node.store if node else None
    facts: list[Fact] = []
    if tells is Tells.PANIC:
        facts.append(Fact(kind=FactKind.PANIC_LOGGED, node=name, store=store))
    elif tells is Tells.DISK_FULL:
        facts.append(Fact(kind=FactKind.DISK_FULL_LOGGED, node=name, store=store))
    elif tells is Tells.PD_AWAY:
        facts.append(Fact(kind=FactKind.PD_COMPLAINT, node=name, store=store))
    if (
        tells in (Tells.UNREACHABLE, Tells.PD_AWAY)
        and (about := _about(first, now))
        and about != name
    ):
        met = now.node(about)
        facts.append(
            Fact(
                kind=FactKind.PEER_COMPLAINT,
                node=about,
                store=met.store if met else None,
                other=name,
            )
        )
    return Observation(
        source="logs",
        at=first.at,
        text=f"{name} logs at {clock_time(first.at)}{times}{level}: {cut(redact(first.text), _SAID)}",
        facts=tuple(facts),
    )


def _about(line: Line, now: View) -> str | None:
    """The node that a line cannot reach, by store id, address or name."""
    if line.tells not in (Tells.UNREACHABLE, Tells.PD_AWAY):
        return None
    fields = {key: int(number) for key, number in _ABOUT.findall(line.text)}
    for key in ("unreachable_store_id", "to_store_id", "to_store", "store_id"):
        if key in fields:
            return next((n.name for n in now.nodes or () if n.store == fields[key]), None)
    addresses = set(_ADDRESS.findall(line.text))
    named = _PEER.search(line.text)
    for node in now.nodes or ():
        if addresses & set(node.addresses) or (named and named[1] == node.name):
            return node.name
    return None

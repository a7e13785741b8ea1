"""Figures as observations: what clients get, and what the nodes count of themselves.

A healthy loaded cluster has a few failed updates each second (write conflicts), so errors are
always told beside those of before. Metrics are read once and count from a process' start, so
only those are told that mean something on their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.diagnosis.observation import Observation, at_most, clock_time, listed
from bot.domain.cluster import View
from bot.domain.evidence import Fact, FactKind
from bot.domain.load import DIP, LoadSample, first_stall

_WARM: Final = 3  # with more samples than these the first one, a warm-up, is left out
_SLOW: Final = 10.0  # TiKV's slow score of a healthy disk is 1; PD evicts from 80 on
_MOST_METRICS: Final = 6
_NOW: Final = 3  # samples that make "now"


def observe_load(
    samples: Sequence[LoadSample], baseline: float | None, since: datetime, at: datetime
) -> list[Observation]:
    """What clients get, in operations a second, and the errors before and now."""
    taken = list(samples[1:] if len(samples) > _WARM else samples)
    if not taken:
        return [Observation(source="load", at=at, text="No load was measured.")]
    last = taken[-1]
    if not baseline:
        text = f"Clients get {last.ops:,.0f} ops/s; what they got before is not known."
        return [Observation(source="load", at=last.at, text=text)]
    stall = first_stall(taken, baseline, since)
    after = [s for s in taken if s.at > since]
    if not after:
        text = f"Nothing was measured since {clock_time(since)}; before, clients got {baseline:,.0f} ops/s."
        return [Observation(source="load", at=last.at, text=text)]
    now = sum(s.ops for s in after[-_NOW:]) / len(after[-_NOW:])
    if stall is None:
        fact = Fact(kind=FactKind.CLIENTS_SERVED, number=now, of=baseline)
        text = f"Clients get {now:,.0f} ops/s of their baseline of {baseline:,.0f}; they never fell below half of it."
        seen = [Observation(source="load", at=last.at, text=text, facts=(fact,))]
    else:
        lowest = min(s.ops for s in after)
        end = (
            f"it still lasts after {max(0.0, (last.at - stall.began_at).total_seconds()):.1f} s"
            if stall.ended_at is None
            else f"it was over at {clock_time(stall.ended_at)}, after {stall.seconds:.1f} s; now {now:,.0f}"
        )
        text = (
            f"Clients fell from {baseline:,.0f} to {lowest:,.0f} ops/s, below {DIP:.0%} since "
            f"{clock_time(stall.began_at)}; {end}."
        )
        fact = Fact(kind=FactKind.CLIENTS_STALLED, number=lowest, of=baseline)
        seen = [Observation(source="load", at=stall.began_at, text=text, facts=(fact,))]
    turn = stall.began_at if stall else since
    return [*seen, *_errors(taken, turn)]


def _errors(samples: Sequence[LoadSample], turn: datetime) -> list[Observation]:
    def rate(part: Sequence[LoadSample]) -> str:
        seconds = sum(s.interval for s in part)
        return (
            f"{sum(s.errors for s in part) / seconds:.1f} a second" if seconds > 0 else "not known"
        )

    text = (
        f"Failed operations: {rate([s for s in samples if s.at <= turn])} before "
        f"{clock_time(turn)}, {rate([s for s in samples if s.at > turn])} since. "
        "A few are normal (write conflicts)."
    )
    return [Observation(source="load", at=samples[-1].at, text=text)]


def observe_metrics(
    metrics: Mapping[str, Mapping[str, float]], now: View, at: datetime, since: datetime
) -> list[Observation]:
    """Who answers, who does not, and the values that tell something by themselves."""
    if not metrics:
        return [Observation(source="metrics", at=at, text="No node's metrics answer.")]
    stores = {n.name: n.store for n in now.nodes or ()}
    mute = sorted(set(stores) - set(metrics))
    silent = [Fact(kind=FactKind.METRICS_SILENT, node=n, store=stores[n]) for n in mute]
    answer = [
        Fact(kind=FactKind.METRICS_ANSWER, node=n, store=stores.get(n)) for n in sorted(metrics)
    ]
    text = f"Metrics answer: {listed(sorted(metrics), most=12)}."
    if mute:
        text += f" They do not answer: {listed(mute, most=12)}."
    seen = [Observation(source="metrics", at=at, text=text, facts=(*silent, *answer))]
    telling = [
        Observation(source="metrics", at=at, text=f"{node}: {said}.", facts=facts)
        for node in sorted(metrics)
        for said, facts in _telling(node, stores.get(node), metrics[node], since)
    ]
    return [*seen, *at_most(telling, _MOST_METRICS - 1, "metrics that tell something")]


def _telling(
    node: str, store: int | None, values: Mapping[str, float], since: datetime
) -> list[tuple[str, tuple[Fact, ...]]]:
    found: list[tuple[str, tuple[Fact, ...]]] = []
    for metric in sorted(values):
        value = values[metric]
        name = metric.split("{", 1)[0]
        match name:
            case "tikv_raftstore_slow_score" if value >= _SLOW:
                fact = Fact(kind=FactKind.SLOW_DISK, node=node, store=store, number=value)
                found.append((f"{metric} = {value:g} (1 is well, 100 the worst)", (fact,)))
            case "etcd_server_has_leader" if value == 0:
                found.append((f"{metric} = 0: it sees no PD leader", ()))
            case "process_start_time_seconds" if value > since.timestamp():
                found.append((f"its process started only after {clock_time(since)}", ()))
            case "tikv_engine_write_stall" | "tikv_pd_reconnect_total" if value > 0:
                found.append((f"{metric} = {value:g}, since it was started", ()))
            case "tikv_server_report_failure_msg_total" if value > 0:
                found.append((f"{metric} = {value:g}, since it was started", ()))
            case "pd_cluster_status" if value > 0 and _bad_count(metric):
                found.append((f"{metric} = {value:g}", ()))
            case "pd_regions_status" if value > 0 and re.search(
                r'type="(miss|down|pending)-', metric
            ):
                found.append((f"{metric} = {value:g}", ()))
            case _:
                pass
    return found


def _bad_count(metric: str) -> bool:
    words = r"disconnected|down|unhealth|low_space|slow|offline"
    return re.search(rf'type="store_(?:{words})_count"', metric) is not None

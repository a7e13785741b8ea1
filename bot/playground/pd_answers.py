"""PD's answers: the JSON of its HTTP API, made from what the PDs know. Keys, types and omissions are PD's."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot.playground.placement import REPLICAS, Beat, Region, Report, Sight, state_name
from bot.playground.timers import Timers

SECOND = 1_000_000_000
"""Nanoseconds."""
KIB = 1024
CHECKS: dict[str, Callable[[Region, Report], bool]] = {
    "miss-peer": lambda region, _: len(region.peers) < REPLICAS,
    "extra-peer": lambda region, _: len(region.peers) > REPLICAS,
    "down-peer": lambda _, report: bool(report.down),
    "pending-peer": lambda _, report: bool(report.pending),
    "offline-peer": lambda _region, _report: False,
    "learner-peer": lambda _region, _report: False,
    "empty-region": lambda _, report: report.size <= 1,
}
"""What `/regions/check/...` lists."""


def go_duration(nanoseconds: int) -> str:
    """A duration as Go prints it: `83h36m2.84s`, `30m0s`, `1.5s`, `350ms`, `0s`."""
    if nanoseconds < SECOND:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if nanoseconds >= size:
                return f"{_trim(nanoseconds / size)}{unit}"
        return "0s"
    seconds, rest = divmod(nanoseconds, SECOND)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{seconds}{fraction}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def go_size(size: int) -> str:
    """A size as PD prints it: `252GiB`, `251.7GiB`, `0B`."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= KIB and len(units) > 1:
        value /= KIB
        units.pop(0)
    return f"{value:.4g}{units[0]}"


def go_time(nanoseconds: int) -> str:
    """A moment as Go's RFC 3339 with nanoseconds: no zeros at the end."""
    seconds, rest = divmod(nanoseconds, SECOND)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def _trim(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _omit_zero(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {k: v for k, v in value.items() if v or k not in keys}


def store(sight: Sight, number: int, now: int, timers: Timers) -> dict[str, Any]:
    """One element of `/stores`; `now` is nanoseconds since 1970."""
    known = sight.placement.stores[number]
    beat = sight.beats.get(number, Beat())
    reports = [sight.reports[r.id] for r in sight.placement.regions.values() if number in r.peers]
    led = [report for report in reports if report.leader == number]
    start = known["start_timestamp"]
    status = {
        "capacity": go_size(beat.capacity),
        "available": go_size(beat.available),
        "used_size": go_size(beat.used),
        "leader_count": len(led),
        "leader_weight": 1,
        "leader_score": len(led),
        "leader_size": sum(report.size for report in led),
        "region_count": len(reports),
        "region_weight": 1,
        "region_score": sum(report.size for report in reports),
        "region_size": sum(report.size for report in reports),
        "slow_score": 1 if beat.at else 0,
        "pending_peer_count": sum(number in report.pending for report in reports),
        "start_ts": go_time(start * SECOND),
        "last_heartbeat_ts": go_time(beat.at),
        "uptime": go_duration(beat.at - start * SECOND) if beat.at else "",
    }
    return {
        "store": {
            "id": number,
            "address": known["address"],
            "version": known["version"],
            "status_address": known["status_address"],
            "git_hash": known["git_hash"],
            "start_timestamp": start,
            "deploy_path": known["deploy_path"],
            "last_heartbeat": beat.at,
            "node_state": 1,
            "state_name": state_name(beat.at, now, timers),
        },
        "status": _omit_zero(status, "pending_peer_count", "slow_score", "uptime"),
    }


def stores(sight: Sight, now: int, timers: Timers, wanted: set[str]) -> dict[str, Any]:
    """`/stores`; `wanted` are values of `?state=`, and tombstones there are none."""
    numbers = [] if wanted and "0" not in wanted else list(sight.placement.stores)
    random.shuffle(numbers)  # a real PD gives them in another order in each answer
    found = [store(sight, number, now, timers) for number in numbers]
    return {"count": len(found), "stores": found}


def region(of: Region, report: Report) -> dict[str, Any]:
    """One element of `/regions`."""

    def peer(store: int) -> dict[str, Any]:
        return {"role_name": "Voter", "id": of.peers[store], "store_id": store}

    down = [{"down_seconds": s, "peer": peer(store)} for store, s in report.down.items()]
    value = {
        "id": of.id,
        "start_key": of.start.encode().hex().upper(),
        "end_key": of.end.encode().hex().upper(),
        "epoch": {"conf_ver": 5, "version": 6},
        "peers": [peer(store) for store in of.peers],
        "leader": peer(report.leader) if report.leader else {"role_name": "Voter"},
        "down_peers": down,
        "pending_peers": [peer(store) for store in report.pending],
        "cpu_usage": 0,
        "written_bytes": report.written_bytes,
        "read_bytes": report.read_bytes,
        "written_keys": report.written_keys,
        "read_keys": report.read_keys,
        "approximate_size": report.size,
        "approximate_keys": report.keys,
    }
    return _omit_zero(value, "down_peers", "pending_peers")


def regions(sight: Sight, keep: Callable[[Region, Report], bool]) -> dict[str, Any]:
    """`/regions` and its relatives: those that `keep` keeps."""
    pairs = [(r, sight.reports.get(r.id, Report())) for r in sight.placement.regions.values()]
    found = [region(r, report) for r, report in pairs if keep(r, report)]
    return {"count": len(found), "regions": found}


def region_stats(sight: Sight) -> dict[str, Any]:
    """`/stats/region`; a store that leads nothing is absent from the leader counts."""
    every = [(r, sight.reports.get(r.id, Report())) for r in sight.placement.regions.values()]
    value: dict[str, Any] = {
        "count": len(every),
        "empty_count": sum(report.size <= 1 for _, report in every),
        "storage_size": sum(report.size for _, report in every),
        "user_storage_size": 0,
        "storage_keys": sum(report.keys for _, report in every),
    }
    amounts: list[tuple[str, Callable[[Report], int]]] = [
        ("count", lambda _: 1),
        ("size", lambda report: report.size),
        ("keys", lambda report: report.keys),
    ]
    sums: dict[str, dict[str, int]] = {}
    for name, amount in amounts:
        for role in ("leader", "peer"):
            total = sums.setdefault(f"store_{role}_{name}", {})
            for r, report in every:
                for number in [report.leader] if role == "leader" else r.peers:
                    if number:
                        total[str(number)] = total.get(str(number), 0) + amount(report)
    order = ["leader_count", "peer_count", "leader_size", "leader_keys", "peer_size", "peer_keys"]
    return value | {f"store_{name}": sums[f"store_{name}"] for name in order}


def hot_stores(sight: Sight) -> dict[str, Any]:
    """`/hotspot/stores`: nothing is ever hot here."""
    zero = {str(number): 0 for number in sight.placement.stores}
    kinds = [
        f"{what}-{way}-rate" for what in ("bytes", "keys", "query") for way in ("write", "read")
    ]
    return {kind: dict(zero) for kind in kinds}


def transfer_operator(number: int, source: int, target: int) -> str:
    """One element of `/operators`."""
    return (
        f"balance-leader {{transfer leader: store {source} to {target}}} "
        f"(kind:leader, region:{number}(6, 5), currentStep:0, size:1, "
        f"steps:[0:{{transfer leader from store {source} to store {target}}}], timeout:[1m0s])"
    )

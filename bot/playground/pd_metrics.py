"""PD's metrics, in Prometheus' text format: cluster, regions and stores as the leader sees them."""

from collections.abc import Iterable

from bot.playground.pd_answers import CHECKS
from bot.playground.placement import Beat, Sight, state_name
from bot.playground.timers import Timers

Sample = tuple[dict[str, str], float]
"""Labels and value."""


def family(name: str, text: str, samples: Iterable[Sample], kind: str = "gauge") -> str:
    """One family of metrics."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
        lines.append(f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}")
    return "\n".join(lines) + "\n"


def member_metrics(*, leads: bool, has_leader: bool) -> str:
    """What every member tells."""
    return (
        family(
            "etcd_server_has_leader",
            "Whether or not a leader exists. 1 is existence, 0 is not.",
            [({}, has_leader)],
        )
        + family(
            "etcd_server_is_leader",
            "Whether or not this member is a leader. 1 if is, 0 otherwise.",
            [({}, leads)],
        )
        + family(
            "service_member_role",
            "The leader/primary of services",
            [({"service": "PD"}, leads)],
        )
    )


def leader_metrics(sight: Sight, health: dict[str, bool], now: int, timers: Timers) -> str:
    """What the leader tells; `health` is by member name, `now` nanoseconds since 1970."""
    cluster: list[Sample] = []
    scheduler: list[Sample] = []
    for number, known in sorted(sight.placement.stores.items()):
        beat = sight.beats.get(number, Beat())
        name = state_name(beat.at, now, timers)
        held = sum(number in r.peers for r in sight.placement.regions.values())
        figures = {
            "leader_count": sight.leader_count(number),
            "learner_count": 0,
            "region_count": held,
            "storage_capacity": beat.capacity,
            "storage_size": beat.used,
            "store_disconnected_count": name == "Disconnected",
            "store_down_count": name == "Down",
            "store_low_space_count": beat.available < 0.2 * beat.capacity,
            "store_offline_count": 0,
            "store_preparing_count": 0,
            "store_removed_count": 0,
            "store_removing_count": 0,
            "store_serving_count": 1,
            "store_slow_count": 0,
            "store_tombstone_count": 0,
            "store_unhealth_count": 0,
            "store_up_count": name == "Up",
            "witness_count": 0,
        }
        labels = {"engine": "tikv", "store": str(number)}
        cluster += [({**labels, "type": kind}, value) for kind, value in figures.items()]
        labels = {"address": known["address"], "store": str(number)}
        seen = {
            "leader_count": sight.leader_count(number),
            "region_count": held,
            "store_available": beat.available,
            "store_capacity": beat.capacity,
            "store_used": beat.used,
        }
        scheduler += [({**labels, "type": kind}, value) for kind, value in seen.items()]
    every = [(r, sight.reports[r.id]) for r in sight.placement.regions.values()]
    regions: list[Sample] = [
        (
            {"type": f"{check.removesuffix('-region')}-region-count"},
            sum(map(keep, *zip(*every, strict=True))) if every else 0,
        )
        for check, keep in CHECKS.items()
    ]
    members = [({"name": name}, float(up)) for name, up in sorted(health.items())]
    return (
        family("pd_cluster_health_status", "Status of the cluster.", members)
        + family("pd_cluster_status", "Status of the cluster.", cluster)
        + family("pd_regions_status", "Status of the regions.", regions)
        + family("pd_scheduler_store_status", "Store status for schedule", scheduler)
    )

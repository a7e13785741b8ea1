"""Metrics: what the nodes count of themselves (engine.ports.Metrics), from their `/metrics`.

Stores are asked at their status address, PDs at their client URL. Of the thousands of series
that a real node has, those are kept that tell faults apart; histograms as their sum and count.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Final, Self

from prometheus_client.parser import text_string_to_metric_families

from bot.cluster.answers import client, fetch
from bot.domain.cluster import Node, View
from bot.domain.errors import ClusterError

_WITHIN: Final = 1.5
_LIMIT: Final = 8 * 1024 * 1024
_SERIES: Final = 200
_GAUGES: Final = (
    "tikv_grpc_msg_fail_total",
    "tikv_raftstore_region_count",
    "tikv_raftstore_log_lag",
    "tikv_server_report_failure_msg_total",
    "tikv_pd_reconnect_total",
    "tikv_store_size_bytes",
    "tikv_engine_write_stall",
    "tikv_raftstore_slow_score",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "pd_cluster_status",
    "pd_regions_status",
    "pd_scheduler_store_status",
    "etcd_server_has_leader",
    "etcd_server_is_leader",
)
_HISTOGRAMS: Final = (
    "tikv_grpc_msg_duration_seconds",
    "tikv_raftstore_append_log_duration_seconds",
    "tikv_raftstore_commit_log_duration_seconds",
    "tikv_raftstore_apply_log_duration_seconds",
)
WANTED: Final = frozenset(_GAUGES) | {f"{h}_{s}" for h in _HISTOGRAMS for s in ("sum", "count")}


class NodeMetrics:
    """Asks the nodes themselves, those of a view, all at once, 1.5 s each at most."""

    def __init__(self) -> None:
        self._http = client()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def read(self, view: View) -> dict[str, dict[str, float]]:
        """Node name -> metric (with its labels, as it is written) -> value, of what answers.

        Never raises: a node that does not answer, or answers no metrics, is not in it.
        """
        where = addresses(view)
        answers = await asyncio.gather(*(self._ask(name, url) for name, url in where.items()))
        return {name: found for name, found in zip(where, answers, strict=True) if found}

    async def _ask(self, name: str, url: str) -> dict[str, float]:
        try:
            body = await fetch(self._http, url, who=name, within=_WITHIN, limit=_LIMIT)
            return selected(body.decode(errors="replace"))
        except (ClusterError, ValueError):
            return {}


def addresses(view: View) -> dict[str, str]:
    """Node name -> where its metrics are: "http://127.0.0.1:20180/metrics"."""
    found: dict[str, str] = {}
    for store in view.stores or ():
        node = next((n for n in view.nodes or () if store.address in n.addresses), None)
        if store.status_address:
            name = node.name if node else f"store {store.id}"
            found[name] = f"http://{_reached(store.status_address, node)}/metrics"
    for member in view.members or ():
        node = next((n for n in view.nodes or () if member.name == n.member), None)
        for url in member.client_urls[:1]:
            scheme, _, where = url.rstrip("/").rpartition("://")
            reached = f"{scheme or 'http'}://{_reached(where, node)}"
            found[node.name if node else member.name] = f"{reached}/metrics"
    return found


def _reached(address: str, node: Node | None) -> str:
    """The address with the node's IP address for its host, where that is known.

    What a cluster advertises are names inside its network, which mean nothing outside of it.
    """
    hosts = node.hosts[-1] if node and node.hosts else ()
    return f"{hosts[0]}:{address.rpartition(':')[2]}" if hosts else address


def selected(text: str) -> dict[str, float]:
    """The wanted metrics of an exposition: 'name{label="value"}' -> value, at most 200 of them.

    Raises:
        ValueError: it is none.
    """
    found: dict[str, float] = {}
    for family in text_string_to_metric_families("\n".join(_wanted(text)) + "\n"):
        for sample in family.samples:
            if math.isfinite(sample.value) and len(found) < _SERIES:
                found[_written(sample.name, sample.labels)] = sample.value
    return found


def _wanted(text: str) -> Iterable[str]:
    """Only these lines are parsed: a real node's exposition is too long to parse it all."""
    for line in text.splitlines():
        if line.partition("{")[0].partition(" ")[0] in WANTED:
            yield line


def _written(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return name
    escaped = (
        v.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"') for v in labels.values()
    )
    pairs = ",".join(f'{k}="{v}"' for k, v in zip(labels, escaped, strict=True))
    return f"{name}{{{pairs}}}"

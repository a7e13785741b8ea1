from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cluster.metrics import NodeMetrics, selected
from bot.domain.cluster import Member, Node, NodeState, Role, Store, StoreState, View
from tests.cluster.replay import ANSWERS, saying, serving, speaking

STORE = """
# HELP tikv_raftstore_region_count Number of regions.
# TYPE tikv_raftstore_region_count gauge
tikv_raftstore_region_count{type="leader"} 12
tikv_raftstore_region_count{type="region"} 36
tikv_grpc_msg_duration_seconds_bucket{type="raw_get",le="0.1"} 7
tikv_grpc_msg_duration_seconds_sum{type="raw_get"} 0.5
tikv_grpc_msg_duration_seconds_count{type="raw_get"} 7
tikv_server_report_failure_msg_total{type="unreachable",store_id="4"} 3
tikv_unheard_of 1
process_resident_memory_bytes 1.5e+07
"""


def view(store: str, pd: str) -> View:
    node = Node(name="tikv-1", role=Role.TIKV, state=NodeState.RUNNING, addresses=("a:1",))
    return View(
        at=datetime.now(UTC),
        nodes=(node,),
        stores=(
            Store(id=4, address="a:1", status_address=store, state=StoreState.UP),
            Store(id=5, address="b:1", state=StoreState.UP),
        ),
        members=(Member(name="pd-1", client_urls=(pd,), healthy=True),),
    )


async def test_each_node_by_its_name():
    pd_text = (ANSWERS / "healthy.prom").read_text()
    async with (
        serving(saying(200, STORE)) as store,
        serving(saying(200, pd_text)) as pd,
        NodeMetrics() as metrics,
    ):
        read = await metrics.read(view(store.removeprefix("http://"), pd))
    assert read["tikv-1"] == {
        'tikv_raftstore_region_count{type="leader"}': 12,
        'tikv_raftstore_region_count{type="region"}': 36,
        'tikv_grpc_msg_duration_seconds_sum{type="raw_get"}': 0.5,
        'tikv_grpc_msg_duration_seconds_count{type="raw_get"}': 7,
        'tikv_server_report_failure_msg_total{type="unreachable",store_id="4"}': 3,
        "process_resident_memory_bytes": 1.5e7,
    }
    assert read["pd-1"]["etcd_server_is_leader"] == 1
    name = 'pd_cluster_status{engine="tikv",store="1",type="store_disconnected_count"}'
    assert read["pd-1"][name] == 0


@pytest.mark.parametrize("text", ["<html>", "", "tikv_store_size_bytes{ 1", "\x00\xff"])
async def test_a_node_without_an_answer_is_left_out(text):
    async with (
        serving(saying(200, text)) as store,
        speaking(b"HTTP/1.1 200 OK\r\n") as pd,
        NodeMetrics() as metrics,
    ):
        assert await metrics.read(view(store.removeprefix("http://"), pd)) == {}


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_no_text_makes_it_fail_otherwise(text):
    with suppress(ValueError):
        lines = f"tikv_raftstore_log_lag{text}\nprocess_cpu_seconds_total {text}"
        assert len(selected(lines)) <= 200

"""A store is killed, paused, stopped; what the others, PD and the load make of it."""

import re
import time

import httpx
import pytest

from tests.playground.conftest import eventually


def log(playground, name, since=None):
    params = {"since": since} if since else {}
    return playground.http.get(f"/nodes/{name}/logs", params=params).text


def test_every_store_leads_regions_and_reports_itself(playground):
    for n in (1, 2, 3):
        status = playground.node(f"tikv-{n}")["status_address"]
        answer = playground.web.get(f"http://{status}/status")
        assert (answer.status_code, answer.text) == (200, "")
        metrics = playground.web.get(f"http://{status}/metrics").text
        assert 'tikv_raftstore_region_count{type="leader"} 2\n' in metrics
        assert 'tikv_raftstore_region_count{type="region"} 6\n' in metrics
        assert playground.web.get(f"http://{status}/config").json()["raftstore"]
    lines = log(playground, "tikv-1").splitlines()
    assert "stand-in" in lines[0]
    assert '["Welcome to TiKV"]' in lines[1]
    assert any('["TiKV is ready to serve"]' in line for line in lines)
    assert all(
        re.match(
            r"\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} \+00:00\] \[[A-Z]+\] \[\w+\.\w+:\d+\] \[", x
        )
        for x in lines
    )


def test_a_killed_store_loses_its_leaders_stalls_the_load_and_comes_back(playground, load):
    running = load("run", "--target", "200")
    eventually(lambda: running.rate() > 150)
    since = playground.node("tikv-1")["started_at"]
    killed = time.monotonic()
    playground.signal("tikv-1", "SIGKILL")
    eventually(lambda: playground.node("tikv-1")["state"] == "exited", every=0)
    node = playground.node("tikv-1")
    assert (node["exit_code"], node["signal"], node["pid"]) == (137, "SIGKILL", None)
    eventually(lambda: running.rate(0.3) < 20, within=2)
    eventually(lambda: playground.leaders("tikv-1") == 0, within=5)
    assert 0.7 < time.monotonic() - killed < 5
    eventually(lambda: playground.state("tikv-1") == "Disconnected", within=5)
    assert playground.stores()["tikv-1"]["status"]["pending_peer_count"] == 2
    assert playground.ask("regions/check/pending-peer").json()["count"] == 2
    assert playground.ask("regions/check/miss-peer").json()["count"] == 0
    assert playground.ask("regions/check/down-peer").json()["count"] == 0
    eventually(lambda: running.rate() > 150, within=5)
    peer = log(playground, "tikv-2", since)
    assert '["connection abort"] [store_id=' in peer
    assert '["broadcasting unreachable"]' in peer
    metrics = playground.web.get(
        f"http://{playground.node('tikv-2')['status_address']}/metrics"
    ).text
    assert 'tikv_server_report_failure_msg_total{store_id="' in metrics
    playground.start("tikv-1")
    eventually(lambda: playground.state("tikv-1") == "Up", within=3)
    eventually(
        lambda: "pending_peer_count" not in playground.stores()["tikv-1"]["status"], within=3
    )
    eventually(playground.whole)
    assert running.stop() == 0
    assert "Run finished, takes" in running.text
    assert playground.node("tikv-1")["restarts"] == 1


def test_a_paused_store_runs_on_as_the_same_process(playground):
    before = playground.stores()["tikv-2"]["store"]
    playground.signal("tikv-2", "SIGSTOP")
    eventually(lambda: playground.node("tikv-2")["state"] == "paused", every=0)
    answer = playground.http.post("/nodes/tikv-2/start")
    assert (answer.status_code, answer.text) == (
        409,
        "tikv-2 is paused; send it SIGCONT to let it run on.\n",
    )
    status = playground.node("tikv-2")["status_address"]
    with pytest.raises(httpx.ReadTimeout):
        playground.web.get(f"http://{status}/status", timeout=0.2)
    eventually(lambda: playground.leaders("tikv-2") == 0, within=5)
    eventually(lambda: playground.state("tikv-2") == "Disconnected", within=5)
    playground.signal("tikv-2", "SIGCONT")
    eventually(lambda: playground.state("tikv-2") == "Up", within=3)
    after = playground.stores()["tikv-2"]["store"]
    assert after["start_timestamp"] == before["start_timestamp"]
    assert playground.node("tikv-2")["state"] == "running"


def test_a_stopped_store_hands_its_leaders_away_first(playground):
    playground.signal("tikv-3", "SIGTERM")
    eventually(lambda: playground.node("tikv-3")["state"] == "exited", within=5)
    node = playground.node("tikv-3")
    assert (node["exit_code"], node["signal"]) == (0, None)
    said = log(playground, "tikv-3")
    assert said.index('["starting graceful shutdown"]') < said.index('["All leaders evicted"]')
    assert playground.leaders("tikv-3") == 0
    playground.start("tikv-3")


def test_what_was_written_outlives_its_leader(playground, load):
    assert load("load", "--target", "0").process.wait(15) == 0
    playground.signal("tikv-1", "SIGKILL")
    reader = load("run", "-p", "readproportion=1", "-p", "updateproportion=0")
    eventually(lambda: reader.count() > 50)
    assert "_ERROR" not in reader.text
    playground.start("tikv-1")

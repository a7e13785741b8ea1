"""The playground's PD against what a real PD was recorded to say."""

import json
import re
from pathlib import Path

import pytest

from tests.playground.conftest import eventually

RECORDINGS = Path(__file__).parents[1] / "data/pd"
BY_TIKV = {"status_address", "git_hash", "start_timestamp", "deploy_path", "slow_score"}
"""What a TiKV tells PD, and the recorded stores did not."""
MAYBE = {"pending_peer_count", "pending_peers", "down_peers"}
"""What is left out when it is zero."""
PATHS = sorted(
    answer["path"]
    for answer in json.loads((RECORDINGS / "healthy.json").read_text())
    if "/store/" not in answer["path"]
)


def shape(value):
    """Keys and types, all the way down; ids that are keys are alike."""
    if isinstance(value, dict):
        if value and all(key.isdigit() for key in value):
            return {"<id>": shape(next(iter(value.values())))}
        return {k: shape(v) for k, v in value.items() if k not in BY_TIKV | MAYBE}
    if isinstance(value, list):
        shapes = [shape(item) for item in value]
        assert all(one == shapes[0] for one in shapes)
        return shapes[:1]
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "text"


def without_schedulers(body):
    """A configuration without the one list whose elements differ in a real one, too."""
    schedule = body.get("schedule", body)
    schedule.pop("schedulers-v2", None)
    return body


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_shape_of_a_real_one(playground, recorded, path):
    real = recorded[path]
    for pd in playground.pds:
        answer = playground.web.get(f"{pd}{path}")
        assert answer.status_code == real["status"]
        if isinstance(real["body"], str):
            assert answer.text.strip('"\n') == real["body"].strip("\n")
            continue
        assert answer.headers["content-type"].startswith("application/json")
        said, body = answer.json(), real["body"]
        if "/config" in path:
            said, body = without_schedulers(said), without_schedulers(body)
        assert shape(said) == shape(body)


def test_one_store_is_shown_as_among_all(playground, recorded):
    number = playground.stores()["tikv-1"]["store"]["id"]
    assert shape(playground.ask(f"store/{number}").json()) == shape(
        recorded["/pd/api/v1/store/1"]["body"]
    )
    missing = playground.ask("store/999", pd="pd-1")
    assert (missing.status_code, missing.json()) == (
        404,
        "[PD:core:ErrStoreNotFound]store 999 not found",
    )


def test_store_ids_are_allocated_as_pd_allocates_them(playground):
    assert sorted(s["store"]["id"] for s in playground.stores().values()) == [1, 4, 5]


def test_the_regions_of_one_store_are_asked_apart(playground):
    answer = playground.ask("regions/store/4").json()
    assert answer["count"] == len(answer["regions"]) == 6
    assert all(4 in [p["store_id"] for p in r["peers"]] for r in answer["regions"])


@pytest.mark.parametrize(
    "family",
    [
        "pd_cluster_status",
        "pd_regions_status",
        "pd_scheduler_store_status",
        "etcd_server_is_leader",
    ],
)
def test_the_leaders_metrics_have_the_series_of_a_real_one(playground, family):
    url = playground.node(playground.pd_leader())["client_url"]

    def series(text):
        lines = [line for line in text.splitlines() if re.match(rf"{family}[ {{]", line)]
        return {re.sub(r'(store|address)="[^"]*"', r'\1=""', x.rpartition(" ")[0]) for x in lines}

    ours = series(playground.web.get(f"{url}/metrics").text)
    real = series((RECORDINGS / "healthy.prom").read_text())
    if family == "pd_regions_status":
        assert {line for line in real if "size" not in line and "witness" not in line} == ours
    else:
        assert ours == real


def test_a_killed_leader_is_500_and_then_another_with_old_heartbeats(playground):
    leader = playground.pd_leader()
    other = next(n for n in ("pd-1", "pd-2", "pd-3") if n != leader)
    playground.signal(leader, "SIGKILL")
    refused = eventually(lambda: _not_ok(playground, other), every=0)
    assert refused.status_code == 500
    assert refused.text == "[PD:apiutil:ErrRedirect]redirect failed\n"
    assert playground.ask("ping", pd=other).status_code == 200
    health = {m["name"]: m["health"] for m in playground.ask("health", pd=other).json()}
    assert health == {n: n != leader for n in health}
    first = eventually(lambda: _ok(playground, other), every=0)
    states = {s["store"]["state_name"] for s in first.json()["stores"]}
    assert states <= {"Up", "Disconnected"}
    eventually(lambda: {playground.state(f"tikv-{n}") for n in (1, 2, 3)} == {"Up"}, within=3)
    assert playground.pd_leader() != leader
    playground.start(leader)
    eventually(lambda: _ok(playground, leader))


def _ok(playground, name):
    answer = playground.ask("stores", pd=name, timeout=1)
    return answer if answer is not None and answer.status_code == 200 else None


def _not_ok(playground, name):
    answer = playground.ask("stores", pd=name, timeout=1)
    return answer if answer is not None and answer.status_code != 200 else None


def test_without_a_quorum_there_is_no_leader_and_health_says_who_is_away(playground):
    leader = playground.pd_leader()
    last, *away = sorted(("pd-1", "pd-2", "pd-3"), key=lambda name: name == leader)
    for name in away:
        playground.signal(name, "SIGKILL")
    for path in ("stores", "members", "leader", "regions"):
        assert playground.ask(path, pd=last).text == "[PD:apiutil:ErrRedirect]redirect failed\n"
    health = {m["name"]: m["health"] for m in playground.ask("health", pd=last).json()}
    assert health == {n: n == last for n in health}
    for name in away:
        playground.start(name)
    eventually(playground.pd_leader)


def test_a_paused_leader_hangs_and_its_followers_with_it_until_another_leads(playground):
    leader = playground.pd_leader()
    other = next(n for n in ("pd-1", "pd-2", "pd-3") if n != leader)
    playground.signal(leader, "SIGSTOP")
    assert playground.ask("stores", pd=leader, timeout=0.3) is None
    assert playground.ask("stores", pd=other, timeout=0.1) is None
    eventually(lambda: _ok(playground, other))
    asked = playground.ask("health", pd=other)
    assert asked.elapsed.total_seconds() > 0.9
    assert {m["name"]: m["health"] for m in asked.json()}[leader] is False
    playground.signal(leader, "SIGCONT")
    eventually(lambda: playground.ask("leader", pd=leader).json()["name"] != leader)

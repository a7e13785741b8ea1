"""The rules, over what real components said of seven faults and of none."""

import asyncio
from datetime import datetime, timedelta

import pytest

from bot.diagnosis.diagnostician import Blind
from bot.diagnosis.observation import MOST
from bot.diagnosis.redact import LONGEST
from bot.domain.cluster import Node, NodeState, StoreState
from bot.domain.diagnosis import Confidence, Diagnosis, grounded
from bot.domain.evidence import Evidence
from bot.engine.clock import SystemClock
from bot.engine.ports import Scene
from tests.diagnosis.recorded import (
    Figures,
    Logs,
    line,
    node_of,
    of,
    recording,
    running,
    scene,
    view,
)

NODES = ("pd0", "pd1", "pd2", "tikv0", "tikv1", "tikv2")
Made = tuple[tuple[Evidence, ...], Diagnosis]


def judge(seen: Scene, logs: Logs | None = None, figures: Figures | None = None) -> Made:
    async def both() -> Made:
        blind = Blind(logs or Logs(), figures, None, "no Claude key is set", SystemClock())
        evidence = await blind.gather(seen)
        return evidence, await blind.diagnose(evidence, NODES)

    evidence, diagnosis = asyncio.run(both())
    assert [e.id for e in evidence] == [f"E{n}" for n in range(1, len(evidence) + 1)]
    assert len(evidence) <= MOST
    assert all(len(e.text) <= LONGEST for e in evidence)
    assert all(grounded(c, evidence) for c in diagnosis.claims)
    assert len(diagnosis.claims) <= 8
    assert all(len(c.text) <= LONGEST for c in diagnosis.claims)
    assert diagnosis.by == "rules"
    assert diagnosis.why == "no Claude key is set"
    assert diagnosis.next_step
    return evidence, diagnosis


def at(seen: Scene, seconds: float) -> datetime:
    return seen.since + timedelta(seconds=seconds)


def peers_complain(seen: Scene, store: int, address: str, *names: str) -> dict[str, list[str]]:
    unreachable = f'["broadcasting unreachable"] [store_id=1] [unreachable_store_id={store}]'
    return {
        name: [
            line(
                at(seen, 0.4), "ERROR", f'["connection abort"] [store_id={store}] [addr={address}]'
            ),
            line(at(seen, 0.5), "WARN", unreachable),
            line(at(seen, 1.5), "WARN", unreachable),
        ]
        for name in names
    }


def test_nothing_is_wrong():
    told, seen = of("healthy")
    load = [[t + 4, interval, ops] for t, interval, ops in told["load"]]
    _, diagnosis = judge(scene(seen.before, seen.now, load))
    assert (diagnosis.component, diagnosis.fault) == (None, None)
    assert diagnosis.confidence is Confidence.MEDIUM
    _, diagnosis = judge(seen)  # nothing of the load is known since
    assert diagnosis.confidence is Confidence.LOW
    assert diagnosis.summary == "Nothing is seen to be wrong"


def test_a_kill_with_logs():
    _, seen = of("store-kill")
    logs = Logs(peers_complain(seen, 12, "tikv1:20160", "tikv0", "tikv2"))
    logs.lines["tikv1"] = [line(at(seen, -3), "INFO", '["apply snapshot"] [region_id=2]')]
    evidence, diagnosis = judge(seen, logs)
    assert (diagnosis.component, diagnosis.fault) == ("tikv1", "kill")
    assert diagnosis.summary == "tikv1 (store 12) died abruptly"
    assert diagnosis.confidence is Confidence.HIGH
    texts = [c.text for c in diagnosis.claims]
    assert texts[0] == "Its process ended with exit 137 and wrote no shutdown line."
    assert "It cannot be reached, says the log of tikv0 and tikv2." in texts
    assert [c.text for c in diagnosis.claims if c.against] == [
        "Had it been out of memory, the system would say so; it says it was not."
    ]
    ends = next(e.text for e in evidence if "log ends" in e.text)
    assert "tikv1 (store 12)'s log ends at " in ends
    assert ends.endswith("it has no shutdown line.")
    assert any("(2 times until" in e.text for e in evidence)


def test_a_kill_without_logs():
    _, diagnosis = judge(of("store-kill")[1])
    assert (diagnosis.component, diagnosis.fault) == ("tikv1", "kill")
    assert diagnosis.confidence is Confidence.HIGH


def test_a_pause():
    _, seen = of("store-pause")
    _, diagnosis = judge(seen)
    assert (diagnosis.component, diagnosis.fault) == ("tikv2", "pause")
    assert diagnosis.summary == "tikv2 (store 13) is frozen: its process is paused"
    assert diagnosis.confidence is Confidence.HIGH


@pytest.mark.parametrize("logged", [True, False])
def test_a_graceful_stop(logged):
    _, seen = of("store-stop")
    logs = Logs()
    if logged:
        logs.lines["tikv0"] = [
            line(at(seen, 0.1), "INFO", '["receive signal 15, stopping server..."]'),
            line(at(seen, 0.2), "INFO", '["starting graceful shutdown"]'),
            line(at(seen, 0.9), "INFO", '["All leaders evicted"]'),
        ]
    _, diagnosis = judge(seen, logs)
    assert (diagnosis.component, diagnosis.fault) == ("tikv0", "stop")
    assert diagnosis.confidence is Confidence.HIGH
    assert ("shutdown lines" in diagnosis.claims[0].text) is logged


@pytest.mark.parametrize("logged", [True, False])
def test_a_partition(logged):
    _, seen = of("partition-store")
    logs = Logs()
    if logged:
        logs.lines = peers_complain(seen, 13, "tikv2:20160", "tikv0", "tikv1")
        logs.lines["tikv2"] = [
            line(
                at(seen, 2),
                "ERROR",
                '["failed to connect to PD member"] [endpoints=http://pd1:2379]',
            )
        ]
    _, diagnosis = judge(seen, logs)
    assert (diagnosis.component, diagnosis.fault) == ("tikv2", "partition")
    texts = [c.text for c in diagnosis.claims]
    assert ("Its own log says that it cannot reach PD." in texts) is logged


def test_a_pd_leader_killed():
    told, seen = of("pd-leader-kill")
    _, diagnosis = judge(seen)
    assert (diagnosis.component, diagnosis.fault) == ("pd1", "kill")
    assert diagnosis.confidence is Confidence.HIGH
    # The new leader's first answer calls two healthy stores Disconnected.
    dead = [node_of(i) for i in told["inspect"]]
    first = view(told["first_answer"], dead)
    assert [s.state.value for s in first.stores].count("Disconnected") == 2
    evidence, diagnosis = judge(scene(seen.before, first, told["load"]))
    assert (diagnosis.component, diagnosis.fault) == ("pd1", "kill")
    assert any("PD's leader is new" in e.text for e in evidence)
    # and without knowing how the nodes stand, no store is blamed for it
    blind = first.model_copy(update={"nodes": None, "unanswered": {"nodes": "the engine is away"}})
    evidence, diagnosis = judge(scene(seen.before, blind, told["load"]))
    assert diagnosis.component == "pd1"
    assert diagnosis.fault is None
    assert any(
        e.text == "The state of the nodes could not be asked: the engine is away." for e in evidence
    )


@pytest.mark.parametrize("state", [NodeState.PAUSED, NodeState.RUNNING])
def test_a_pd_leader_paused(state):
    told = recording("pd-leader-pause")
    healthy = view(recording("healthy")["before"]).model_copy(update={"pd_leader": "pd0"})
    down = running("tikv2").model_copy(
        update={"state": NodeState.EXITED, "exit_code": 2, "store": 13}
    )
    states = {s.address: s for s in healthy.stores}
    stores = tuple(
        states[a].model_copy(update={"state": StoreState(w)}) for a, w in told["states"].items()
    )
    nodes = tuple(down if n.name == "tikv2" else n for n in healthy.nodes)
    before = healthy.model_copy(update={"nodes": nodes, "stores": stores})
    members = tuple(
        m.model_copy(update={"healthy": told["health"][m.name]}) for m in before.members
    )
    now = before.model_copy(
        update={
            "nodes": tuple(
                n.model_copy(update={"state": state}) if n.name == "pd0" else n for n in nodes
            ),
            "members": members,
            "pd_leader": told["leader"],
        }
    )
    logs = Logs(
        {
            n: [] if n == "pd0" else [line(before.at, "INFO", '["campaign PD leader ok"]')]
            for n in NODES
        }
    )
    evidence, diagnosis = judge(scene(before, now, told["load"]), logs)
    assert (diagnosis.component, diagnosis.fault) == ("pd0", "pause")
    assert any(
        e.text == "tikv2 (store 13) is exited, and was before: nothing new." for e in evidence
    )


def killed(name: str) -> Node:
    return running(name).model_copy(
        update={"state": NodeState.EXITED, "exit_code": 137, "oom_killed": False}
    )


def test_a_pd_quorum_lost():
    before = view(recording("healthy")["before"]).model_copy(update={"pd_leader": "pd1"})
    now = view(recording("pd-quorum-lost")["during"], [killed("pd0"), killed("pd1")], before.at)
    evidence, diagnosis = judge(scene(before, now))
    assert (diagnosis.component, diagnosis.fault) == ("pd1", "kill")
    assert diagnosis.summary == "PD has lost its quorum: pd1 died abruptly, and pd0 ended too"
    assert any(
        "PD's stores could not be asked: PD said: [PD:apiutil:ErrRedirect]" in e.text
        for e in evidence
    )
    blind = now.model_copy(update={"nodes": None})
    _, diagnosis = judge(scene(before, blind))
    assert (diagnosis.component, diagnosis.fault) == ("pd1", None)
    assert diagnosis.confidence is not Confidence.HIGH


def changed(name: str, **update: object) -> Scene:
    _, seen = of("store-kill")
    nodes = [n.model_copy(update=update) if n.name == name else n for n in seen.now.nodes]
    return scene(seen.before, seen.now.model_copy(update={"nodes": tuple(nodes)}))


def test_out_of_memory():
    _, diagnosis = judge(changed("tikv1", oom_killed=True))
    assert (diagnosis.component, diagnosis.fault) == ("tikv1", "oom")


def test_a_crash():
    _, diagnosis = judge(changed("tikv1", exit_code=2))
    assert (diagnosis.component, diagnosis.fault) == ("tikv1", "crash")
    assert "Had it been killed, its exit code would be 137; it is 2." in [
        c.text for c in diagnosis.claims if c.against
    ]


def test_what_is_not_known_of_memory_lowers_the_confidence():
    seen = changed("tikv1", oom_killed=None)
    blind = seen.now.model_copy(update={"stores": None})
    _, diagnosis = judge(scene(seen.before, blind))
    assert (diagnosis.component, diagnosis.fault) == ("tikv1", "kill")
    assert diagnosis.confidence is not Confidence.HIGH


def test_a_shutdown_that_was_cut_short():
    seen = changed("tikv1")
    logs = Logs({"tikv1": [line(at(seen, 0), "INFO", '["starting graceful shutdown"]')]})
    _, diagnosis = judge(seen, logs)
    assert diagnosis.fault == "stop"
    assert "It was ended before its shutdown was over." in [c.text for c in diagnosis.claims]


def test_cut_off_from_its_peers_alone():
    _, seen = of("healthy")
    stores = [s.model_copy(update={"leaders": 0}) if s.id == 1 else s for s in seen.now.stores]
    now = seen.now.model_copy(update={"stores": tuple(stores)})
    told = scene(seen.before, now)
    logs = Logs(peers_complain(told, 1, "tikv0:20160", "tikv1", "tikv2"))
    _, diagnosis = judge(told, logs)
    assert (diagnosis.component, diagnosis.fault) == ("tikv0", "partition")


def test_a_store_that_hangs():
    _, seen = of("partition-store")
    quiet = Logs({n: [] if n == "tikv2" else [line(seen.since, "INFO", '["a"]')] for n in NODES})
    figures = Figures({n: {"process_cpu_seconds_total": 1.0} for n in NODES if n != "tikv2"})
    _, diagnosis = judge(seen, quiet, figures)
    assert (diagnosis.component, diagnosis.fault) == ("tikv2", "pause")
    assert "hangs" in diagnosis.summary


def test_clients_alone():
    told, seen = of("healthy")
    dip = [*told["load"], *[[t, 1.0, 90.0] for t in range(1, 9)]]
    evidence, diagnosis = judge(scene(seen.before, seen.now, dip))
    assert (diagnosis.component, diagnosis.fault) == (None, None)
    assert diagnosis.summary.startswith("Clients get far less")
    assert any("Failed operations: 1.0 a second before" in e.text for e in evidence)


def test_one_disk_is_slow():
    _, seen = of("healthy")
    figures = Figures(
        {n: {'tikv_raftstore_slow_score{type="raft"}': 80.0} if n == "tikv1" else {} for n in NODES}
    )
    _, diagnosis = judge(seen, None, figures)
    assert (diagnosis.component, diagnosis.fault) == ("tikv1", "slow-disk")


def test_nothing_can_be_asked():
    told = recording("healthy")
    before = view(told["before"])
    now = view({}, (), before.at).model_copy(update={"nodes": None})
    evidence, diagnosis = judge(scene(before, now))
    assert diagnosis.confidence is Confidence.LOW
    assert sum("could not be asked" in e.text for e in evidence) >= 4

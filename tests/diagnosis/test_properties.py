"""Any scene, however broken or contradictory, is diagnosed, and no claim is without its evidence."""

import asyncio
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.diagnosis.diagnostician import Blind
from bot.diagnosis.observation import MOST
from bot.diagnosis.redact import LONGEST
from bot.diagnosis.rules import diagnose_by_rules
from bot.domain.cluster import Member, Node, NodeState, RegionHealth, Role, Store, StoreState, View
from bot.domain.diagnosis import Diagnosis, grounded
from bot.domain.evidence import Evidence, Fact, FactKind
from bot.domain.load import LoadSample
from bot.engine.clock import SystemClock
from bot.engine.ports import Scene
from tests.diagnosis.recorded import Figures, Logs

NAMES = ("tikv-1", "tikv-2", "pd-1", "pd-2")
names = st.sampled_from(NAMES)
moments = st.integers(0, 1_800_000_000).map(lambda s: datetime.fromtimestamp(s, tz=UTC))
small = st.integers(0, 5)
nodes = st.builds(
    Node,
    name=names,
    role=st.sampled_from(Role),
    state=st.sampled_from(NodeState),
    exit_code=st.none() | st.sampled_from([0, 1, 2, 137, 139, 143]),
    oom_killed=st.none() | st.booleans(),
    started_at=st.none() | moments,
    finished_at=st.none() | moments,
    restarts=small,
    store=st.none() | small,
    addresses=st.just(()) | st.just(("tikv-1:20160",)),
)
stores = st.builds(
    Store,
    id=small,
    address=st.text(max_size=20),
    state=st.sampled_from(StoreState),
    last_heartbeat=st.none() | moments,
    leaders=small,
    regions=small,
)
members = st.builds(Member, name=names, healthy=st.booleans())
views = st.builds(
    View,
    at=moments,
    nodes=st.none() | st.lists(nodes, max_size=5).map(tuple),
    stores=st.none() | st.lists(stores, max_size=4).map(tuple),
    members=st.none() | st.lists(members, max_size=3).map(tuple),
    pd_leader=st.none() | names,
    regions=st.none()
    | st.builds(RegionHealth, miss_peer=small, down_peer=small, pending_peer=small),
    unanswered=st.dictionaries(
        st.sampled_from(["nodes", "stores", "members"]), st.text(max_size=30)
    ),
)
numbers = st.floats(0, 2000)
scenes = st.builds(
    Scene,
    before=views,
    now=views,
    since=moments,
    samples=st.lists(
        st.builds(LoadSample, at=moments, interval=st.floats(0, 10), ops=numbers, errors=small),
        max_size=6,
    ),
    baseline_ops=st.none() | numbers,
    tickets=st.just(()),
    earlier=st.just(()),
)
WORDS = (
    "starting graceful shutdown",
    "broadcasting unreachable",
    "panic",
    "disk full",
    "x",
    "failed to connect to PD member",
)
lines = st.builds(
    '[2026/11/22 12:33:30.737 +00:00] [{}] [a.rs:1] ["{}"] [store_id={}] [addr={}]'.format,
    st.sampled_from(["INFO", "WARN", "ERROR", "FATAL"]),
    st.sampled_from(WORDS),
    small,
    st.just("tikv-1:20160") | st.text(max_size=10),
) | st.text(max_size=60)
logs = st.dictionaries(names, st.lists(lines, max_size=6))
figures = st.dictionaries(
    names,
    st.dictionaries(
        st.sampled_from(
            [
                "tikv_raftstore_slow_score",
                "etcd_server_has_leader",
                "process_start_time_seconds",
                "x{",
            ]
        ),
        st.floats(allow_nan=True, allow_infinity=True),
    ),
)


def sound(diagnosis: Diagnosis, evidence: tuple[Evidence, ...]) -> None:
    assert diagnosis.component is None or diagnosis.component in NAMES
    assert all(grounded(c, evidence) for c in diagnosis.claims)
    assert len(diagnosis.claims) <= 8
    assert all(len(c.text) <= LONGEST for c in diagnosis.claims)
    assert diagnosis.summary
    assert diagnosis.next_step


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(scenes, logs, figures)
def test_any_scene_is_diagnosed(seen, lines, values):
    async def both() -> None:
        blind = Blind(Logs(lines), Figures(values), None, "none", SystemClock())
        evidence = await blind.gather(seen)
        assert len(evidence) <= MOST
        assert all(e.text and len(e.text) <= LONGEST for e in evidence)
        read_back = tuple(Evidence.model_validate_json(e.model_dump_json()) for e in evidence)
        diagnosis = await blind.diagnose(evidence, NAMES)
        sound(diagnosis, evidence)
        assert diagnose_by_rules(read_back, NAMES).summary == diagnosis.summary

    asyncio.run(both())


facts = st.builds(
    Fact,
    kind=st.sampled_from(FactKind),
    node=st.none() | names,
    store=st.none() | small,
    other=st.none() | names,
    number=st.none() | st.floats(-10, 200),
    of=st.none() | numbers,
)
items = st.builds(
    Evidence,
    id=st.just("E0"),
    source=st.sampled_from(["pd", "nodes", "logs", "load", "metrics"]),
    at=moments,
    text=st.text(max_size=10),
    facts=st.lists(facts, max_size=3).map(tuple),
)


@settings(deadline=None, max_examples=120)
@given(st.lists(items, max_size=8), st.sets(names))
def test_any_facts_are_diagnosed(made, components):
    evidence = tuple(e.model_copy(update={"id": f"E{n}"}) for n, e in enumerate(made, start=1))
    diagnosis = diagnose_by_rules(evidence, components)
    sound(diagnosis, evidence)
    assert diagnosis.component is None or diagnosis.component in components

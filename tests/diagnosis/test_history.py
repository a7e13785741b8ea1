"""What Prometheus kept becomes evidence: before and now, and what could not be asked."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bot.diagnosis.gather import Gatherer
from bot.domain.cluster import Node, NodeState, Role
from bot.domain.errors import ClusterError, Unreachable
from bot.domain.evidence import Evidence, FactKind
from bot.engine.ports import Figure, Scene, Series
from tests.diagnosis.recorded import Figures, Logs, of

STEP = timedelta(seconds=5)


@dataclass
class History:
    """Says what it is told, of each figure."""

    said: dict[Figure, list[Series] | ClusterError] = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    async def over(self, figure: Figure, since: datetime, until: datetime) -> list[Series]:
        self.asked.append((since, until))
        answer = self.said.get(figure, [])
        if isinstance(answer, ClusterError):
            raise answer
        return answer


class Never(History):
    async def over(self, figure: Figure, since: datetime, until: datetime) -> list[Series]:
        await asyncio.Event().wait()
        return []


def killed() -> tuple[Scene, datetime]:
    """The scene of a killed store (tikv1), and the present moment."""
    _, seen = of("store-kill")
    return seen, seen.since + timedelta(seconds=30)


def told(
    seen: Scene, at: datetime, history: History | None, figures: Figures | None = None
) -> list[Evidence]:
    gatherer = Gatherer(Logs(), figures, history, heartbeat=10.0, limit=0.2)
    return [e for e in asyncio.run(gatherer.gather(seen, at)) if e.source == "metrics"]


def series(instance: str, first: datetime, *values: float, window: float = 20.0) -> Series:
    points = tuple((first + n * STEP, value) for n, value in enumerate(values))
    return Series(instance=instance, window=window, points=points)


def test_it_is_asked_from_a_minute_before():
    seen, at = killed()
    history = History()
    told(seen, at, history)
    assert history.asked == [(seen.since - timedelta(seconds=60), at)] * 3


def test_a_store_that_fell_silent_is_told_with_the_moment_and_what_it_served():
    seen, at = killed()
    first = seen.since - 2 * STEP
    history = History(
        {
            Figure.UP: [
                series("tikv0:20180", first, *[1] * 9, window=0),
                series("tikv1:20180", first, 1, 1, 1, *[0] * 6, window=0),
            ],
            Figure.REQUESTS: [
                series("tikv0:20180", first, 340, 340, 340, 500, 500, 500, 500, 500, 510),
                series("tikv1:20180", first, 320, 340, 330, 100),
                series("tikv2:20180", first, 300, 300, 300, 0, 0, 0, 0, 0, 90),
            ],
            Figure.LATENCY: [series("tikv0:20180", first, *[0.0012] * 8, 0.031)],
        }
    )
    evidence = told(seen, at, history)
    texts = [e.text for e in evidence]
    gone = (seen.since + STEP).strftime("%H:%M:%S.%f")[:-5]
    turn = seen.since.strftime("%H:%M:%S.%f")[:-5]
    assert texts == [
        f"tikv1, requests served: 330 a second before, none since {gone} (each over 20 s).",
        f"tikv2, requests served: 300 a second before {turn}, 90 a second now (each over 20 s).",
        "The requests that stores served, about as before: tikv0 (510 a second).",
        f"tikv0, 99 of 100 requests take at most: 1.2 ms before {turn}, 31.0 ms now (each over 20 s).",
        f"Prometheus gets no metrics from tikv1 since {gone}.",
        "Prometheus gets metrics from tikv0.",
    ]
    facts = [f for e in evidence for f in e.facts]
    assert [(f.kind, f.node, f.store) for f in facts] == [(FactKind.METRICS_SILENT, "tikv1", 12)]


def test_a_store_whose_metrics_answer_us_is_not_called_silent():
    seen, at = killed()
    first = seen.since - 2 * STEP
    up = [
        series("tikv0:20180", first, *[1] * 9, window=0),
        series("tikv1:20180", first, 1, 1, 1, *[0] * 6, window=0),
    ]
    figures = Figures({"tikv1": {"process_start_time_seconds": 5.0}})
    evidence = told(seen, at, History({Figure.UP: up}), figures)
    silent = {f.node for e in evidence for f in e.facts if f.kind is FactKind.METRICS_SILENT}
    assert "tikv1" not in silent


def test_one_that_was_never_scraped_proves_nothing():
    seen, at = killed()
    first = seen.since - 2 * STEP
    up = [
        series("tikv0:20180", first, *[1] * 9, window=0),
        series("tikv1:20180", first, *[0] * 9, window=0),
    ]
    evidence = told(seen, at, History({Figure.UP: up}))
    assert "Prometheus gets no metrics from tikv1, and got none before." in [
        e.text for e in evidence
    ]
    assert not [f for e in evidence for f in e.facts]


def test_when_nobody_is_up_prometheus_itself_may_be_cut_off():
    seen, at = killed()
    up = [series(f"tikv{n}:20180", seen.since - STEP, 1, 1, 0, 0, 0, 0, 0, 0) for n in range(3)]
    evidence = told(seen, at, History({Figure.UP: up}))
    assert not [f for e in evidence for f in e.facts]


def test_another_clusters_figures_are_left_out():
    seen, at = killed()
    other = [series("db-7:20180", seen.since - STEP, 7, 7, 7, 7, 7, 7, 7, 7)]
    texts = [e.text for e in told(seen, at, History(dict.fromkeys(Figure, other)))]
    assert not any("db-7" in text for text in texts)
    assert "Whether metrics answered was asked, and is not kept for these nodes." in texts


@pytest.mark.parametrize("instance", ["172.20.0.5:20180", "c0ffee:20180", "TIKV-1:20180"])
def test_a_container_is_known_by_any_of_its_names(instance):
    seen, at = killed()
    node = Node(
        name="prod-tikv-1",
        role=Role.TIKV,
        state=NodeState.RUNNING,
        hosts=(("prod-tikv-1",), ("tikv-1",), ("c0ffee",), ("172.20.0.5",)),
        ports=(20160,),
        store=12,
    )
    seen = replace(seen, now=seen.now.model_copy(update={"nodes": (node,)}))
    rates = [series(instance, seen.since - STEP, 7, 7, 7, 7, 7, 7, 7, 7)]
    texts = [e.text for e in told(seen, at, History({Figure.REQUESTS: rates}))]
    assert texts[0] == "The requests that stores served, about as before: prod-tikv-1 (7 a second)."


def test_what_could_not_be_asked_is_an_item():
    seen, at = killed()
    error = Unreachable("prometheus at 127.0.0.1:9090 could not be reached")
    alone = told(seen, at, History({Figure.LATENCY: error}))
    assert [e.text for e in alone][1] == (
        "The latency of stores could not be asked: prometheus at 127.0.0.1:9090 could not be reached."
    )
    everything = told(seen, at, History(dict.fromkeys(Figure, error)))
    assert [e.text for e in everything] == [
        f"What the metrics were before could not be asked: {error}."
    ]
    assert [f.kind for e in everything for f in e.facts] == [FactKind.UNASKED]


def test_one_that_hangs_is_said_so():
    seen, at = killed()
    assert [e.text for e in told(seen, at, Never())] == [
        "What the metrics were before could not be asked: no answer within 0.2 s."
    ]


def test_without_one_the_evidence_says_what_it_lacks():
    seen, at = killed()
    assert [e.text for e in told(seen, at, None)] == [
        "What the metrics were before is not known: no Prometheus is set."
    ]


def test_a_disaster_stays_short():
    seen, at = killed()
    nodes = tuple(
        Node(name=f"tikv-{n}", role=Role.TIKV, state=NodeState.EXITED, store=n) for n in range(30)
    )
    seen = replace(seen, now=seen.now.model_copy(update={"nodes": nodes}))
    gone = [series(f"tikv-{n}:20180", seen.since - STEP, 9, 9, 9) for n in range(30)]
    evidence = told(seen, at, History(dict.fromkeys(Figure, gone)))
    assert len(evidence) <= 12
    assert evidence[3].text == "27 more nodes whose figures changed are left out here."

"""History as observations: what the nodes counted before and count now, as Prometheus kept it.

A rate tells of a window of some seconds, so that "now" is a little behind: each text names the
window. Nodes whose figures did not change much are summed up in one observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean
from typing import Final

from bot.diagnosis.observation import Observation, at_most, clock_time, listed, unasked
from bot.domain.cluster import View, owners
from bot.domain.errors import ClusterError
from bot.domain.evidence import Fact, FactKind
from bot.engine.ports import Figure, MetricsHistory, Series

BEFORE: Final = timedelta(seconds=60)  # how far back "before" reaches
_MOST: Final = 4  # observations of one figure
_FELL, _ROSE = 0.5, 2.0  # a figure that is so many times what it was has changed
_STALE: Final = 2.5  # steps without a point after which a series has ended
_NAMES: Final = {
    Figure.REQUESTS: "The requests that stores served",
    Figure.LATENCY: "The latency of stores",
    Figure.UP: "Whether metrics answered",
}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was kept of each figure: its series, or why it could not be asked."""

    figures: Mapping[Figure, list[Series] | ClusterError]


async def kept(history: MetricsHistory, since: datetime, at: datetime) -> Kept:
    """All figures, from a minute before `since` up to `at`, asked at once. Never raises."""

    async def one(figure: Figure) -> list[Series] | ClusterError:
        try:
            return await history.over(figure, since - BEFORE, at)
        except ClusterError as error:
            return error

    answers = await asyncio.gather(*(one(figure) for figure in Figure))
    return Kept(figures=dict(zip(Figure, answers, strict=True)))


def observe_history(
    told: Kept, now: View, since: datetime, at: datetime, answering: Collection[str]
) -> list[Observation]:
    """Before `since` and now, figure by figure.

    `answering` are the nodes whose metrics answered us ourselves: of these it is not said that
    they are silent.
    """
    whys = {str(a) for a in told.figures.values() if isinstance(a, ClusterError)}
    failed = [f for f, a in told.figures.items() if isinstance(a, ClusterError)]
    if len(whys) == 1 and len(failed) == len(Figure):
        return [unasked("metrics", "What the metrics were before", at, whys.pop())]
    seen: list[Observation] = []
    for figure, answer in told.figures.items():
        if isinstance(answer, ClusterError):
            seen.append(unasked("metrics", _NAMES[figure], at, str(answer)))
        elif not (ours := _ours(answer, now)):
            text = f"{_NAMES[figure]} was asked, and is not kept for these nodes."
            seen.append(Observation(source="metrics", at=at, text=text))
        elif figure is Figure.UP:
            seen += _scraped(ours, now, since, at, answering)
        else:
            seen += _changes(figure, ours, since, at)
    return seen


def not_kept(at: datetime) -> list[Observation]:
    """What cannot be seen without Prometheus."""
    text = "What the metrics were before is not known: no Prometheus is set."
    return [Observation(source="metrics", at=at, text=text)]


def _ours(series: Sequence[Series], view: View) -> dict[str, Series]:
    """Node -> its series; a Prometheus may know other clusters, too.

    Prometheus names whom it scrapes by an address of theirs; which one, is up to its settings.
    """
    told = _advertised(view)
    found = {}
    for one in series:
        owned = owners(one.instance, view.nodes or ())
        name = told.get(one.instance) or (owned[0].name if len(owned) == 1 else None)
        name = name or told.get(one.instance.rpartition(":")[0])
        if name:
            found[name] = one
    return found


def _advertised(view: View) -> dict[str, str]:
    """Where a node says that its metrics are -> its name; also its own name, as a host."""
    found = {node.name: node.name for node in view.nodes or ()}
    stores = {n.store: n.name for n in view.nodes or ()}
    members = {n.member or n.name: n.name for n in view.nodes or ()}
    for store in view.stores or ():
        owned = owners(store.address, view.nodes or ())
        name = stores.get(store.id) or (owned[0].name if len(owned) == 1 else None)
        if store.status_address:
            found[store.status_address] = name or f"store {store.id}"
    for member in view.members or ():
        for url in member.client_urls:
            found[url.partition("://")[2].strip("/")] = members.get(member.name, member.name)
    return found


def _scraped(
    ours: Mapping[str, Series],
    now: View,
    since: datetime,
    at: datetime,
    answering: Collection[str],
) -> list[Observation]:
    stores = {n.name: n.store for n in now.nodes or ()}
    up = [n for n, s in sorted(ours.items()) if s.points[-1][1] > 0 and not _ended(s, at)]
    seen = []
    for name, series in sorted(ours.items()):
        if name in up:
            continue
        before = [value for moment, value in series.points if moment <= since]
        silent = _since(series, at)
        if before and before[-1] > 0 and silent:
            text = f"Prometheus gets no metrics from {name} since {clock_time(silent)}."
            mute = bool(up) and name not in answering
            fact = Fact(kind=FactKind.METRICS_SILENT, node=name, store=stores.get(name))
            facts = (fact,) if mute else ()
            seen.append(Observation(source="metrics", at=silent, text=text, facts=facts))
        else:
            text = f"Prometheus gets no metrics from {name}, and got none before."
            seen.append(Observation(source="metrics", at=at, text=text))
    if up:
        text = f"Prometheus gets metrics from {listed(up, most=12)}."
        seen.append(Observation(source="metrics", at=at, text=text))
    return at_most(seen, _MOST, "nodes that Prometheus gets no metrics from")


def _since(series: Series, at: datetime) -> datetime | None:
    """Since when it is 0, or has no points any more."""
    if _ended(series, at) and series.points[-1][1] > 0:
        return series.points[-1][0]
    zero = None
    for moment, value in reversed(series.points):
        if value > 0:
            break
        zero = moment
    return zero


def _ended(series: Series, at: datetime) -> bool:
    """Whether its last point is so old that there should have been others since."""
    if len(series.points) == 1:
        return False
    moments = [moment for moment, _ in series.points]
    step = min(later - earlier for earlier, later in pairwise(moments))
    return at - moments[-1] > _STALE * max(step, timedelta(seconds=1))


def _changes(
    figure: Figure, ours: Mapping[str, Series], since: datetime, at: datetime
) -> list[Observation]:
    shown = _SHOWN[figure]
    changed: list[Observation] = []
    steady: list[str] = []
    for name, series in sorted(ours.items()):
        before = [value for moment, value in series.points if moment <= since]
        after = [(moment, value) for moment, value in series.points if moment > since]
        was = fmean(before) if before else None
        if not after or _ended(series, at):
            moment = series.points[-1][0]
            words = f"{shown(was)} before, none since {clock_time(moment)}"
            changed.append(_said(figure, name, words, series, moment))
        elif was is None or not (_FELL * was <= after[-1][1] <= _ROSE * was):
            words = f"{shown(was)} before {clock_time(since)}, {shown(after[-1][1])} now"
            changed.append(_said(figure, name, words, series, after[-1][0]))
        else:
            steady.append(f"{name} ({shown(after[-1][1])})")
    if steady:
        text = f"{_NAMES[figure]}, about as before: {listed(steady, most=8)}."
        changed.append(Observation(source="metrics", at=at, text=text))
    return at_most(changed, _MOST, "nodes whose figures changed")


def _said(figure: Figure, name: str, words: str, series: Series, at: datetime) -> Observation:
    what = {Figure.REQUESTS: "requests served", Figure.LATENCY: "99 of 100 requests take at most"}
    text = f"{name}, {what[figure]}: {words} (each over {series.window:g} s)."
    return Observation(source="metrics", at=at, text=text)


def _a_second(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.0f} a second"


def _milliseconds(value: float | None) -> str:
    return "not known" if value is None else f"{value * 1000:,.1f} ms"


_SHOWN: Final[Mapping[Figure, Callable[[float | None], str]]] = {
    Figure.REQUESTS: _a_second,
    Figure.LATENCY: _milliseconds,
}

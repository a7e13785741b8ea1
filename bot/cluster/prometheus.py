"""Prometheus: what the nodes counted of themselves, over time (engine.ports.MetricsHistory).

Asked over its HTTP API, version 1, as Prometheus 2.42 and later speak it: `query` (one moment),
`query_range` (a row of moments), `targets` (whom it scrapes), `status/buildinfo`. Each answer is
`{"status": "success", "data": {...}}`; values are strings, among them "NaN" and "+Inf".

A rate needs several scrapes, so each of its points tells of a window of four scrape intervals;
how long these are, Prometheus says with its targets.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, Literal, Self, TypeVar
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter

from bot.cluster.answers import client, fetch, parsed
from bot.domain.errors import BadAnswer
from bot.engine.ports import Figure, Series

_WITHIN: Final = 3.0  # seconds, for all that one question of ours takes
_LIMIT: Final = 8 * 1024 * 1024  # bytes
_POINTS: Final = 250  # of one series; Prometheus itself refuses more than 11,000
_SCRAPES: Final = 4  # in the window of a rate
_SHORTEST, _LONGEST, _USUAL = 0.1, 3600.0, 15.0  # seconds between two scrapes
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = re.compile(r"([0-9]{1,6})(ms|s|m|h|d)")
_DURATION: Final = re.compile(rf"(?:{_PART.pattern}){{1,5}}")
_T = TypeVar("_T")

QUERIES: Final[Mapping[Figure, str]] = {
    Figure.REQUESTS: (
        'sum by (instance) (rate(tikv_grpc_msg_duration_seconds_count{{type!="kv_gc"}}[{window}]))'
    ),
    Figure.LATENCY: (
        "histogram_quantile(0.99, sum by (instance, le) "
        '(rate(tikv_grpc_msg_duration_seconds_bucket{{type!="kv_gc"}}[{window}])))'
    ),
    Figure.UP: "min by (instance) (up)",
}


class Target(BaseModel):
    """Somebody whom Prometheus scrapes; `interval` (seconds) is None where it does not say."""

    instance: str
    job: str
    up: bool | None  # None: not scraped yet
    error: str  # why the last scrape failed, "" if it did not
    interval: float | None


_Time = Annotated[FiniteFloat, Field(ge=0, le=32_503_680_000)]  # seconds since 1970, to 3000
_Labels = dict[str, str]


class _Row(BaseModel):
    metric: _Labels
    values: list[tuple[_Time, str]]


class _Matrix(BaseModel):
    kind: Literal["matrix"] = Field(alias="resultType")
    result: list[_Row]


class _Now(BaseModel):
    metric: _Labels
    value: tuple[_Time, str]


class _Vector(BaseModel):
    kind: Literal["vector"] = Field(alias="resultType")
    result: list[_Now]


class _Scraped(BaseModel):
    labels: _Labels
    health: str
    last_error: str = Field("", alias="lastError")
    interval: str = Field("", alias="scrapeInterval")


class _Targets(BaseModel):
    active: list[_Scraped] = Field(alias="activeTargets")


class _Build(BaseModel):
    version: str


class _Success(BaseModel, Generic[_T]):
    status: Literal["success"]
    data: _T


_Rows = Iterable[tuple[str, Sequence[tuple[float, str]]]]

_MATRIX: Final = TypeAdapter(_Success[_Matrix])
_VECTOR: Final = TypeAdapter(_Success[_Vector])
_TARGETS: Final = TypeAdapter(_Success[_Targets])
_BUILD: Final = TypeAdapter(_Success[_Build])


@dataclass(frozen=True, kw_only=True)
class _Step:
    """How finely a range is asked, and how long a rate's window is; seconds."""

    step: float
    window: float


class Prometheus:
    """The Prometheus at `url` ("http://127.0.0.1:9090", with a path where it has one).

    All methods raise ClusterError, whatever it answers, and take `within` seconds at most.
    """

    def __init__(self, url: str, *, within: float = _WITHIN) -> None:
        self._url = url.rstrip("/")
        self.who = f"prometheus at {urlsplit(url).netloc.rpartition('@')[2]}"
        self._within = within
        self._http = client()
        self._interval: float | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def over(self, figure: Figure, since: datetime, until: datetime) -> list[Series]:
        """A figure of each node that is known of, ordered by instance; [] if none ever had it."""
        began = asyncio.get_running_loop().time()
        step = await self._step(figure, (until - since).total_seconds())
        asked = {
            "query": _query(figure, step.window),
            "start": f"{_first(since, until, step.step):.3f}",
            "end": f"{until.timestamp():.3f}",
            "step": f"{step.step:.3f}",
        }
        left = self._within - (asyncio.get_running_loop().time() - began)
        answer = await self._get("query_range", _MATRIX, asked, within=max(0.0, left))
        rows = ((row.metric.get("instance", ""), row.values) for row in answer.result)
        return self._series(rows, step.window)

    async def now(self, figure: Figure) -> dict[str, float]:
        """A figure at this moment: instance -> value, of those that have it."""
        began = asyncio.get_running_loop().time()
        step = await self._step(figure, 0.0)
        left = self._within - (asyncio.get_running_loop().time() - began)
        asked = {"query": _query(figure, step.window)}
        answer = await self._get("query", _VECTOR, asked, within=max(0.0, left))
        rows = ((row.metric.get("instance", ""), [row.value]) for row in answer.result)
        return {s.instance: s.points[-1][1] for s in self._series(rows, step.window)}

    async def targets(self) -> list[Target]:
        """Whom it scrapes, ordered by job and instance."""
        answer = await self._get("targets", _TARGETS, {"state": "active"})
        found = [_target(scraped) for scraped in answer.active]
        known = [t.interval for t in found if t.interval]
        self._interval = max(known) if known else None
        return sorted(found, key=lambda t: (t.job, t.instance))

    async def version(self) -> str:
        """Its version: "2.42.0"."""
        return (await self._get("status/buildinfo", _BUILD, {})).version

    async def _step(self, figure: Figure, seconds: float) -> _Step:
        """A point for each scrape, but not too many."""
        if self._interval is None:
            await self.targets()
        interval = self._interval or _USUAL
        step = max(interval, math.ceil(1000 * seconds / _POINTS) / 1000)  # to the millisecond
        return _Step(step=step, window=0.0 if figure is Figure.UP else _SCRAPES * interval)

    async def _get(
        self,
        path: str,
        shape: TypeAdapter[_Success[_T]],
        asked: Mapping[str, str],
        *,
        within: float | None = None,
    ) -> _T:
        url = f"{self._url}/api/v1/{path}"
        body = await fetch(
            self._http,
            f"{url}?{urlencode(asked)}" if asked else url,
            who=self.who,
            within=self._within if within is None else within,
            limit=_LIMIT,
        )
        return parsed(body, shape, who=self.who, what=path).data

    def _series(self, rows: _Rows, window: float) -> list[Series]:
        """Without what is not finite; of an instance that stands there twice, the first."""
        found: dict[str, Series] = {}
        for instance, values in rows:
            points = [(moment, self._number(text)) for moment, text in values]
            finite = sorted((at, value) for at, value in points if math.isfinite(value))
            if finite and instance not in found:
                told = tuple((datetime.fromtimestamp(at, UTC), value) for at, value in finite)
                found[instance] = Series(instance=instance, window=window, points=told)
        return [found[instance] for instance in sorted(found)]

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise BadAnswer(f'{self.who} answered "{text[:40]}" for a number') from None


def _query(figure: Figure, window: float) -> str:
    return QUERIES[figure].format(window=f"{window * 1000:.0f}ms")


def _first(since: datetime, until: datetime, step: float) -> float:
    """From where steps lead to `until` itself: the last point is to be of the present."""
    seconds = (until - since).total_seconds()
    return until.timestamp() - (seconds // step if seconds > 0 else seconds / step) * step


def _target(scraped: _Scraped) -> Target:
    up = {"up": True, "down": False}.get(scraped.health)
    return Target(
        instance=scraped.labels.get("instance", ""),
        job=scraped.labels.get("job", ""),
        up=up,
        error=" ".join(scraped.last_error.split())[:200],
        interval=_seconds(scraped.interval),
    )


def _seconds(duration: str) -> float | None:
    """A duration as Prometheus writes it ("15s", "1m30s", "500ms") in seconds, None if it is none."""
    if not _DURATION.fullmatch(duration):
        return None
    total = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(duration))
    return min(max(total, _SHORTEST), _LONGEST)

"""PD: what the cluster says of itself (engine.ports.PlacementDriver), over PD's HTTP API.

Every PD can answer for all: a follower passes requests on to the leader. The PD that answered
last is asked first; another one is asked beside it as soon as it fails, or is silent for
`_HEDGE` seconds. While PD has no leader only `/health` is answered, and says who is away. While a
member hangs, `/health` takes 3 s on every PD (recorded), more than a look may: then the members
are asked themselves whether they are there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Self, TypeVar

from pydantic import TypeAdapter

from bot.cluster.answers import address_of, client, fetch, parsed
from bot.cluster.pd_shapes import (
    COUNTED,
    HEALTH,
    MEMBERS,
    REGIONS,
    STORES,
    MemberInfo,
    Members,
    Stores,
)
from bot.domain.cluster import Member, Region, RegionHealth, Store, View
from bot.domain.errors import BadAnswer, ClusterError, Unreachable
from bot.engine.ports import Clock

_T = TypeVar("_T")
_HEDGE: Final = 0.25
_PING: Final = 0.8
_SHORT: Final = 4 * 1024 * 1024  # bytes; some thousand stores, or regions that lack a peer
_LONG: Final = 32 * 1024 * 1024  # bytes; some fifty thousand regions
_CHECKS: Final = ("miss-peer", "down-peer", "pending-peer")


@dataclass(frozen=True)
class _Answer(Generic[_T]):
    """What was answered, by whom and when."""

    value: _T
    by: str
    at: datetime


def _stores(answer: Stores) -> tuple[Store, ...]:
    """In the order of their ids: PD gives them in another order each time."""
    return tuple(s.meant() for s in sorted(answer.stores, key=lambda s: s.store.id))


class Pd:
    """The PDs at `urls` ("http://127.0.0.1:2379" or "127.0.0.1:2379", at least one).

    `timeout` bounds one question to all of them, in seconds; a look takes at most that and
    another 0.8 s.
    """

    def __init__(self, urls: Sequence[str], *, clock: Clock, timeout: float = 1.5) -> None:
        if not urls:
            raise ValueError("a PD address is needed")
        self._urls = [u.rstrip("/") if "://" in u else f"http://{u.rstrip('/')}" for u in urls]
        self._clock = clock
        self._timeout = timeout
        self._http = client()
        self._preferred = self._urls[0]
        self._hedge = min(_HEDGE, timeout / (len(self._urls) + 1))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def look(self) -> View:
        """Stores, members, leader and region health, all within 3 s. Never raises: see View.

        `at` is the moment at which the stores were answered.
        """
        began = self._clock.monotonic()
        asked = asyncio.gather(
            self._try("stores", STORES), self._try("members", MEMBERS), self._try("health", HEALTH)
        )
        (stores, members, health), checks = await asyncio.gather(asked, self._region_health())
        known = await self._members(members, health, led=isinstance(stores, _Answer))
        parts = {"stores": stores, "members": known, "regions": checks}
        led_by = members.value.leader if isinstance(members, _Answer) else None
        return View(
            at=stores.at if isinstance(stores, _Answer) else self._clock.now(),
            seconds=round(self._clock.monotonic() - began, 3),
            stores=_stores(stores.value) if isinstance(stores, _Answer) else None,
            members=known if isinstance(known, tuple) else None,
            pd_leader=(led_by.name or None) if led_by else None,
            regions=checks if isinstance(checks, RegionHealth) else None,
            answered_by=next(
                (a.by for a in (stores, members, health) if isinstance(a, _Answer)), None
            ),
            unanswered={k: str(v) for k, v in parts.items() if isinstance(v, ClusterError)},
        )

    async def regions_of(self, store: int) -> list[Region]:
        """The regions that have a peer on the store. Raises ClusterError; answers within 3 s."""
        answer = await self._ask(f"regions/store/{store}", REGIONS, limit=_LONG)
        return [region.meant() for region in answer.value.regions]

    async def _region_health(self) -> RegionHealth | ClusterError:
        counts: list[int] = []
        paths = [f"regions/check/{check}" for check in _CHECKS]
        for answer in await asyncio.gather(*(self._try(path, COUNTED) for path in paths)):
            if isinstance(answer, ClusterError):
                return answer
            counts.append(answer.value.count)
        miss, down, pending = counts
        return RegionHealth(miss_peer=miss, down_peer=down, pending_peer=pending)

    async def _members(
        self,
        members: _Answer[Members] | ClusterError,
        health: _Answer[list[MemberInfo]] | ClusterError,
        *,
        led: bool,
    ) -> tuple[Member, ...] | ClusterError:
        """Who belongs to PD and who of them is reachable.

        `/health` alone is enough where the rest of PD cannot answer for want of a leader; not
        where the leader answers other questions (`led`) or `/members` says nonsense: then who
        leads is unknown, and must not read as "nobody".
        """
        if isinstance(health, _Answer):
            if isinstance(members, ClusterError) and (led or isinstance(members, BadAnswer)):
                return members
            healthy = {m.name for m in health.value if m.health}
            listed = members.value.members if isinstance(members, _Answer) else health.value
        elif isinstance(members, _Answer):
            listed = members.value.members
            there = await asyncio.gather(*(self._is_there(m) for m in listed))
            healthy = {m.name for m, answers in zip(listed, there, strict=True) if answers}
            if not healthy:  # their own addresses mean nothing here
                return health
        else:
            return members
        return tuple(
            m.meant(healthy=m.name in healthy) for m in sorted(listed, key=lambda m: m.name)
        )

    async def _is_there(self, member: MemberInfo) -> bool:
        for url in member.client_urls[:1]:
            try:
                ping = f"{url.rstrip('/')}/pd/api/v1/ping"
                await fetch(self._http, ping, who=member.name, within=_PING, limit=1024)
            except ClusterError:
                return False
            return True
        return False

    async def _try(self, path: str, shape: TypeAdapter[_T]) -> _Answer[_T] | ClusterError:
        try:
            return await self._ask(path, shape)
        except ClusterError as error:
            return error

    async def _ask(self, path: str, shape: TypeAdapter[_T], *, limit: int = _SHORT) -> _Answer[_T]:
        """The first answer that makes sense.

        Raises:
            Unreachable: there is none, and at least one PD did not answer or had no leader.
            BadAnswer: there is none, and all PDs answered nonsense.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        others = [u for u in self._urls if u != self._preferred]
        waiting = deque([self._preferred, *others])
        pending: set[asyncio.Task[_Answer[_T]]] = set()
        failures: list[ClusterError] = []
        try:
            while waiting or pending:
                if waiting:
                    seconds = max(deadline - loop.time(), 0.0)
                    asking = self._ask_one(waiting.popleft(), path, shape, seconds, limit)
                    pending.add(asyncio.create_task(asking))
                done, pending = await asyncio.wait(
                    pending,
                    timeout=self._hedge if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done:
                    error = task.exception()
                    if error is None:
                        return task.result()
                    if not isinstance(error, ClusterError):
                        raise error
                    failures.append(error)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        reasons = "; ".join(dict.fromkeys(str(f) for f in failures))
        if all(isinstance(f, BadAnswer) for f in failures):
            raise BadAnswer(reasons)
        raise Unreachable(reasons)

    async def _ask_one(
        self, url: str, path: str, shape: TypeAdapter[_T], seconds: float, limit: int
    ) -> _Answer[_T]:
        who = f"pd at {address_of(url)}"
        url_of_path = f"{url}/pd/api/v1/{path}"
        body = await fetch(self._http, url_of_path, who=who, within=seconds, limit=limit)
        value = parsed(body, shape, who=who, what=path)
        self._preferred = url
        return _Answer(value, address_of(url), self._clock.now())

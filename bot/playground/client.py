"""The client of the stores: it finds the leader of a key's region, and finds it again when it moves."""

import asyncio
import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.playground.lines import Lines, address
from bot.playground.web import Request, fetch

FIRST_BACKOFF, LAST_BACKOFF = 0.02, 0.3
"""Seconds before a request is tried again: at first, and at most."""


class OperationError(Exception):
    """An operation failed for good; the text is what a client would read."""


class ConflictError(OperationError):
    """The key was written by somebody else since it was read."""


@dataclass(slots=True)
class Place:
    """A region as the client believes it to be."""

    number: int
    start: str
    stores: list[int]
    leader: int


class Client:
    """Reads and writes keys. All times are seconds."""

    def __init__(self, pds: Sequence[str], *, patience: float = 1.0, limit: float = 20.0) -> None:
        """`patience` is how long one answer may take, `limit` how long an operation may."""
        self._pds = list(pds)
        self._patience, self._limit = patience, limit
        self._places: list[Place] = []
        self._starts: list[str] = []
        self._addresses: dict[int, str] = {}
        self._lines: dict[int, Lines] = {}
        self._connecting: dict[int, asyncio.Task[Lines]] = {}
        self._waiting: dict[Lines, dict[int, asyncio.Future[dict[str, Any]]]] = {}
        self._last = 0
        self._silent: dict[int, float] = {}
        self._asking: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    async def get(self, key: str) -> tuple[int, str | None]:
        """A key's version and value; 0 and None when there is none.

        Raises:
            OperationError: nobody answered within the limit.
        """
        answer = await self._ask({"op": "get", "key": key})
        return answer["version"], answer["value"]

    async def put(self, key: str, value: str, expected: int | None = None) -> None:
        """Sets a key; with `expected`, only if it still has that version.

        Raises:
            ConflictError: it has another one.
            OperationError: nobody answered within the limit.
        """
        answer = await self._ask({"op": "put", "key": key, "value": value, "expected": expected})
        if answer.get("error") == "conflict":
            raise ConflictError(f"[kv:9007]Write conflict, key={key} [try again later]")

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        until, backoff, error = self._loop.time() + self._limit, FIRST_BACKOFF, "no PD answered"
        while True:
            place = self._place(asked["key"])
            if place:
                store = place.leader
                try:
                    answer = await self._send(store, {**asked, "region": place.number})
                except OSError as problem:
                    error = (
                        f"store {store} at {self._addresses[store]}: {str(problem) or 'timed out'}"
                    )
                    if place.leader == store:
                        place.leader = self._next_store(place)
                else:
                    error = answer.get("error", "")
                    if error in ("", "conflict"):
                        return answer
                    if not self._believe(place, store, answer):
                        self._refresh()
            else:
                self._refresh()
            if self._loop.time() + backoff > until:
                raise OperationError(f"region is unavailable: {error}")
            await asyncio.sleep(backoff)
            backoff = min(backoff * 1.6, LAST_BACKOFF)

    def _place(self, key: str) -> Place | None:
        at = bisect_right(self._starts, key)
        return self._places[at - 1] if at else None

    def _believe(self, place: Place, store: int, answer: dict[str, Any]) -> bool:
        leader = answer.get("leader", 0)
        if place.leader != store:
            return True  # somebody else has learned more meanwhile
        if leader in place.stores and self._silent.get(leader, 0) < self._loop.time():
            place.leader = leader
            return True
        place.leader = self._next_store(place)
        return False

    def _next_store(self, place: Place) -> int:
        at = place.stores.index(place.leader) + 1 if place.leader in place.stores else 0
        others = [*place.stores[at:], *place.stores[:at]]
        now = self._loop.time()
        return next((s for s in others if self._silent.get(s, 0) < now), others[0])

    async def _send(self, store: int, asked: dict[str, Any]) -> dict[str, Any]:
        lines = self._lines.get(store) or await self._connect(store)
        self._last += 1
        number, waiting = self._last, self._waiting[lines]
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        waiting[number] = answer
        timer = self._loop.call_later(self._patience, self._give_up, store, answer)
        try:
            if not lines.send({"id": number, **asked}):
                raise ConnectionResetError("the connection takes no more")
            return await answer
        finally:
            timer.cancel()
            waiting.pop(number, None)

    def _give_up(self, store: int, answer: asyncio.Future[dict[str, Any]]) -> None:
        self._silent[store] = self._loop.time() + self._patience
        if not answer.done():
            answer.set_exception(TimeoutError("context deadline exceeded"))

    async def _connect(self, store: int) -> Lines:
        task = self._connecting.get(store)
        if not task:
            task = self._loop.create_task(self._open(store))
            self._connecting[store] = task
            task.add_done_callback(lambda _: self._connecting.pop(store, None))
        return await asyncio.shield(task)

    async def _open(self, store: int) -> Lines:
        host, port = address(self._addresses[store])
        async with asyncio.timeout(self._patience):
            _, lines = await self._loop.create_connection(
                lambda: Lines(self._heard, lambda ended: self._ended(store, ended)), host, port
            )
        self._lines[store], self._waiting[lines] = lines, {}
        return lines

    def _heard(self, value: Any, lines: Lines) -> None:
        answer = self._waiting.get(lines, {}).get(value.get("id"))
        if answer and not answer.done():
            answer.set_result(value)

    def _ended(self, store: int, lines: Lines) -> None:
        if self._lines.get(store) is lines:
            del self._lines[store]
        for answer in self._waiting.pop(lines, {}).values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("connection reset by peer"))

    def _refresh(self) -> None:
        if not self._asking or self._asking.done():
            self._asking = self._loop.create_task(self._ask_pd())

    async def _ask_pd(self) -> None:
        for url in list(self._pds):
            try:
                stores = await self._pd(url, "stores")
                regions = await self._pd(url, "regions")
            except (OSError, ValueError, LookupError):
                self._pds.append(self._pds.pop(0))
                continue
            for store in stores["stores"]:
                self._addresses[store["store"]["id"]] = store["store"]["address"]
            self._learn(regions["regions"])
            break
        await asyncio.sleep(0.2)  # the next one not at once

    async def _pd(self, url: str, path: str) -> Any:
        answer = await fetch(url, Request("GET", f"/pd/api/v1/{path}"), self._patience)
        if not answer.ok:
            raise ConnectionError(answer.body.decode(errors="replace"))
        return json.loads(answer.body)

    def _learn(self, regions: list[dict[str, Any]]) -> None:
        known = {place.number: place for place in self._places}
        places = []
        for region in regions:
            stores = [peer["store_id"] for peer in region["peers"]]
            leader = region["leader"].get("store_id", stores[0])
            place = known.get(region["id"])
            if self._silent.get(leader, 0) > self._loop.time() and place:
                leader = place.leader
            start = bytes.fromhex(region["start_key"]).decode()
            places.append(Place(region["id"], start, stores, leader))
        self._places = sorted(places, key=lambda place: place.start)
        self._starts = [place.start for place in self._places]

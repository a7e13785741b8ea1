"""A store: the process that holds regions, serves those it leads, and reports to PD."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.playground.groups import Groups
from bot.playground.lines import Lines, Mesh, address
from bot.playground.placement import Identity, Region, Report
from bot.playground.raft_words import Pace
from bot.playground.shelf import Flow, Shelf
from bot.playground.store_metrics import Figures
from bot.playground.timers import Timers
from bot.playground.unified_log import UnifiedLog
from bot.playground.wal import WriteAheadLog
from bot.playground.web import Request, fetch

HEARTBEAT = "/playground/v1/heartbeat"
RETRY = 0.2
"""Seconds between two attempts to reach a PD."""
MIB = 1024 * 1024


class Store:
    """One store. Its id comes from PD, so its groups begin with PD's first answer."""

    def __init__(
        self,
        identity: Identity,
        pds: Sequence[str],
        timers: Timers,
        data: Path,
        log: UnifiedLog,
    ) -> None:
        self.identity, self.timers, self.log, self.data = identity, timers, log, data
        self.number = 0
        self.figures = Figures()
        self.shelves: dict[int, Shelf] = {}
        self.groups: Groups | None = None
        self.stopping = False
        self._regions: dict[int, Region] = {}
        self._addresses: dict[int, str] = {}
        self._pds = list(pds)
        self._mesh = Mesh(0, self._lost)
        self._said: dict[int, tuple[Any, ...]] = {}
        self._said_at: dict[int, float] = {}
        self._news = asyncio.Event()
        self._warned: dict[tuple[str, int], float] = {}

    # Clients and peers

    def hear(self, value: Any, lines: Lines) -> None:
        """Takes in a line: `[store, [[region, message], ...]]` of a peer, an object of a client."""
        if isinstance(value, list):
            if self.groups:
                self.groups.receive(value[1])
            return
        began = time.monotonic()
        answer = self._answer(value, lines, began)
        if answer is not None:
            self._reply(lines, value, answer, began)

    def _answer(self, asked: dict[str, Any], lines: Lines, began: float) -> dict[str, Any] | None:
        number, key = asked["region"], str(asked["key"])
        raft = self.groups.rafts.get(number) if self.groups else None
        region = self._regions.get(number)
        if not raft or not region or not self.groups:
            return {"error": "region_not_found"}
        if key < region.start or (region.end and key >= region.end):
            return {"error": "key_not_in_region"}
        if asked["op"] == "get":
            if not raft.readable(began):
                return {"error": "not_leader", "leader": _other(raft.leader, self.number)}
            version, found = self.shelves[number].get(key)
            return {"value": found, "version": version}

        def done(result: Any) -> None:
            if result is None:
                answer: dict[str, Any] = {"error": "unknown"}
            else:
                stored, version = result
                answer = {"version": version} | ({} if stored else {"error": "conflict"})
            self.figures.commit.observe(time.monotonic() - began)
            self._reply(lines, asked, answer, began)

        if not self.groups.propose(number, [key, str(asked["value"]), asked.get("expected")], done):
            return {"error": "not_leader", "leader": _other(raft.leader, self.number)}
        return None

    def _reply(
        self, lines: Lines, asked: dict[str, Any], answer: dict[str, Any], began: float
    ) -> None:
        self.figures.served(
            "raw_get" if asked["op"] == "get" else "raw_put", time.monotonic() - began
        )
        if answer.get("error") not in (None, "conflict"):
            self.figures.failed += 1
        lines.send({"id": asked["id"], **answer})

    # PD

    async def report(self) -> None:
        """Reports to PD for ever: at every heartbeat, and at once when a region has news."""
        turn = 0
        while True:
            url = self._pds[turn % len(self._pds)]
            self._news.clear()
            body = self._heartbeat()
            try:
                request = Request("POST", HEARTBEAT, json.dumps(body).encode())
                answer = await fetch(url, request, self.timers.pd_request)
                if not answer.ok:
                    raise ConnectionError(answer.body.decode(errors="replace").strip())
                told = json.loads(answer.body)
                self._learn(told)
            except (OSError, ValueError, LookupError) as error:
                self._said.clear()
                turn += 1
                self.figures.pd_reconnects += 1
                self._warn("pd", turn % len(self._pds), url, str(error) or "timed out")
                await asyncio.sleep(RETRY)
                continue
            turn = self._pds.index(told["leader"]) if told["leader"] in self._pds else turn
            pause = self.timers.store_heartbeat if self._regions else 0.03
            try:
                await asyncio.wait_for(self._news.wait(), pause)
                await asyncio.sleep(0.02)  # more news may come with the first
            except TimeoutError:
                pass

    def _heartbeat(self) -> dict[str, Any]:
        disk = os.statvfs(self.data)
        used = sum(shelf.size for shelf in self.shelves.values())
        self.figures.capacity = disk.f_frsize * disk.f_blocks
        self.figures.available = min(disk.f_frsize * disk.f_bavail, self.figures.capacity)
        self.figures.used = used
        return {
            **asdict(self.identity),
            "capacity": self.figures.capacity,
            "available": self.figures.available,
            "used": used,
            "regions": len(self._regions),
            "reports": {str(r): asdict(report) for r, report in self._reports().items()},
        }

    def _reports(self) -> dict[int, Report]:
        reports, now = {}, asyncio.get_running_loop().time()
        for number, raft in self.groups.rafts.items() if self.groups else ():
            if raft.role != "leader":
                self._said.pop(number, None)
                continue
            silent = {store: now - p.heard for store, p in raft.progress.items()}
            limit = self.timers.down_peer_after
            shelf = self.shelves[number]
            report = Report(
                leader=self.number,
                term=raft.term,
                pending=[store for store in raft.others if raft.pending(store)],
                down={store: int(s) for store, s in silent.items() if s > limit},
                size=max(1, shelf.size // MIB),
                keys=len(shelf.values),
                **asdict(shelf.flow),
            )
            news = (raft.term, report.pending, bool(report.down))
            due = now - self._said_at.get(number, 0) >= self.timers.region_heartbeat
            if due or self._said.get(number) != news:
                reports[number], shelf.flow = report, Flow()
                self._said[number], self._said_at[number] = news, now
        return reports

    def _learn(self, told: dict[str, Any]) -> None:
        self._addresses = {int(number): where for number, where in told["stores"].items()}
        self._mesh.meet({number: address(where) for number, where in self._addresses.items()})
        if not self.groups:
            self.number = self._mesh.me = told["store"]
            self._begin()
            self.log("INFO", "node.rs:243", "connect to PD cluster", cluster_id=told["cluster"])
            self.log("INFO", "server.rs:560", "TiKV is ready to serve")
        for value in told["regions"]:
            self._hold(value)
        for region, store in told["transfer"]:
            if self.groups and region in self.groups.rafts:
                self.groups.transfer(region, store)

    def _begin(self) -> None:
        pace = Pace(self.timers.election, self.timers.election_max, self.timers.raft_heartbeat)
        wal = WriteAheadLog(self.data / "raft.jsonl")
        self.groups = Groups(self.number, pace, wal, self._mesh.send, self._changed)
        self.groups.kept = self.figures.append.observe

    def _hold(self, value: dict[str, Any]) -> None:
        peers = {int(store): peer for store, peer in value["peers"].items()}
        region = Region(**{**value, "peers": peers})
        if self.groups and region.id not in self._regions and self.number in peers:
            self._regions[region.id], self.shelves[region.id] = region, Shelf()
            shelf, lead = self.shelves[region.id], region.first == self.number
            self.groups.add(region.id, sorted(peers), shelf, lead=lead)
            self.log(
                "INFO",
                "peer.rs:349",
                "create peer",
                region_id=region.id,
                peer_id=peers[self.number],
            )

    # Leadership

    def leading(self) -> list[int]:
        """The regions whose leader is here."""
        rafts = self.groups.rafts if self.groups else {}
        return [number for number, raft in rafts.items() if raft.role == "leader"]

    async def stop(self) -> None:
        """Hands every leader away, for at most the time allowed, and says so."""
        self.stopping = True
        self.log("INFO", "server.rs:1580", "starting graceful shutdown")
        until = time.monotonic() + self.timers.stop
        turn = 0
        while (led := self.leading()) and self.groups and time.monotonic() < until:
            for number in led:
                progress = self.groups.rafts[number].progress
                best = sorted(progress, key=lambda store, p=progress: -p[store].heard)  # type: ignore[misc]
                self.groups.transfer(number, best[turn % len(best)])
            turn += 1
            await asyncio.sleep(0.1)
        if not self.leading():
            self.log("INFO", "server.rs:1603", "All leaders evicted")
        else:
            self.log(
                "WARN", "server.rs:1607", "graceful shutdown timeout", leaders=len(self.leading())
            )
        self._news.set()
        await asyncio.sleep(0.05)

    def _changed(self, number: int) -> None:
        if not self.groups:
            return
        raft = self.groups.rafts[number]
        peer = self._regions[number].peers[self.number] if number in self._regions else 0
        fields = {"term": raft.term, "raft_id": peer, "region_id": number}
        if raft.role == "leader":
            self.log("INFO", "raft.rs:1214", f"became leader at term {raft.term}", **fields)
            self._news.set()
        elif raft.role == "follower":
            if raft.leader:
                self.log("INFO", "raft.rs:1120", f"became follower at term {raft.term}", **fields)
        else:
            self.log("INFO", "raft.rs:1550", "starting a new election", **fields)

    def _lost(self, store: int, was_connected: bool) -> None:  # noqa: FBT001 - the mesh's callback
        self.figures.unreachable[store] = self.figures.unreachable.get(store, 0) + 1
        where = self._addresses.get(store, "")
        if was_connected:
            self.log("ERROR", "raft_client.rs:614", "connection abort", store_id=store, addr=where)
        if was_connected or self._due("unreachable", store):
            if not was_connected:
                self.log(
                    "WARN", "raft_client.rs:796", "wait connect timeout", store_id=store, addr=where
                )
            self.log(
                "WARN",
                "store.rs:2987",
                "broadcasting unreachable",
                store_id=self.number,
                unreachable_store_id=store,
            )

    def _warn(self, what: str, number: int, url: str, error: str) -> None:
        if self._due(what, number):
            self.log(
                "WARN", "util.rs:518", "failed to connect to PD member", err=error, endpoints=url
            )

    def _due(self, what: str, number: int) -> bool:
        now = time.monotonic()
        if now - self._warned.get((what, number), float("-inf")) < 10 * self.timers.store_heartbeat:
            return False
        self._warned[what, number] = now
        return True


def _other(leader: int, me: int) -> int:
    return 0 if leader == me else leader

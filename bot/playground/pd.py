"""PD: the placement driver's process. It elects a leader, hears the stores and places their leaders."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.playground.groups import Groups
from bot.playground.lines import Lines, Mesh, address
from bot.playground.placement import NEVER, REPLICAS, Beat, Identity, Placement, Report, Sight
from bot.playground.raft_words import Pace
from bot.playground.timers import Timers
from bot.playground.unified_log import UnifiedLog
from bot.playground.wal import WriteAheadLog

IDENTITY = tuple(field.name for field in fields(Identity))
GROUP = 0
"""The one Raft group of the PDs."""


@dataclass(frozen=True, slots=True)
class Member:
    """A PD as the others know it; its number is its place among the names, from 1."""

    name: str
    number: int
    peer_url: str
    client_url: str

    @property
    def member_id(self) -> int:
        """A stable 64-bit id."""
        return random.Random(self.name).getrandbits(63) | 1 << 60  # noqa: S311 - an id, no secret


class PlacementDriver:
    """One member of the PD group."""

    def __init__(
        self,
        name: str,
        members: Mapping[str, Member],
        timers: Timers,
        data: Path,
        log: UnifiedLog,
    ) -> None:
        """Takes up what `data` holds; needs a running loop."""
        self.me, self.timers, self.log = members[name], timers, log
        self.members = {member.number: member for member in members.values()}
        self.started_at = int(time.time())
        self.placement = Placement()
        self.sight = Sight(self.placement)
        self.cached_leader = 0
        """The number of the member that led last, as far as this one knows; 0 is nobody yet."""
        self.moving: dict[int, tuple[int, int]] = {}
        """Region to source and target store, until the region's new leader is heard."""
        self._sure_for = 0
        self._balanced_at = self._saved_at = 0.0
        self.mesh = Mesh(self.me.number, self._lost)
        self.mesh.meet({m.number: address(m.peer_url) for m in self.members.values()})
        pace = Pace(timers.pd_election, timers.pd_election_max, timers.pd_raft_heartbeat)
        self._groups = Groups(
            self.me.number, pace, WriteAheadLog(data / "raft.jsonl"), self.mesh.send, self._changed
        )
        self._groups.add(GROUP, sorted(self.members), self.placement)
        self.raft = self._groups.rafts[GROUP]

    def hear(self, value: Any, _lines: Lines) -> None:
        """Takes in a line from another member."""
        _sender, pairs = value
        self._groups.receive(pairs)

    def leads(self) -> bool:
        """Whether this member leads and has taken over all that was agreed before."""
        if self.raft.role != "leader" or self.raft.applied < self.raft.started_at:
            return False
        if self._sure_for != self.raft.term:
            self._take_office()
        return True

    def leader(self) -> Member | None:
        """The member that leads or led last, or None when none is known but this one."""
        return (
            None if self.cached_leader == self.me.number else self.members.get(self.cached_leader)
        )

    async def agree(self, *proposal: Any) -> Any:
        """Has the PDs agree on a proposal; its result, or None when its fate is unknown."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        proposed = self._groups.propose(
            GROUP, list(proposal), lambda result: None if done.done() else done.set_result(result)
        )
        return await done if proposed else None

    async def stop(self) -> None:
        """Hands the leadership away, if it can."""
        self.log("INFO", "server.go:590", "closing server")
        until = time.monotonic() + self.timers.pd_election
        while self.raft.role == "leader" and time.monotonic() < until:
            others = sorted(self.raft.progress, key=lambda peer: -self.raft.progress[peer].heard)
            self._groups.transfer(GROUP, others[0])
            await asyncio.sleep(0.1)
        self.log("INFO", "server.go:627", "close server")

    # Stores

    async def heartbeat(self, said: dict[str, Any]) -> dict[str, Any] | None:
        """Hears a store, and answers what it has to know and do; None when nobody agreed.

        The first heartbeat of a store makes it a member of the cluster.
        """
        identity = {key: said[key] for key in IDENTITY}
        known = self.placement.named(said["name"])
        if not known or any(known[key] != identity[key] for key in IDENTITY):
            at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            number = await self.agree("store", identity, at)
            if not number:
                return None
            self.log(
                "INFO", "cluster.go:1620", "put store", store_id=number, address=said["address"]
            )
        else:
            number = known["id"]
        now = time.monotonic()
        beat = Beat(time.time_ns(), said["capacity"], said["available"], said["used"])
        self.sight.hear(number, beat, now, self.timers)
        self._hear_reports(said["reports"])
        self._save_beats(now)
        if len(self.placement.stores) >= REPLICAS and not self.placement.regions:
            self._propose("regions")
        return {
            "store": number,
            "cluster": self.placement.cluster_id,
            "leader": self.me.client_url,
            "stores": {str(s["id"]): s["address"] for s in self.placement.stores.values()},
            "regions": [asdict(r) for r in self.placement.regions.values()]
            if said["regions"] != len(self.placement.regions)
            else [],
            "transfer": self._transfers(number, now),
        }

    def _hear_reports(self, reports: dict[str, Any]) -> None:
        news = {}
        for key, value in reports.items():
            down = {int(store): seconds for store, seconds in value.pop("down").items()}
            report = Report(**value, down=down)
            if self.sight.report(int(key), report):
                news[key] = [report.leader, report.term]
                self.moving.pop(int(key), None)
        if news:
            self._propose("leaders", news)

    def _save_beats(self, now: float) -> None:
        first = any(beat.at == NEVER for beat in self.placement.beats.values())
        if first or now - self._saved_at >= self.timers.heartbeat_saved:
            self._saved_at = now
            self._propose("beats", {str(i): asdict(beat) for i, beat in self.sight.beats.items()})

    def _transfers(self, store: int, now: float) -> list[list[int]]:
        if now - self._balanced_at >= self.timers.balance:
            self._balanced_at = now
            self.moving.clear()
            move = self.sight.to_move(now, time.time_ns(), self.timers)
            if move:
                region, source, target = move
                self.moving[region] = (source, target)
                self.log(
                    "INFO",
                    "operator_controller.go:488",
                    "add operator",
                    region_id=region,
                    operator=f"balance-leader {{transfer leader: store {source} to {target}}}",
                )
        return [[r, target] for r, (source, target) in self.moving.items() if source == store]

    def _propose(self, *proposal: Any) -> None:
        self._groups.propose(GROUP, list(proposal), lambda _: None)

    # Leadership

    def _changed(self, _group: int) -> None:
        raft = self.raft
        if raft.leader and raft.leader != self.cached_leader:
            self.cached_leader = raft.leader
            name = self.members[raft.leader].name
            if raft.role == "leader":
                self.log(
                    "INFO",
                    "server.go:1704",
                    "start to campaign PD leader",
                    campaign_leader_name=name,
                )
            else:
                self.log("INFO", "server.go:1663", "start to watch pd leader", pd_leader=name)
        elif raft.role in ("pre", "candidate"):
            self.log("WARN", "server.go:1650", "no leader, start an election", term=raft.term)

    def _take_office(self) -> None:
        self._sure_for = self.raft.term
        self.sight = Sight(self.placement)
        self.moving.clear()
        self._saved_at = time.monotonic()
        self.log(
            "INFO",
            "server.go:1739",
            "campaign PD leader ok",
            campaign_leader_name=self.me.name,
            term=self.raft.term,
        )
        if not self.placement.cluster_id:
            self._propose("cluster", random.getrandbits(62) | 1 << 62)
        self.log("INFO", "server.go:1801", "PD leader is ready to serve", leader_name=self.me.name)

    def _lost(self, peer: int, was_connected: bool) -> None:  # noqa: FBT001 - the mesh's callback
        if was_connected:
            name = self.members[peer].name
            self.log(
                "WARN",
                "peer_status.go:66",
                "peer became inactive (message send to peer failed)",
                peer=name,
            )

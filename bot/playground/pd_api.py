"""PD's HTTP API: which path is answered from what, here or by the leader."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bot.playground import VERSION, pd_answers, pd_metrics
from bot.playground.pd import Member, PlacementDriver
from bot.playground.placement import REPLICAS, Report
from bot.playground.web import Request, Response, as_json, as_text, fetch

API = "/pd/api/v1"
HEARTBEAT = "/playground/v1/heartbeat"
"""Where a store reports; a real one does it over gRPC."""
CONFIG = Path(__file__).with_name("pd_config.json")
"""A real PD's configuration; what differs here is put over it."""
NOT_FOUND = as_text("404 page not found\n", 404)
NOT_BOOTSTRAPPED = as_text(
    "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first\n", 500
)
REDIRECT_FAILED = as_text("[PD:apiutil:ErrRedirect]redirect failed\n", 500)
NO_LEADER = as_text("[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader\n", 503)
SCHEDULERS = [
    "balance-hot-region-scheduler",
    "evict-slow-store-scheduler",
    "evict-stopping-store-scheduler",
    "balance-region-scheduler",
    "balance-leader-scheduler",
]
"""The schedulers of a real PD; here only the one for leaders does anything."""


class Api:
    """The answers of one PD."""

    def __init__(self, pd: PlacementDriver) -> None:
        self.pd = pd
        about = {"build_ts": "None", "version": f"v{VERSION}", "git_hash": "None"}
        version = {"version": f"v{VERSION}", "build_time": "", "hash": "", "branch": ""}
        self._local: dict[str, Callable[[], Response | Awaitable[Response]]] = {
            f"{API}/ping": lambda: as_text(""),
            f"{API}/version": lambda: as_json(version),
            f"{API}/status": lambda: as_json({**about, "start_timestamp": pd.started_at}),
            f"{API}/health": self._health,
            "/health": lambda: as_json(
                {"health": "true" if pd.raft.leader else "false", "reason": ""}
            ),
            "/metrics": self._metrics,
        }
        self._about: dict[str, Callable[[], Any]] = {
            "members": self._members,
            "leader": lambda: brief(pd.me),
            "schedulers": lambda: SCHEDULERS,
            "cluster": lambda: {"id": pd.placement.cluster_id, "max_peer_count": REPLICAS},
            "cluster/status": self._status,
            "config": self._config,
            "config/replicate": lambda: self._config()["replication"],
            "config/schedule": lambda: self._config()["schedule"],
        }
        self._whole: dict[str, Callable[[], Any]] = {
            "regions": lambda: pd_answers.regions(pd.sight, lambda _region, _report: True),
            "stats/region": lambda: pd_answers.region_stats(pd.sight),
            "hotspot/stores": lambda: pd_answers.hot_stores(pd.sight),
            "operators": lambda: [
                pd_answers.transfer_operator(region, *stores)
                for region, stores in pd.moving.items()
            ],
        }
        self._one: dict[str, Callable[[int], Response]] = {
            "store": self._store,
            "regions/store": lambda store: as_json(
                pd_answers.regions(pd.sight, lambda region, _: store in region.peers)
            ),
            "region/id": self._region,
        }

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Answers at once what every member answers, and what only the leader knows if it leads."""
        path = request.path.rstrip("/")
        if path in self._local:
            return self._local[path]()
        if path != HEARTBEAT and not path.startswith(f"{API}/"):
            return NOT_FOUND
        if not self.pd.leads():
            return self._redirect(request)
        return self._lead(path.removeprefix(f"{API}/"), request)

    async def _redirect(self, request: Request) -> Response:
        until = time.monotonic() + self.pd.timers.redirect
        while not self.pd.leader() and time.monotonic() < until:
            await asyncio.sleep(0.02)
            if self.pd.leads():
                answer = self.answer(request)
                return answer if isinstance(answer, Response) else await answer
        leader = self.pd.leader()
        if not leader:
            return NO_LEADER
        try:
            answer = await fetch(leader.client_url, request, None)
        except (OSError, ValueError):
            return REDIRECT_FAILED
        return answer

    def _lead(self, path: str, request: Request) -> Response | Awaitable[Response]:
        if path == HEARTBEAT:
            return self._heartbeat(request)
        if path in self._about:
            return as_json(self._about[path]())
        if not self.pd.placement.stores:
            return NOT_BOOTSTRAPPED
        if path == "stores":
            wanted = set(request.query.get("state", []))
            now, timers = time.time_ns(), self.pd.timers
            return as_json(pd_answers.stores(self.pd.sight, now, timers, wanted))
        if path in self._whole:
            return as_json(self._whole[path]())
        return self._select(*path.rpartition("/")[::2])

    def _select(self, head: str, tail: str) -> Response:
        if head == "regions/check" and tail in pd_answers.CHECKS:
            return as_json(pd_answers.regions(self.pd.sight, pd_answers.CHECKS[tail]))
        if head not in self._one:
            return NOT_FOUND
        if not tail.isdigit():
            return as_json(f'strconv.ParseUint: parsing "{tail}": invalid syntax', 400)
        return self._one[head](int(tail))

    def _store(self, number: int) -> Response:
        sight, timers = self.pd.sight, self.pd.timers
        if number not in sight.placement.stores:
            return as_json(f"[PD:core:ErrStoreNotFound]store {number} not found", 404)
        return as_json(pd_answers.store(sight, number, time.time_ns(), timers))

    def _region(self, number: int) -> Response:
        sight = self.pd.sight
        known = sight.placement.regions.get(number)
        report = sight.reports.get(number, Report())
        return as_json(pd_answers.region(known, report) if known else None)

    async def _heartbeat(self, request: Request) -> Response:
        try:
            answer = await self.pd.heartbeat(request.json())
        except (ValueError, TypeError, LookupError, AttributeError):
            return as_text("This is not a store's heartbeat.\n", 400)
        return as_json(answer) if answer else REDIRECT_FAILED

    # Members

    def _members(self) -> dict[str, Any]:
        leader = described(self.pd.me)
        return {
            "header": {"cluster_id": self.pd.placement.cluster_id},
            "members": [described(member) for member in self.pd.members.values()],
            "leader": leader,
            "etcd_leader": leader,
        }

    async def _reachable(self) -> dict[str, bool]:
        async def reach(member: Member) -> bool:
            if member == self.pd.me:
                return True
            ping = Request("GET", f"{API}/ping")
            try:
                answer = await fetch(member.client_url, ping, self.pd.timers.health)
            except (OSError, ValueError):
                return False
            return answer.ok

        members = list(self.pd.members.values())
        found = await asyncio.gather(*map(reach, members))
        return {member.name: up for member, up in zip(members, found, strict=True)}

    async def _health(self) -> Response:
        reachable = await self._reachable()
        members = self.pd.members.values()
        return as_json(
            [
                {
                    "name": member.name,
                    "member_id": member.member_id,
                    "client_urls": [member.client_url],
                    "health": reachable[member.name],
                }
                for member in members
            ]
        )

    async def _metrics(self) -> Response:
        leads = self.pd.leads()
        text = pd_metrics.member_metrics(leads=leads, has_leader=bool(self.pd.raft.leader))
        if leads:
            health = await self._reachable()
            text += pd_metrics.leader_metrics(self.pd.sight, health, time.time_ns(), self.pd.timers)
        return Response(200, text.encode(), "text/plain; version=0.0.4; charset=utf-8")

    def _status(self) -> dict[str, Any]:
        at = self.pd.placement.bootstrapped
        rest = {"is_initialized": bool(at), "replication_status": ""}
        return {"raft_bootstrap_time": at, **rest} if at else rest

    def _config(self) -> dict[str, Any]:
        pd = self.pd
        config: dict[str, Any] = json.loads(CONFIG.read_text())
        urls = {"client-urls": pd.me.client_url, "peer-urls": pd.me.peer_url}
        config |= urls | {f"advertise-{key}": url for key, url in urls.items()}
        cluster = ",".join(f"{member.name}={member.peer_url}" for member in pd.members.values())
        config |= {"name": pd.me.name, "initial-cluster": cluster}
        config |= {"lease": round(pd.timers.pd_election), "cluster-version": VERSION}
        config["metric"]["job"] = pd.me.name
        down = round(pd.timers.down_after * pd_answers.SECOND)
        config["schedule"]["max-store-down-time"] = pd_answers.go_duration(down)
        limit = {"add-peer": 15, "remove-peer": 15}
        config["schedule"]["store-limit"] = {str(n): limit for n in pd.placement.stores}
        return config


def brief(member: Member) -> dict[str, Any]:
    """A member as `/leader` shows it."""
    return {
        "name": member.name,
        "member_id": member.member_id,
        "peer_urls": [member.peer_url],
        "client_urls": [member.client_url],
    }


def described(member: Member) -> dict[str, Any]:
    """A member as `/members` shows it."""
    about = {"deploy_path": "/playground", "binary_version": f"v{VERSION}", "git_hash": "None"}
    return brief(member) | about

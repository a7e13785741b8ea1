"""A store's status address: is it alive, what does it count, how is it set."""

import time

from bot.playground import VERSION
from bot.playground.store import Store
from bot.playground.web import Request, Response, as_json, as_text

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Status:
    """The answers of one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def answer(self, request: Request) -> Response:
        """`/status`, `/metrics` and `/config`."""
        store = self.store
        if request.path == "/status":
            return as_text("")
        if request.path == "/metrics":
            text = store.figures.text(len(store.leading()), len(store.shelves))
            return Response(200, text.encode(), METRICS_TYPE)
        if request.path == "/config":
            timers = store.timers
            return as_json(
                {
                    "server": {
                        "addr": store.identity.address,
                        "status-addr": store.identity.status_address,
                    },
                    "raftstore": {
                        "pd-store-heartbeat-tick-interval": _seconds(timers.store_heartbeat),
                        "pd-heartbeat-tick-interval": _seconds(timers.region_heartbeat),
                        "raft-base-tick-interval": _seconds(timers.raft_heartbeat),
                        "max-peer-down-duration": _seconds(timers.down_peer_after),
                    },
                    "storage": {"data-dir": str(store.data)},
                    "playground": {"version": VERSION, "at": int(time.time())},
                }
            )
        return as_text("path not found", 404)


def _seconds(value: float) -> str:
    return f"{value:g}s" if value >= 1 else f"{value * 1000:g}ms"

"""Evidence: what was seen of a cluster, gathered blind, each item with an id that claims cite.

An item says the same thing twice: `text` for people and models, `facts` for the rules, so that
nothing ever has to read prose back.
"""

from __future__ import annotations

from enum import StrEnum

from bot.domain.model import Instant, Value


class FactKind(StrEnum):
    """What a fact says; changes only, unless it says otherwise. `number` and `of` in brackets."""

    NODE_RUNNING = "node running"  # no change
    NODE_EXITED = "node exited"  # [exit code]
    NODE_PAUSED = "node paused"
    NODE_RESTARTED = "node restarted"
    OUT_OF_MEMORY = "out of memory"
    ENOUGH_MEMORY = "enough memory"  # said of a node that exited
    STORE_LOST = "store lost"  # PD says Disconnected or Down [seconds since its heartbeat]
    STORE_SILENT = "store silent"  # PD still says Up [seconds since its heartbeat]
    STORE_DOUBTED = "store doubted"  # lost or silent, said by a PD leader that is new [seconds]
    STORE_WELL = "store well"  # Up with a fresh heartbeat
    LEADERS_LOST = "leaders lost"  # [leaders now, of before]
    LEADERS_KEPT = "leaders kept"  # PD still counts them at a store that is lost [leaders]
    MEMBER_AWAY = "member away"
    PD_LEADER_CHANGED = "pd leader changed"  # node: the old one, other: the new one
    PD_LEADERLESS = "pd leaderless"  # node: the one before
    PD_QUORUM_LOST = "pd quorum lost"  # [members left, of all]
    REGIONS_HURT = "regions hurt"
    CLIENTS_STALLED = "clients stalled"  # [lowest ops/s, of the baseline]
    CLIENTS_SERVED = "clients served"  # [ops/s now, of the baseline]
    SHUTDOWN_LOGGED = "shutdown logged"
    NO_SHUTDOWN_LOGGED = "no shutdown logged"
    PANIC_LOGGED = "panic logged"
    DISK_FULL_LOGGED = "disk full logged"
    PEER_COMPLAINT = "peer complaint"  # node cannot be reached, says `other`
    PD_COMPLAINT = "pd complaint"  # node says that it cannot reach PD
    LOG_SILENT = "log silent"  # the node runs and logs nothing, while others log
    METRICS_SILENT = "metrics silent"  # the node's metrics do not answer, while others' do
    METRICS_ANSWER = "metrics answer"  # no change
    SLOW_DISK = "slow disk"  # [TiKV's slow score, 1 to 100]
    UNASKED = "unasked"  # `other` could not be asked


class Fact(Value):
    """One thing that an item says, of a node (by name), a store or the whole cluster."""

    kind: FactKind
    node: str | None = None
    store: int | None = None
    other: str | None = None
    number: float | None = None
    of: float | None = None


class Evidence(Value):
    """One item: `id` is "E1", "E2", ...; `at` is when it was true.

    `source` is "pd", "nodes", "logs", "load", "metrics" or "tickets".
    """

    id: str
    source: str
    at: Instant
    text: str
    facts: tuple[Fact, ...] = ()

"""Timers: how long the cluster waits before it believes something. All values are seconds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Timers:
    """One consistent set of waiting times, in seconds."""

    speed: float
    """How many times faster than a real cluster this set runs, roughly; 1 is real time."""
    store_heartbeat: float
    """A store reports to PD this often."""
    region_heartbeat: float
    """A store repeats what it knows of unchanged regions this often."""
    disconnected_after: float
    """PD calls a store Disconnected when its last heartbeat is older."""
    down_after: float
    """PD calls a store Down when its last heartbeat is older (`max-store-down-time`)."""
    down_peer_after: float
    """A region's leader reports a silent peer as down after this long."""
    election: float
    """The shortest wait of a region's peer for its leader; also the leader's lease."""
    election_max: float
    """The longest such wait."""
    raft_heartbeat: float
    """A region's leader speaks to its followers at least this often."""
    pd_election: float
    """The shortest wait of a PD for its leader; also the PD leader's lease."""
    pd_election_max: float
    """The longest such wait."""
    pd_raft_heartbeat: float
    """The PD leader speaks to its followers at least this often."""
    heartbeat_saved: float
    """The PD leader shares a store's heartbeat with its followers at most this often."""
    health: float
    """PD's /health waits this long for another member."""
    redirect: float
    """A PD without a leader lets a request wait this long for one."""
    pd_request: float
    """A store or a client waits this long for PD before it asks another one."""
    balance: float
    """PD looks for a leader to move this often."""
    balance_settle: float
    """PD moves leaders to a store only after it has been up this long."""
    stop: float
    """A store that is asked to stop hands its leaders away for at most this long."""

    def named(self) -> dict[str, float]:
        """Every timer by its name."""
        return asdict(self)


FAST = Timers(
    speed=8,
    store_heartbeat=0.5,
    region_heartbeat=2,
    disconnected_after=3,
    down_after=240,
    down_peer_after=75,
    election=1.0,
    election_max=1.7,
    raft_heartbeat=0.25,
    pd_election=1.0,
    pd_election_max=1.6,
    pd_raft_heartbeat=0.25,
    heartbeat_saved=20,
    health=1,
    redirect=1,
    pd_request=0.8,
    balance=0.5,
    balance_settle=3,
    stop=3,
)

REAL = Timers(
    speed=1,
    store_heartbeat=10,
    region_heartbeat=60,
    disconnected_after=20,
    down_after=1800,
    down_peer_after=600,
    election=10,
    election_max=20,
    raft_heartbeat=2,
    pd_election=5,
    pd_election_max=10,
    pd_raft_heartbeat=0.5,
    heartbeat_saved=60,
    health=3,
    redirect=3,
    pd_request=5,
    balance=10,
    balance_settle=30,
    stop=20,
)


def with_changes(timers: Timers, changes: Sequence[str]) -> Timers:
    """Timers with some of them set by `NAME=SECONDS`.

    Raises:
        ValueError: there is no such timer, or no such number.
    """
    names = {field.name for field in fields(Timers)}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in names:
            raise ValueError(f"There is no timer {name!r}; there are {', '.join(sorted(names))}.")
        timers = replace(timers, **{name: float(value)})
    return timers

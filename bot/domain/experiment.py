"""An experiment: what to do. A run is one execution of it.

    checking -> loading -> injecting -> detecting -> diagnosing -> awaiting approval
             -> restoring -> verifying -> finished

`PERMITTED` is the one table of transitions; a run is finished by its outcome. From each stage a
run may go to restoring (an abort, an exception: the node comes first) or, where nothing is injected
yet, to finished. A run whose node was kept down is finished and may be restored later. After a
restart some stages are entered once more, with a new deadline.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from bot.domain.fault import Fault
from bot.domain.model import Value
from bot.domain.target import Target


class Stage(StrEnum):
    """Where a run stands."""

    CHECKING = "checking"
    LOADING = "loading"
    INJECTING = "injecting"
    DETECTING = "detecting"
    DIAGNOSING = "diagnosing"
    AWAITING_APPROVAL = "awaiting approval"
    RESTORING = "restoring"
    VERIFYING = "verifying"
    FINISHED = "finished"


PERMITTED = MappingProxyType(
    {
        None: frozenset({Stage.CHECKING}),
        Stage.CHECKING: frozenset({Stage.CHECKING, Stage.LOADING, Stage.FINISHED}),
        Stage.LOADING: frozenset({Stage.LOADING, Stage.INJECTING, Stage.FINISHED}),
        Stage.INJECTING: frozenset({Stage.DETECTING, Stage.RESTORING, Stage.FINISHED}),
        Stage.DETECTING: frozenset({Stage.DIAGNOSING, Stage.RESTORING}),
        Stage.DIAGNOSING: frozenset({Stage.DIAGNOSING, Stage.AWAITING_APPROVAL, Stage.RESTORING}),
        Stage.AWAITING_APPROVAL: frozenset({Stage.RESTORING, Stage.FINISHED}),
        Stage.RESTORING: frozenset({Stage.VERIFYING, Stage.FINISHED}),
        Stage.VERIFYING: frozenset({Stage.VERIFYING, Stage.FINISHED}),
        Stage.FINISHED: frozenset({Stage.RESTORING}),
    }
)


class Outcome(StrEnum):
    """How a run ended."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not recovered"
    ABORTED = "aborted"
    REFUSED = "refused"
    FAILED = "failed"


class Signal(StrEnum):
    """One way in which a failure shows; each is noticed, or not, on its own."""

    NODE_EXIT = "node_exit"
    NODE_PAUSED = "node_paused"
    NODE_CUT_OFF = "node_cut_off"
    CLIENT_IMPACT = "client_impact"
    LEADERS_MOVED = "leaders_moved"
    PD_DISCONNECTED = "pd_disconnected"
    PD_MEMBER_LOST = "pd_member_lost"
    TICKET_OPENED = "ticket_opened"

    @property
    def words(self) -> str:
        """The signal in words: "PD says Disconnected"."""
        return _SIGNAL_WORDS[self]


_SIGNAL_WORDS = {
    Signal.NODE_EXIT: "node exit",
    Signal.NODE_PAUSED: "node paused",
    Signal.NODE_CUT_OFF: "node off its network",
    Signal.CLIENT_IMPACT: "client impact",
    Signal.LEADERS_MOVED: "leaders moved",
    Signal.PD_DISCONNECTED: "PD says Disconnected",
    Signal.PD_MEMBER_LOST: "PD member lost",
    Signal.TICKET_OPENED: "ticket opened",
}


class Timings(Value):
    """How long the stages of a run may take and how often it looks; all in seconds."""

    poll: float = Field(default=1.0, gt=0, le=2)
    warm_up: float = Field(default=10.0, ge=0)  # load before the fault, for the baseline
    detection: float = Field(default=30.0, gt=0)  # the detection deadline
    diagnosis: float = Field(default=60.0, gt=0)  # the longest that a diagnosis may take
    approval: float = Field(default=600.0, gt=0)  # then the node is restored by itself
    rollback: float = Field(default=30.0, gt=0)  # one attempt to put the node right
    recovery: float = Field(default=120.0, gt=0)  # from the restore to steady state
    settling: float = Field(default=15.0, ge=0)  # how long steady state has to last


class Experiment(Value):
    """What to do: one fault on one target of one cluster, and why."""

    fault: Fault
    target: Target
    cluster: str | None = None  # None: the only one there is
    reason: str = ""

    @property
    def command(self) -> str:
        """The words that make this experiment, without cluster and reason: "kill tikv"."""
        return f"{self.fault.value} {self.target}"

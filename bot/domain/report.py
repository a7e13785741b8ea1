"""A report: what a run's history says so far. The only thing that views read.

Every time is UTC ISO 8601, every duration seconds; what does not apply is null, never missing.
`chaosbot report --schema` publishes this as JSON Schema.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bot.domain.approval import Decision, Policy, Vote
from bot.domain.blast_radius import Guard
from bot.domain.diagnosis import Claim, Confidence, Grade
from bot.domain.evidence import Evidence
from bot.domain.experiment import Outcome, Signal, Stage, Timings
from bot.domain.fault import Injection
from bot.domain.hypothesis import Probe, Verdict
from bot.domain.load import LoadSample, Stall
from bot.domain.model import Instant, Seconds, Value
from bot.domain.ticket import Severity


class StageTime(Value):
    """A stage that was entered; `seconds` is null while it lasts, `deadline` when it has none."""

    stage: Stage
    started_at: Instant
    seconds: Seconds | None = None
    deadline: Instant | None = None


class FaultReport(Value):
    """What was done to which node, and when it was undone."""

    kind: str
    target: str
    node: str | None = None
    role: str | None = None
    store: int | None = None
    address: str | None = None
    injected_at: Instant | None = None
    rolled_back_at: Instant | None = None


class ProbeReport(Probe):
    """A probe's answer in the stage in which it was asked."""

    stage: Stage


class HypothesisReport(Value):
    """The steady-state hypothesis before, during and after the fault."""

    before: Verdict | None = None
    during: Verdict | None = None
    after: Verdict | None = None
    probes: tuple[ProbeReport, ...] = ()


class SignalReport(Value):
    """A signal and its time since the injection."""

    signal: Signal
    seconds: Seconds
    detail: str


class LoadReport(Value):
    """What clients got. `stall` is the first time in which they got less than half of it."""

    described: str
    baseline_ops: float | None = None
    lowest_ops: float | None = None
    restored_ops: float | None = None
    errors: int = 0
    stall: Stall | None = None
    stall_seconds: Seconds | None = None
    samples: tuple[LoadSample, ...] = ()


class TicketReport(Value):
    """The ticket of this run's own fault."""

    id: int
    invariant: str
    subject: str
    severity: Severity
    opened_seconds: Seconds
    occurrences: int


class DiagnosisReport(Value):
    """The diagnosis with all the evidence that was gathered for it."""

    by: str
    why: str
    component: str | None
    fault: str | None
    confidence: Confidence
    summary: str
    claims: tuple[Claim, ...]
    next_step: str
    evidence: tuple[Evidence, ...]
    grade: Grade | None = None


class ApprovalReport(Value):
    """The decision about the node; `by` a user id, or "deadline"."""

    decision: Decision
    by: str
    seconds: Seconds


class RecoveryReport(Value):
    """Whether the cluster was well again. `seconds` since the restore."""

    verified: bool
    seconds: Seconds | None
    throughput_ratio: float | None
    why: str = ""


class Moment(Value):
    """One line of the timeline."""

    at: Instant
    event: str
    text: str


class EndingReport(Value):
    """How a run that ends before its time will end, once its node is restored."""

    outcome: Outcome
    why: str


class Report(Value):
    """A run, as its history tells it. Every field is there from the first event on."""

    run: int
    command: str
    reason: str
    started_by: str
    cluster: str
    channel: str | None
    outcome: Outcome | None = None
    why: str = ""
    mend: str | None = None
    started_at: Instant
    finished_at: Instant | None = None
    seconds: Seconds | None = None
    stages: tuple[StageTime, ...] = ()
    fault: FaultReport
    guards: tuple[Guard, ...] = ()
    hypothesis: HypothesisReport = HypothesisReport()
    signals: tuple[SignalReport, ...] = ()
    missing_signals: tuple[Signal, ...] = ()
    detected: bool | None = None
    load: LoadReport | None = None
    ticket: TicketReport | None = None
    evidence: tuple[Evidence, ...] = ()
    diagnosis: DiagnosisReport | None = None
    approval: ApprovalReport | None = None
    aborted_by: str | None = None
    restore_asked_by: str | None = None
    recovery: RecoveryReport | None = None
    notes: tuple[str, ...] = ()
    timeline: tuple[Moment, ...] = ()
    policy: Policy = Field(default=Policy(), description="Who decides about the node.")
    votes: tuple[Vote, ...] = Field(default=(), description="The votes that count, in order.")
    ending: EndingReport | None = None
    timings: Timings = Field(default=Timings(), description="The deadlines that the run keeps.")
    injection: Injection | None = Field(
        default=None, description="The receipt of the fault: what suffices to undo it."
    )

    @property
    def stage(self) -> Stage | None:
        """Where the run stands."""
        if self.outcome is not None:
            return Stage.FINISHED
        return self.stages[-1].stage if self.stages else None

    @property
    def deadline(self) -> Instant | None:
        """When the present stage ends by itself."""
        return self.stages[-1].deadline if self.stages and not self.finished else None

    @property
    def finished(self) -> bool:
        """Whether the run is over. One whose node was kept down may go on once more."""
        return self.outcome is not None

    @property
    def broken(self) -> bool:
        """Whether the node may still be as the fault left it: planned and not rolled back."""
        return self.injection is not None and self.fault.rolled_back_at is None

    @property
    def node_label(self) -> str:
        """The node with its store: "tikv-1 (store 4)", or the target's word until it is chosen."""
        if self.fault.node is None:
            return self.fault.target
        store = "" if self.fault.store is None else f" (store {self.fault.store})"
        return self.fault.node + store

    def signal(self, signal: Signal) -> SignalReport | None:
        """A signal, if it was seen."""
        return next((s for s in self.signals if s.signal is signal), None)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a report as it is printed."""
    made = Report.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}

"""Events: what happened in a run, frozen and in the past tense. A run is their history.

`text` is the event in one sentence for people, "" where it says nothing on a timeline.
A `Record` is an event in its place: run, sequence number within the run, and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from bot.domain.approval import Decision, Policy
from bot.domain.blast_radius import Guard
from bot.domain.cluster import Node, View
from bot.domain.diagnosis import Diagnosis, Grade
from bot.domain.evidence import Evidence
from bot.domain.experiment import Experiment, Outcome, Signal, Stage, Timings
from bot.domain.fault import Injection
from bot.domain.hypothesis import Probe
from bot.domain.load import LoadSample
from bot.domain.model import Instant, Seconds, Value
from bot.domain.ticket import Ticket


class Happening(Value):
    """What all events have in common."""

    @property
    def text(self) -> str:
        """The event in one sentence, "" where it says nothing on a timeline."""
        return ""


class RunStarted(Happening):
    """Somebody asked for a run; `channel` is the Slack channel it was asked in."""

    event: Literal["run_started"] = "run_started"
    experiment: Experiment
    cluster: str
    started_by: str
    channel: str | None = None
    timings: Timings
    policy: Policy = Policy()

    @property
    def text(self) -> str:
        return f"{self.started_by} asked to {self.experiment.command} in {self.cluster}"


class StageEntered(Happening):
    """The run moved on; `deadline` is when the stage ends by itself, if it does."""

    event: Literal["stage_entered"] = "stage_entered"
    stage: Stage
    deadline: Instant | None = None

    @property
    def text(self) -> str:
        return self.stage.value.capitalize()


class TargetChosen(Happening):
    """The node that the fault is for; `address` is what PD calls it."""

    event: Literal["target_chosen"] = "target_chosen"
    node: Node
    address: str | None = None

    @property
    def text(self) -> str:
        return f"Target: {self.node.label}"


class ProbesAnswered(Happening):
    """The hypothesis was asked; `stage` says when: checking, detecting or verifying."""

    event: Literal["probes_answered"] = "probes_answered"
    stage: Stage
    probes: tuple[Probe, ...]


class GuardsAnswered(Happening):
    """The blast radius was judged."""

    event: Literal["guards_answered"] = "guards_answered"
    guards: tuple[Guard, ...]


class LoadStarted(Happening):
    """Load runs against the cluster; `load` describes it."""

    event: Literal["load_started"] = "load_started"
    load: str

    @property
    def text(self) -> str:
        return f"Load: {self.load}"


class LoadSampled(Happening):
    """What clients got in an interval."""

    event: Literal["load_sampled"] = "load_sampled"
    sample: LoadSample


class BaselineTaken(Happening):
    """What clients get of a well cluster, in operations a second; None: no load runs."""

    event: Literal["baseline_taken"] = "baseline_taken"
    ops: float | None

    @property
    def text(self) -> str:
        return "No baseline" if self.ops is None else f"Baseline: {self.ops:,.0f} ops/s"


class SteadyStateSeen(Happening):
    """The cluster before the fault: what every later look is compared with."""

    event: Literal["steady_state_seen"] = "steady_state_seen"
    view: View


class FaultPlanned(Happening):
    """The receipt that suffices to undo the fault. Journalled before any harm."""

    event: Literal["fault_planned"] = "fault_planned"
    injection: Injection

    @property
    def text(self) -> str:
        return f"Planned: {self.injection.text}"


class FaultInjected(Happening):
    """The fault is in. `at` is the moment that all signals are timed from; `took` the call."""

    event: Literal["fault_injected"] = "fault_injected"
    at: Instant
    took: Seconds
    what: str

    @property
    def text(self) -> str:
        return self.what


class SignalSeen(Happening):
    """The failure was noticed in one way, `seconds` after the injection."""

    event: Literal["signal_seen"] = "signal_seen"
    signal: Signal
    seconds: Seconds
    detail: str

    @property
    def text(self) -> str:
        return f"{self.signal.words} after {self.seconds:.2f} s: {self.detail}"


class TicketLinked(Happening):
    """The monitor opened a ticket for this run's own fault, `seconds` after the injection."""

    event: Literal["ticket_linked"] = "ticket_linked"
    ticket: Ticket
    seconds: Seconds

    @property
    def text(self) -> str:
        return f"Ticket {self.ticket.id}: {self.ticket.text}"


class DetectionEnded(Happening):
    """All expected signals were seen (`detected`), or the deadline passed."""

    event: Literal["detection_ended"] = "detection_ended"
    detected: bool
    missing: tuple[Signal, ...] = ()

    @property
    def text(self) -> str:
        if not self.missing:
            return "Every signal was seen"
        return "Not seen: " + ", ".join(s.words for s in self.missing)


class EvidenceGathered(Happening):
    """What the diagnosis may look at."""

    event: Literal["evidence_gathered"] = "evidence_gathered"
    evidence: tuple[Evidence, ...]

    @property
    def text(self) -> str:
        return f"Gathered {len(self.evidence)} items of evidence"


class Diagnosed(Happening):
    """The diagnosis, made blind."""

    event: Literal["diagnosed"] = "diagnosed"
    diagnosis: Diagnosis

    @property
    def text(self) -> str:
        return f"Diagnosis by {self.diagnosis.by}: {self.diagnosis.summary}"


class DiagnosisGraded(Happening):
    """The diagnosis held against the truth."""

    event: Literal["diagnosis_graded"] = "diagnosis_graded"
    grade: Grade

    @property
    def text(self) -> str:
        return f"Graded: component {self.grade.component.value}, fault {self.grade.fault.value}"


class VoteCast(Happening):
    """Somebody who may voted about the node; so many votes make a decision."""

    event: Literal["vote_cast"] = "vote_cast"
    decision: Decision
    by: str

    @property
    def text(self) -> str:
        return f"{self.by} voted: {self.decision.value}"


class VoteRefused(Happening):
    """Somebody wanted to decide, and was refused; `wanted` is a decision, or "restore"."""

    event: Literal["vote_refused"] = "vote_refused"
    by: str
    wanted: str
    why: str

    @property
    def text(self) -> str:
        return f"Refused to {self.by} ({self.wanted}): {self.why}"


class Decided(Happening):
    """What becomes of the node; `by` is a user id, or "deadline"."""

    event: Literal["decided"] = "decided"
    decision: Decision
    by: str
    seconds: Seconds

    @property
    def text(self) -> str:
        return f"{self.decision.value.capitalize()} by {self.by}"


class AbortAsked(Happening):
    """Somebody, or the end of the process, stopped the run."""

    event: Literal["abort_asked"] = "abort_asked"
    by: str
    why: str = ""

    @property
    def text(self) -> str:
        return f"Aborted by {self.by}" + (f": {self.why}" if self.why else "")


class EndingBegan(Happening):
    """The run ends before its time; its node is restored first, if it is broken."""

    event: Literal["ending_began"] = "ending_began"
    outcome: Outcome
    why: str


class RestoreAsked(Happening):
    """Somebody wants a node that was kept down back."""

    event: Literal["restore_asked"] = "restore_asked"
    by: str

    @property
    def text(self) -> str:
        return f"Restore asked by {self.by}"


class FaultRolledBack(Happening):
    """The fault is undone, by us."""

    event: Literal["fault_rolled_back"] = "fault_rolled_back"
    took: Seconds
    what: str

    @property
    def text(self) -> str:
        return self.what


class RollbackFailed(Happening):
    """The node is still broken. `mend` puts it right by hand."""

    event: Literal["rollback_failed"] = "rollback_failed"
    error: str
    mend: str

    @property
    def text(self) -> str:
        return f"The rollback failed: {self.error}"


class RecoveryJudged(Happening):
    """Whether the cluster is well again, and stayed so; `seconds` from the restore until it was."""

    event: Literal["recovery_judged"] = "recovery_judged"
    verified: bool
    seconds: Seconds | None
    ops: float | None
    why: str = ""

    @property
    def text(self) -> str:
        if self.verified:
            return f"Recovered in {self.seconds:.1f} s"
        return f"Not recovered: {self.why}"


class Noted(Happening):
    """Something a reader should know: a part that could not be asked, a load that died."""

    event: Literal["noted"] = "noted"
    note: str

    @property
    def text(self) -> str:
        return self.note


class RunFinished(Happening):
    """The run is over; `why` is a sentence for people."""

    event: Literal["run_finished"] = "run_finished"
    outcome: Outcome
    why: str = ""

    @property
    def text(self) -> str:
        return f"{self.outcome.value.capitalize()}" + (f": {self.why}" if self.why else "")


Event = Annotated[
    RunStarted
    | StageEntered
    | TargetChosen
    | ProbesAnswered
    | GuardsAnswered
    | LoadStarted
    | LoadSampled
    | BaselineTaken
    | SteadyStateSeen
    | FaultPlanned
    | FaultInjected
    | SignalSeen
    | TicketLinked
    | DetectionEnded
    | EvidenceGathered
    | Diagnosed
    | DiagnosisGraded
    | VoteCast
    | VoteRefused
    | Decided
    | AbortAsked
    | EndingBegan
    | RestoreAsked
    | FaultRolledBack
    | RollbackFailed
    | RecoveryJudged
    | Noted
    | RunFinished,
    Field(discriminator="event"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class Record(Value):
    """An event in its place: the `seq`-th (from 1) of run `run`, at `at`."""

    run: int
    seq: int
    at: Instant
    event: Event


History = Sequence[Record]

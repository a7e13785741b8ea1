"""Whole runs as lists of records, with the figures of a recorded store kill.

    from tests import histories
    report = fold(histories.recovered())

Each function gives one run, told to its end; cut it (`records[:k]`) for a moment within it, or
up to a stage with `until`. All times follow from `START`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bot.domain import events as e
from bot.domain.approval import DEADLINE, Decision, Policy
from bot.domain.blast_radius import Guard
from bot.domain.cluster import Node, NodeState, Role
from bot.domain.diagnosis import Claim, Confidence, Diagnosis, Grade, Mark
from bot.domain.evidence import Evidence
from bot.domain.experiment import Experiment, Outcome, Signal, Stage, Timings
from bot.domain.fault import Fault, Injection
from bot.domain.hypothesis import Probe, Verdict
from bot.domain.load import LoadSample
from bot.domain.target import Target
from bot.domain.ticket import Severity, Ticket

START = datetime(2026, 11, 22, 12, 33, 30, 102000, tzinfo=UTC)
BASELINE = 1020.0
NODE = Node(
    name="tikv-1",
    role=Role.TIKV,
    state=NodeState.RUNNING,
    addresses=("tikv-1:20160",),
    started_at=START - timedelta(hours=5),
    store=4,
)
MEND = "chaosbot playground start tikv-1"


class Tape:
    """A history in the making: `tape.after(2.5)` lets time pass, `tape.add(event)` writes."""

    def __init__(self, run: int = 17, start: datetime = START) -> None:
        self.run = run
        self.now = start
        self.records: list[e.Record] = []

    def add(self, *events: e.Event) -> Tape:
        for event in events:
            seq = len(self.records) + 1
            self.records.append(e.Record(run=self.run, seq=seq, at=self.now, event=event))
        return self

    def after(self, seconds: float) -> Tape:
        self.now += timedelta(seconds=seconds)
        return self

    def enter(self, stage: Stage, lasts: float | None = None) -> Tape:
        deadline = None if lasts is None else self.now + timedelta(seconds=lasts)
        return self.add(e.StageEntered(stage=stage, deadline=deadline))

    def load(self, *rates: float, errors: int = 1) -> Tape:
        """One sample a second; each lets a second pass."""
        for ops in rates:
            self.after(1)
            sample = LoadSample(at=self.now, interval=1.0, ops=ops, errors=errors if ops else 0)
            self.add(e.LoadSampled(sample=sample))
        return self

    def finish(self, outcome: Outcome, why: str = "") -> list[e.Record]:
        return self.add(e.RunFinished(outcome=outcome, why=why)).records


def until(records: Iterable[e.Record], stage: Stage) -> list[e.Record]:
    """The records up to and with the (first) entry of a stage."""
    told: list[e.Record] = []
    for record in records:
        told.append(record)
        if isinstance(record.event, e.StageEntered) and record.event.stage is stage:
            return told
    raise ValueError(f"that run never came to {stage}")


# The parts of a run, for runs of one's own.


def started(
    run: int = 17,
    *,
    by: str = "U024BE7LH",
    reason: str = "quarterly check",
    channel: str | None = "C01CHAOS",
    node: Node = NODE,
) -> Tape:
    experiment = Experiment(
        fault=Fault.KILL, target=Target(role=node.role), cluster="staging", reason=reason
    )
    timings = Timings(detection=30, approval=600, recovery=120, settling=15)
    begun = e.RunStarted(
        experiment=experiment, cluster="staging", started_by=by, channel=channel, timings=timings
    )
    tape = Tape(run).add(begun).enter(Stage.CHECKING, 10)
    return tape.after(0.1).add(e.TargetChosen(node=node, address=node.addresses[0]))


def probes(stage: Stage, *, up: int = 3, unknown: str = "") -> e.ProbesAnswered:
    """What the hypothesis says with so many of three stores up; `unknown` is why PD is silent."""

    def probe(name: str, observed: str, *, held: bool, tolerance: str = "all") -> Probe:
        verdict = Verdict.HELD if held else Verdict.DEVIATED
        if unknown and name != "nodes_running":
            return Probe(probe=name, verdict="unknown", observed=unknown, tolerance=tolerance)
        return Probe(probe=name, verdict=verdict, observed=observed, tolerance=tolerance)

    well = up == 3
    answered = (
        probe("nodes_running", "6 of 6" if well else "5 of 6 (tikv-1 exited)", held=well),
        probe("stores_up", "3 of 3" if well else "2 of 3 (store 4 Disconnected)", held=well),
        probe(
            "heartbeats_fresh",
            "oldest 7.3 s" if well else "oldest 38.1 s",
            tolerance="30 s",
            held=well,
        ),
        probe("pd_leader", "pd-1", held=True, tolerance="one"),
        probe("pd_members", "3 of 3", held=True),
        probe("regions_whole", "0 missing, 0 down, 0 pending", held=True),
    )
    return e.ProbesAnswered(stage=stage, probes=answered)


def checked(tape: Tape) -> Tape:
    guards = (
        Guard(
            guard="region_quorum",
            verdict=Verdict.HELD,
            text="All 5 regions of tikv-1 (store 4) keep a quorum without it.",
        ),
        Guard(guard="pd_quorum", verdict=Verdict.HELD, text="PD keeps 3 of 3 members; it needs 2."),
    )
    return tape.after(0.1).add(probes(Stage.CHECKING), e.GuardsAnswered(guards=guards))


def loaded(tape: Tape) -> Tape:
    tape.enter(Stage.LOADING, 10).add(e.LoadStarted(load="YCSB workload A, 8 threads"))
    tape.load(651, 998, 900, 1056, 1020, 1095, 1005, 1158, 1020, 1033)
    return tape.add(e.BaselineTaken(ops=BASELINE))


def planned(tape: Tape, node: Node = NODE) -> Tape:
    tape.enter(Stage.INJECTING)
    receipt = Injection(
        backend="processes", endpoint="/run/playground.sock", fault=Fault.KILL, node=node, mend=MEND
    )
    return tape.after(0.02).add(e.FaultPlanned(injection=receipt))


def injected(tape: Tape) -> Tape:
    planned(tape)
    at = tape.now + timedelta(seconds=0.03)
    tape.after(0.2).add(e.FaultInjected(at=at, took=0.17, what="SIGKILL to tikv-1 (store 4)"))
    return tape.enter(Stage.DETECTING, 30)


def detected(tape: Tape) -> Tape:
    ticket = Ticket(
        id=3,
        cluster="staging",
        invariant="stores_up",
        subject="tikv-1",
        severity=Severity.CRITICAL,
        text="PD calls store 4 Disconnected.",
        occurrences=1,
        first_seen=tape.now + timedelta(seconds=12.7),
        last_seen=tape.now + timedelta(seconds=12.7),
    )

    def seen(signal: Signal, seconds: float, detail: str) -> None:
        tape.add(e.SignalSeen(signal=signal, seconds=seconds, detail=detail))

    seen(Signal.NODE_EXIT, 0.07, "exit 137")
    tape.load(100, 0)
    seen(Signal.CLIENT_IMPACT, 0.28, "1,020 to 0 ops/s")
    tape.load(*[0.0] * 11)
    seen(Signal.PD_DISCONNECTED, 12.8, "store 4")
    tape.add(probes(Stage.DETECTING, up=2), e.TicketLinked(ticket=ticket, seconds=12.9))
    seen(Signal.TICKET_OPENED, 12.9, "ticket 3, critical")
    tape.load(0)
    seen(Signal.LEADERS_MOVED, 13.8, "2 of 2 now lead elsewhere")
    return tape.add(e.DetectionEnded(detected=True))


EVIDENCE = (
    ("E1", "load", "Throughput fell from 1,020 to 0 ops/s at 12:33:40.4 and is 0 since"),
    ("E2", "nodes", "tikv-1: exited with 137, OOMKilled false, restarts 0"),
    ("E3", "pd", "Store 4 (tikv-1:20160) Disconnected, last heartbeat 12:33:32.8"),
    ("E5", "logs", 'tikv-2: [WARN] ["raft: unreachable"] [store_id=4]'),
    ("E6", "logs", 'tikv-3: [WARN] ["raft: unreachable"] [store_id=4]'),
    ("E7", "logs", "tikv-1: no shutdown line; last line 12:33:40.3"),
)


def diagnosed(tape: Tape, *, by: str = "rules") -> Tape:
    tape.enter(Stage.DIAGNOSING, 60)
    tape.after(0.4)
    items = tuple(Evidence(id=i, source=s, at=tape.now, text=t) for i, s, t in EVIDENCE)
    tape.add(e.EvidenceGathered(evidence=items))
    claims = (
        Claim(text="Its process ended with exit 137 and logged no shutdown", evidence=("E2", "E7")),
        Claim(text="Both peers report it unreachable since 12:33:41", evidence=("E5", "E6")),
        Claim(text="Clients fell from 1,020 to 0 ops/s within 0.3 s", evidence=("E1",)),
        Claim(
            text="Had it been out of memory, OOMKilled would be true; it is false",
            evidence=("E2",),
            against=True,
        ),
    )
    said = Diagnosis(
        by=by,
        why="no Claude key is set" if by == "rules" else "",
        component="tikv-1",
        fault="kill",
        confidence=Confidence.HIGH,
        summary="tikv-1 (store 4) died abruptly",
        claims=claims,
        next_step="Restore it, then look for what kills it.",
    )
    graded = Grade(component=Mark.RIGHT, fault=Mark.RIGHT, claims_grounded=4, claims=4)
    tape.after(0.2)
    return tape.add(e.Diagnosed(diagnosis=said), e.DiagnosisGraded(grade=graded))


def awaiting(tape: Tape, *rates: float) -> Tape:
    """Somebody has to decide; six samples pass, in which clients are served again."""
    return tape.enter(Stage.AWAITING_APPROVAL, 600).load(*(rates or (0, 0, 0, 0, 427, 1006)))


def decided(
    tape: Tape,
    decision: Decision = Decision.APPROVED,
    by: str = "U0APPROVE",
    seconds: float = 41,
) -> Tape:
    tape.load(*[1010 + 7 * (i % 5) for i in range(int(seconds) - 6)])
    return tape.add(e.Decided(decision=decision, by=by, seconds=seconds))


def restored(tape: Tape) -> Tape:
    tape.enter(Stage.RESTORING, 30).after(0.3)
    tape.add(e.FaultRolledBack(took=0.3, what="Started tikv-1 (store 4)"))
    return tape.enter(Stage.VERIFYING, 120)


def verified(tape: Tape) -> Tape:
    tape.load(*[1000.0] * 10).add(probes(Stage.VERIFYING)).load(*[1000.0] * 15)
    return tape.add(e.RecoveryJudged(verified=True, seconds=10.5, ops=1000.0))


# Whole runs.


def recovered(
    run: int = 17, *, by: str = "rules", reason: str = "quarterly check"
) -> list[e.Record]:
    tape = diagnosed(detected(injected(loaded(checked(started(run, reason=reason))))), by=by)
    return verified(restored(decided(awaiting(tape)))).finish(Outcome.RECOVERED)


def expired(run: int = 17) -> list[e.Record]:
    """Nobody decides: the deadline restores."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    tape.after(594).add(e.Decided(decision=Decision.EXPIRED, by="deadline", seconds=600))
    return verified(restored(tape)).finish(Outcome.RECOVERED)


TWO_OF_THREE = Policy(
    approvers=frozenset({"U0APPROVE", "U0SECOND1"}),
    groups=frozenset({"S0ONCALL1"}),
    needed=2,
    starter=False,
)


def with_policy(records: list[e.Record], policy: Policy) -> list[e.Record]:
    """The same run, under another policy."""
    first = records[0]
    assert isinstance(first.event, e.RunStarted)
    begun = first.event.model_copy(update={"policy": policy})
    return [first.model_copy(update={"event": begun}), *records[1:]]


def voted_once(run: int = 17) -> list[e.Record]:
    """One of the two approvals that it takes is there; the starter and an onlooker were refused."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    tape.add(e.VoteCast(decision=Decision.APPROVED, by="U0APPROVE")).load(1010)
    for by, why in (
        ("U024BE7LH", "U024BE7LH started the run, and may not decide about it."),
        ("U0ONLOOKE", "U0ONLOOKE may not decide this."),
    ):
        tape.add(e.VoteRefused(by=by, wanted="approved", why=why))
    return with_policy(tape.records, TWO_OF_THREE)


def approved_by_two(run: int = 17) -> list[e.Record]:
    """Two of three approvals were needed, and came."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    tape.add(e.VoteCast(decision=Decision.APPROVED, by="U0APPROVE")).load(1010)
    tape.add(e.VoteCast(decision=Decision.APPROVED, by="U0SECOND1"))
    tape.add(e.Decided(decision=Decision.APPROVED, by="U0SECOND1", seconds=7))
    return with_policy(verified(restored(tape)).finish(Outcome.RECOVERED), TWO_OF_THREE)


def kept_by_the_deadline(run: int = 17) -> list[e.Record]:
    """One vote is too few, and the deadline keeps the node down."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    tape.add(e.VoteCast(decision=Decision.APPROVED, by="U0APPROVE"))
    tape.after(594).add(e.Decided(decision=Decision.KEPT_DOWN, by=DEADLINE, seconds=600))
    told = tape.finish(Outcome.NOT_RECOVERED, "tikv-1 (store 4) was kept down.")
    policy = TWO_OF_THREE.model_copy(update={"at_deadline": "keep down"})
    return with_policy(told, policy)


def halted(run: int = 17) -> list[e.Record]:
    """Somebody halts everything while the node is down."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    tape.add(e.AbortAsked(by="U0ONLOOKE", why="halted: the shop is slow"))
    why = "Aborted by U0ONLOOKE: halted: the shop is slow"
    return verified(restored(tape)).finish(Outcome.ABORTED, why)


def taken_up(run: int = 17) -> list[e.Record]:
    """The bot was away while somebody had to decide; it goes on waiting with the time that is left."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    tape.after(12).add(e.Noted(note="Chaosbot was away for 12 s, and goes on."))
    decided(tape)
    return verified(restored(tape)).finish(Outcome.RECOVERED)


def refused(run: int = 17) -> list[e.Record]:
    """A guard says no."""
    text = "Without tikv-1 (store 4), region 12 would have 1 of 3 voters and no quorum."
    guard = Guard(guard="region_quorum", verdict=Verdict.DEVIATED, text=text)
    tape = started(run).after(0.1).add(probes(Stage.CHECKING, up=2))
    return tape.add(e.GuardsAnswered(guards=(guard,))).finish(Outcome.REFUSED, text)


def refused_unknown(run: int = 17) -> list[e.Record]:
    """PD does not answer, so nobody knows whether a guard would hold."""
    text = "The regions of tikv-1 (store 4) could not be asked: no answer in 3 s."
    guard = Guard(guard="region_quorum", verdict=Verdict.UNKNOWN, text=text)
    tape = started(run).after(3).add(probes(Stage.CHECKING, unknown="no answer in 3 s"))
    return tape.add(e.GuardsAnswered(guards=(guard,))).finish(Outcome.REFUSED, text)


def aborted(run: int = 17) -> list[e.Record]:
    """Somebody aborts while the failure is being noticed; the node is restored."""
    tape = injected(loaded(checked(started(run))))
    tape.add(e.SignalSeen(signal=Signal.NODE_EXIT, seconds=0.07, detail="exit 137")).load(933, 0)
    tape.add(e.AbortAsked(by="U0APPROVE", why="wrong cluster"))
    return verified(restored(tape)).finish(Outcome.ABORTED, "Aborted by U0APPROVE: wrong cluster")


def aborted_before_harm(run: int = 17) -> list[e.Record]:
    tape = loaded(checked(started(run))).add(e.AbortAsked(by="U024BE7LH"))
    return tape.finish(Outcome.ABORTED, "Aborted by U024BE7LH before anything was injected.")


def kept_down(run: int = 17) -> list[e.Record]:
    """Keep it down: the run is over, the node is not back."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    decided(tape, Decision.KEPT_DOWN)
    why = "tikv-1 (store 4) was kept down."
    return tape.finish(Outcome.NOT_RECOVERED, why)


def kept_down_then_restored(run: int = 17) -> list[e.Record]:
    tape = Tape(run)
    tape.records = kept_down(run)
    tape.now = tape.records[-1].at
    tape.after(900).add(e.RestoreAsked(by="U024BE7LH"))
    return verified(restored(tape)).finish(Outcome.RECOVERED)


def not_recovered(run: int = 17) -> list[e.Record]:
    """The node cannot be restored: the loudest ending there is."""
    tape = awaiting(diagnosed(detected(injected(loaded(checked(started(run)))))))
    decided(tape).enter(Stage.RESTORING, 30).after(30)
    error = "tikv-1 (store 4) did not start within 30 s."
    tape.add(e.RollbackFailed(error=error, mend=MEND))
    return tape.finish(Outcome.NOT_RECOVERED, "tikv-1 (store 4) is still down.")


def not_steady(run: int = 17) -> list[e.Record]:
    """The node came back and did not stay."""
    tape = decided(awaiting(diagnosed(detected(injected(loaded(checked(started(run))))))))
    restored(tape).load(*[1000.0] * 9).add(probes(Stage.VERIFYING, up=2))
    why = "tikv-1 (store 4) exited again 9 s after it was Up."
    tape.add(e.RecoveryJudged(verified=False, seconds=None, ops=310.0, why=why))
    return tape.finish(Outcome.NOT_RECOVERED, why)


def not_detected(run: int = 17) -> list[e.Record]:
    """Most signals never show within the deadline: a finding, and still a restore."""
    tape = injected(loaded(checked(started(run))))
    tape.add(e.SignalSeen(signal=Signal.NODE_EXIT, seconds=0.07, detail="exit 137"))
    tape.load(*[1011.0] * 30)
    missing = (
        Signal.CLIENT_IMPACT,
        Signal.LEADERS_MOVED,
        Signal.PD_DISCONNECTED,
        Signal.TICKET_OPENED,
    )
    tape.add(e.DetectionEnded(detected=False, missing=missing))
    tape = decided(awaiting(diagnosed(tape), *[1011.0] * 6))
    return verified(restored(tape)).finish(Outcome.RECOVERED)


def failed(run: int = 17) -> list[e.Record]:
    """The engine itself breaks in the middle of a run; the node is restored all the same."""
    tape = injected(loaded(checked(started(run)))).load(933, 0)
    tape.add(e.Noted(note="PD answers rubbish: expected a list of stores."))
    return verified(restored(tape)).finish(Outcome.FAILED, "The journal could not be written.")


RUNS = {
    "recovered": recovered,
    "expired": expired,
    "refused": refused,
    "refused_unknown": refused_unknown,
    "aborted": aborted,
    "aborted_before_harm": aborted_before_harm,
    "kept_down": kept_down,
    "kept_down_then_restored": kept_down_then_restored,
    "not_recovered": not_recovered,
    "not_steady": not_steady,
    "not_detected": not_detected,
    "failed": failed,
    "approved_by_two": approved_by_two,
    "kept_by_the_deadline": kept_by_the_deadline,
    "halted": halted,
    "taken_up": taken_up,
}

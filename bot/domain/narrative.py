"""A narrative: a report in words, for every view. Pure functions of a report and the time.

No view's markup is in it: a person in a sentence is a `Person`, and what comes from the cluster
stands as it came. `bot.domain.progress` tells stages, signals and throughput as lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.approval import DEADLINE, Decision
from bot.domain.experiment import Outcome, Signal, Stage
from bot.domain.report import Report
from bot.domain.sentence import (
    Person,
    Sentence,
    ended,
    exact,
    listed,
    lowered,
    raised,
    rough,
    sentence,
)

_HALTED = "halted"  # how the reason of an abort by a halt begins


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """The loudest thing that there is to say: what is broken, and the command that mends it."""

    sentence: str
    command: str | None


def title(report: Report) -> str:
    """The run in three words: "Run 17: kill tikv"."""
    return f"Run {report.run}: {report.command}"


def kept_down(report: Report) -> bool:
    """Whether somebody decided to leave the node down, and it still is."""
    decided = report.approval is not None and report.approval.decision is Decision.KEPT_DOWN
    return decided and report.broken and report.finished


def remaining(report: Report, now: datetime) -> float | None:
    """Seconds until the present stage ends by itself, None if nothing counts down."""
    if report.finished or report.deadline is None:
        return None
    return max(0.0, (report.deadline - now).total_seconds())


def alarm(report: Report) -> Alarm | None:
    """What has to be said loudly, None if all is as it should be."""
    over = report.finished and not kept_down(report)
    if report.broken and (report.mend or (over and report.fault.injected_at)):
        planned = report.injection.mend if report.injection else None
        return Alarm(
            sentence=f"Not recovered: {report.node_label} is still down.",
            command=report.mend or planned,
        )
    if report.finished and report.outcome is Outcome.NOT_RECOVERED and not report.broken:
        why = report.recovery.why if report.recovery else ""
        why = why or report.why or f"{report.node_label} is back, but the cluster is not well"
        return Alarm(sentence=f"Not recovered: {ended(why)}", command=None)
    return None


def headline(report: Report, now: datetime | None) -> str:
    """The run's state in one sentence; without `now` it leaves the countdown out.

    "Run 17 (kill tikv): detecting, 17 s left; node exit after 0.07 s, clients stalled."
    """
    start = f"Run {report.run} ({report.command}): "
    if loud := alarm(report):
        return start + loud.sentence + (f" Mend it: {loud.command}" if loud.command else "")
    if report.finished:
        return start + lowered(str(outcome_sentence(report)))
    left = remaining(report, now) if now else None
    stage = report.stage.value if report.stage else "about to start"
    said = stage.replace("awaiting", "waiting for") + (
        f", {rough(left)} left" if left is not None else ""
    )
    noticed = _noticed(report)
    return start + said + (f"; {noticed}." if noticed else ".")


def state_line(report: Report) -> Sentence:  # noqa: PLR0911 - one case a state
    """The run's state for somebody who only skims: it changes a handful of times in a run."""
    if loud := alarm(report):
        return sentence(loud.sentence)
    noticed = _noticed(report)
    if report.finished and report.outcome is Outcome.RECOVERED:
        return sentence(outcome_sentence(report), f" {raised(noticed)}." if noticed else "")
    if report.finished:
        return outcome_sentence(report)
    match report.stage:
        case Stage.DETECTING | Stage.DIAGNOSING:
            return sentence(f"{report.node_label} is down. Watching who notices, and when.")
        case Stage.AWAITING_APPROVAL:
            counted = tally(report)
            waiting = f"Waiting for approval{f', {counted}' if counted else ''}."
            return sentence(waiting, f" {raised(noticed)}." if noticed else "")
        case Stage.RESTORING | Stage.VERIFYING:
            why = _why_restored(report)
            back = f"Restoring {report.node_label}, then checking that the cluster is well."
            return sentence(why, " ", back) if why else sentence(back)
        case _:
            return sentence("Getting ready: checking the cluster, then load, then the fault.")


def outcome_sentence(report: Report) -> Sentence:  # noqa: PLR0911 - one case an outcome
    """How a finished run ended."""
    node = report.node_label
    if kept_down(report) and report.approval:
        if report.approval.by == DEADLINE:
            return sentence(f"{node} is kept down, as nobody decided in time.")
        return sentence(f"{node} is kept down, as ", deciders(report), " decided.")
    if loud := alarm(report):
        return sentence(loud.sentence)
    match report.outcome:
        case Outcome.RECOVERED:
            return sentence(_back(report))
        case Outcome.REFUSED:
            return sentence("Refused, nothing was harmed. ", ended(report.why))
        case Outcome.ABORTED:
            aborted = abort_sentence(report) or sentence("Aborted.")
            back = f"{node} is back." if report.fault.rolled_back_at else "Nothing was harmed."
            return sentence(aborted, f" {back}")
        case Outcome.FAILED:
            back = f" {node} is back." if report.fault.rolled_back_at else ""
            return sentence("Failed. ", ended(report.why), back)
        case _:
            return sentence(ended(report.why or "Over"))


def result_lines(report: Report) -> tuple[str, ...]:
    """What a finished run showed, one thought a line; the outcome itself is not among them."""
    lines = []
    if report.load and report.load.stall_seconds is not None:
        lines.append(f"Clients stalled for {exact(report.load.stall_seconds)}.")
    elif report.load and report.load.stall:
        lines.append("Clients stalled, and were still stalled at the end.")
    elif report.load and report.fault.injected_at:
        lines.append("Clients did not stall.")
    if report.signals:
        seen = sorted(report.signals, key=lambda s: s.seconds)
        noticed = ", ".join(f"{s.signal.words} +{exact(s.seconds)}" for s in seen)
        lines.append(f"Noticed: {noticed}.")
    if report.missing_signals:
        missed = ", ".join(s.words for s in report.missing_signals)
        lines.append(f"Not noticed within {rough(report.timings.detection)}: {missed}.")
    if report.recovery and report.recovery.throughput_ratio is not None:
        lines.append(f"Throughput: {report.recovery.throughput_ratio:.0%} of its baseline.")
    lines.extend(report.notes)
    return tuple(lines)


def decision_sentence(report: Report) -> Sentence | None:
    """Who decided what becomes of the node, and when; None while nobody has."""
    if report.approval is None:
        return None
    after = f"{exact(report.approval.seconds)} after it was asked."
    kept = report.approval.decision is Decision.KEPT_DOWN
    if report.approval.by == DEADLINE:
        waited = rough(report.approval.seconds)
        undecided = "There were too few votes" if report.votes else "Nobody decided"
        becomes = "stays down" if kept else "is restored by itself"
        return sentence(f"{undecided} within {waited}, so it {becomes}.")
    return sentence(
        "Kept down by " if kept else "Restore approved by ", deciders(report), f", {after}"
    )


def deciders(report: Report) -> Sentence:
    """Who voted for what was decided, in their order."""
    if report.approval is None:
        return sentence()
    voters = [v.by for v in report.votes if v.decision is report.approval.decision]
    return listed(voters or [report.approval.by])


def vote_sentences(report: Report) -> tuple[Sentence, ...]:
    """The votes of a run that waits for more of them: "1 of 2: approved by A"."""
    if report.approval is not None:
        return ()
    told = []
    for decision, words in (
        (Decision.APPROVED, "approved by "),
        (Decision.KEPT_DOWN, "to keep it down, by "),
    ):
        voters = [vote.by for vote in report.votes if vote.decision is decision]
        if voters:
            count = f"{len(voters)} of {report.policy.needed}"
            told.append(sentence(f"{count}: {words}", listed(voters)))
    return tuple(told)


def tally(report: Report) -> str:
    """How many votes of how many the restore has: "1 of 2"; "" where one is enough."""
    if report.policy.needed == 1:
        return ""
    given = sum(vote.decision is Decision.APPROVED for vote in report.votes)
    return f"{given} of {report.policy.needed}"


def abort_sentence(report: Report) -> Sentence | None:
    """Who aborted the run, and why; None where nobody did."""
    by = report.aborted_by
    if by is None:
        return None
    why = _why_aborted(report)
    if why == _HALTED or why.startswith(f"{_HALTED}: "):
        by_halt, why = ", who halted everything", why.removeprefix(_HALTED).removeprefix(": ")
    else:
        by_halt = ""
    return sentence("Aborted by ", Person(by), by_halt, f": {ended(why)}" if why else ".")


def _noticed(report: Report) -> str:
    """What the failure did so far: "PD noticed after 12.8 s, clients stalled for 19.0 s"."""
    by_pd = (report.signal(Signal.PD_DISCONNECTED), report.signal(Signal.PD_MEMBER_LOST))
    said = [f"PD noticed after {exact(seen.seconds)}" for seen in by_pd if seen]
    if not said and report.signals:
        first = min(report.signals, key=lambda s: s.seconds)
        said.append(f"{first.signal.words} after {exact(first.seconds)}")
    if report.load and report.load.stall:
        took = report.load.stall_seconds
        said.append("clients stalled" + (f" for {exact(took)}" if took is not None else ""))
    elif report.signal(Signal.CLIENT_IMPACT):
        said.append("clients are hurt")
    if report.missing_signals:
        said.append("but not noticed in every way")
    return ", ".join(said)


def _back(report: Report) -> str:
    if report.recovery is None or report.recovery.seconds is None:
        return "Recovered."
    steady = rough(report.timings.settling)
    return f"Recovered in {exact(report.recovery.seconds)}, and steady for {steady} since."


def _why_restored(report: Report) -> Sentence | None:
    return abort_sentence(report) or decision_sentence(report)


def _why_aborted(report: Report) -> str:
    """The reason that was given with the abort; whatever happened since, the timeline has it."""
    asked = next((m.text for m in report.timeline if m.event == "abort_asked"), "")
    return asked.removeprefix(f"Aborted by {report.aborted_by}").removeprefix(": ")

"""Buttons: the clicks that Chaosbot offers. Their ids never change.

Their value is the run, or the words of an experiment that could be run. A click therefore says all
that there is to know, also after a restart.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from bot.domain.command import words_of
from bot.domain.experiment import Experiment
from bot.domain.report import Report
from bot.slack.blocks import Button, Confirm


class Action(StrEnum):
    """The `action_id` of each button."""

    APPROVE = "approve_restore"
    KEEP_DOWN = "keep_down"
    ABORT = "abort_run"
    RESTORE = "restore_node"
    AGAIN = "run_again"
    EVIDENCE = "show_evidence"
    REPORT = "show_report"
    HALT = "halt_all"
    RESUME = "resume_all"
    DRY_RUN = "dry_run"
    RUN = "run_it"


AGAIN_DIALOG: Final = "run_again_dialog"  # the `callback_id` of what "Run again" opens


def run_of(value: str) -> int | None:
    """The run that a button's value names, None if it names none."""
    fits = value.isascii() and value.isdigit() and len(value) <= 12  # noqa: PLR2004 - fits SQLite
    return int(value) if fits and int(value) > 0 else None


def approve(report: Report) -> Button:
    """Restore the node now."""
    return Button(
        action=Action.APPROVE,
        label="Approve restore",
        value=str(report.run),
        style="primary",
        confirm=Confirm(
            title=f"Restore {report.node_label}?",
            text=f"The node is started again, and then the cluster is watched until it is well."
            f"{_one_vote(report)}",
            yes="Restore it",
        ),
    )


def keep_down(report: Report) -> Button:
    """Leave the node as it is."""
    return Button(
        action=Action.KEEP_DOWN,
        label="Keep it down",
        value=str(report.run),
        confirm=Confirm(
            title=f"Keep {report.node_label} down?",
            text=f"Run {report.run} ends, and the node stays down until somebody restores it with "
            f"/chaos restore {report.run}.{_one_vote(report)}",
            yes="Keep it down",
        ),
    )


def abort(report: Report) -> Button:
    """Stop the run."""
    return Button(
        action=Action.ABORT,
        label="Abort and restore",
        value=str(report.run),
        style="danger",
        confirm=Confirm(
            title=f"Abort run {report.run}?",
            text="The load stops, and whatever was broken is restored at once.",
            yes="Abort and restore",
            no="Let it go on",
        ),
    )


def restore(report: Report) -> Button:
    """Bring back a node that was kept down."""
    return Button(
        action=Action.RESTORE,
        label="Restore node",
        value=str(report.run),
        style="primary",
        confirm=Confirm(
            title=f"Restore {report.node_label}?",
            text="The node is started again, and then the cluster is watched until it is well.",
            yes="Restore it",
        ),
    )


def again(report: Report) -> Button:
    """The same experiment once more; a dialog of ours asks first."""
    return Button(action=Action.AGAIN, label="Run again", value=str(report.run))


def run_it(wanted: Experiment, cluster: str) -> Button:
    """Start what a dry run has shown."""
    return Button(
        action=Action.RUN,
        label="Run it",
        value=words_of(wanted),
        style="danger",
        confirm=Confirm(
            title=f"{wanted.command.capitalize()}?",
            text=f"It is a run in {cluster}, with its own checks and its own approval.",
            yes="Run it",
        ),
    )


def dry_run(wanted: Experiment) -> Button:
    """Show what it would do, and touch nothing."""
    return Button(action=Action.DRY_RUN, label="Dry run", value=words_of(wanted))


def evidence(report: Report) -> Button:
    """What the diagnosis rests on."""
    return Button(action=Action.EVIDENCE, label="Evidence", value=str(report.run))


def summary(report: Report) -> Button:
    """The whole run."""
    return Button(action=Action.REPORT, label="Report", value=str(report.run))


def halt() -> Button:
    """Stop everything."""
    return Button(
        action=Action.HALT,
        label="Halt everything",
        value="all",
        style="danger",
        confirm=Confirm(
            title="Halt everything?",
            text="Every run is aborted, every node is restored, and nothing new is started until "
            "an approver resumes.",
            yes="Halt everything",
            no="Let it go on",
        ),
    )


def resume() -> Button:
    """Let runs be started again."""
    return Button(
        action=Action.RESUME,
        label="Resume",
        value="all",
        style="primary",
        confirm=Confirm(
            title="Resume?",
            text="Runs may be started again. None of those that were aborted goes on.",
            yes="Resume",
        ),
    )


def _one_vote(report: Report) -> str:
    needed = report.policy.needed
    return f" It takes {needed} votes; yours is one of them." if needed > 1 else ""

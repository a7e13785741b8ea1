"""Buttons: the clicks that Chaosbot offers. Their ids never change, their value is the run.

A click therefore says all that there is to know, also after a restart.
"""

from __future__ import annotations

from enum import StrEnum

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
            text="The node is started again, and then the cluster is watched until it is well.",
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
            f"/chaos restore {report.run}.",
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
    """The same experiment once more."""
    return Button(
        action=Action.AGAIN,
        label="Run again",
        value=str(report.run),
        confirm=Confirm(
            title=f"{report.command.capitalize()} again?",
            text=f"It is a new run in {report.cluster}, with its own checks and its own approval.",
            yes="Run it",
        ),
    )


def evidence(report: Report) -> Button:
    """What the diagnosis rests on."""
    return Button(action=Action.EVIDENCE, label="Evidence", value=str(report.run))


def summary(report: Report) -> Button:
    """The whole run."""
    return Button(action=Action.REPORT, label="Report", value=str(report.run))

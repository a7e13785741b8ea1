"""Admission: which cluster an experiment is for, and whether a run may be on it now."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.errors import CommandError, Refused
from bot.domain.experiment import Experiment
from bot.engine.halting import Halting
from bot.engine.monitor import Monitor
from bot.engine.runs import Runs


class Admission:
    """Lets one run at a time onto a cluster, and none while there is a halt."""

    def __init__(self, monitors: Mapping[str, Monitor], runs: Runs, halting: Halting) -> None:
        self._monitors = monitors
        self._runs = runs
        self._halting = halting
        self._closed = False

    def close(self) -> None:
        """Let nothing in any more."""
        self._closed = True

    def monitor_for(self, experiment: Experiment) -> Monitor:
        """The monitor of the cluster that is meant.

        Raises:
            CommandError: there is none, or there are several to choose from.
        """
        if experiment.cluster is None and len(self._monitors) == 1:
            return next(iter(self._monitors.values()))
        known = ", ".join(self._monitors) or "none"
        if experiment.cluster is None:
            raise CommandError(
                f"There are several clusters: {known}.",
                mend=f'Name one: "{experiment.command} in {next(iter(self._monitors), "")}".',
            )
        if experiment.cluster not in self._monitors:
            raise CommandError(
                f'I know no cluster called "{experiment.cluster}".',
                word=experiment.cluster,
                mend=f"There is: {known}.",
            )
        return self._monitors[experiment.cluster]

    def let_in(self, monitor: Monitor, *, despite_halt: bool = False) -> None:
        """Let a run onto a cluster; `despite_halt`: it only restores.

        Raises:
            Refused: the engine is closing, there is a halt, or another run is there.
        """
        if self._closed:
            raise Refused("Chaosbot is ending and starts nothing new.")
        if self._halting.now and not despite_halt:
            raise Refused(self._halting.now.text, mend='An approver ends it with "resume".')
        if there := self._runs.on(monitor):
            report = there.report
            raise Refused(
                f"Run {report.run} ({report.command}) is on {report.cluster} since "
                f"{report.started_at:%H:%M:%S} UTC, started by {report.started_by}.",
                mend=f'Wait until it is over, or "abort {report.run}".',
            )

"""Safety: what keeps a fault from staying behind while the bot is alive but alone.

Each second: obey a halt that another process has journalled; pull the dead man's switch where
Slack, PD or what runs the nodes has been silent for too long while a fault is in; and try again
what could not be put right before.
"""

from __future__ import annotations

import logging
from typing import Final

from bot.domain.approval import Decision
from bot.domain.errors import ChaosError, ClusterError, JournalError, Undecidable
from bot.domain.experiment import Stage
from bot.domain.report import Report
from bot.engine.chaos import Chaos
from bot.engine.run import Run

log = logging.getLogger(__name__)

DEAD_MAN: Final = "dead man's switch"
_TICK: Final = 1.0
_LOOK: Final = 5.0  # seconds between two looks at a cluster with a fault in it
_ASLEEP: Final = 10.0  # a second that took so long: we were not there to listen
_FIRST_RETRY, _LAST_RETRY = 10.0, 300.0
_IN: Final = frozenset(
    {Stage.INJECTING, Stage.DETECTING, Stage.DIAGNOSING, Stage.AWAITING_APPROVAL}
)


class Safety:
    """Watches over an engine while `keep_watch` runs."""

    def __init__(self, chaos: Chaos, *, deadman: float) -> None:
        """`deadman`: seconds of silence after which a node is restored."""
        self._chaos = chaos
        self._deadman = deadman
        self._ticked = chaos.clock.monotonic()
        self._retry_at = 0.0
        self._retry_after = _FIRST_RETRY

    async def keep_watch(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._chaos.clock.sleep(_TICK)
            now = self._chaos.clock.monotonic()
            if now - self._ticked > _ASLEEP:
                self._chaos.contact.all_heard()
            self._ticked = now
            try:
                await self._chaos.listen()
                await self._look()
                await self._pull()
                await self._try_again(now)
            except JournalError as error:
                log.error("Safety cannot read the journal: %s", error)  # noqa: TRY400 - a sentence, no traceback

    async def _look(self) -> None:
        now = self._chaos.clock.monotonic()
        for run in self._chaos.living:
            if run.report.broken and now - run.monitor.looked_at >= _LOOK:
                await run.monitor.check()

    async def _pull(self) -> None:
        """Abort each run whose fault is in while somebody that it needs is silent."""
        silent = self._chaos.contact.silent(self._deadman)
        for run in self._chaos.living:
            needed = [
                part for part in silent if part in {"Slack", run.monitor.pd, run.monitor.nodes}
            ]
            if needed and _in(run):
                said = " and ".join(f"{part} for {silent[part]:.0f} s" for part in needed)
                log.warning("Run %d: nothing was heard of %s.", run.ledger.run, said)
                try:
                    await run.abort(DEAD_MAN, f"nothing was heard of {said}")
                except Undecidable as error:
                    log.info("%s", error)

    async def _try_again(self, now: float) -> None:
        """Put right what no run puts right any more, once what runs the nodes answers again."""
        if now < self._retry_at:
            return
        self._retry_at = now + self._retry_after
        tried = False
        for number, _ in await self._chaos.journal.open_injections():
            if any(run.ledger.run == number for run in self._chaos.living):
                continue
            report = await self._chaos.report(number)
            if not _given_up(report) or report.cluster not in self._chaos.monitors:
                continue
            tried = True
            await self._bring_back(report)
        self._retry_after = min(self._retry_after * 2, _LAST_RETRY) if tried else _FIRST_RETRY

    async def _bring_back(self, report: Report) -> None:
        try:
            await self._chaos.monitors[report.cluster].cluster.backend.nodes()
            await self._chaos.bring_back(report, by="chaosbot")
        except ClusterError as error:
            log.warning("Run %d: %s is still down: %s", report.run, report.node_label, error)
        except ChaosError as error:
            log.info("Run %d is tried again later: %s", report.run, error.whole)


def _in(run: Run) -> bool:
    """Whether a run's fault is in and nobody has decided about it yet."""
    report = run.report
    undecided = report.approval is None and report.aborted_by is None
    return report.broken and undecided and report.stage in _IN


def _given_up(report: Report) -> bool:
    """Whether a run is over and its node is broken though nobody wanted it so."""
    wanted = report.approval is not None and report.approval.decision is Decision.KEPT_DOWN
    return report.finished and report.broken and not (wanted and report.restore_asked_by is None)

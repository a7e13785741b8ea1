"""Reports: the runs as they stood when they were last asked for; only what came since is read."""

from __future__ import annotations

from functools import reduce
from typing import Final

from bot.domain.errors import CommandError
from bot.domain.fold import advance, fold
from bot.domain.report import Report
from bot.engine.ports import Journal

_KEPT: Final = 20  # reports; a whole one takes some hundred kB


class Reports:
    """What the journal tells of runs. All methods raise JournalError."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: dict[int, tuple[int, Report]] = {}  # with the seq of the last record in it

    async def of(self, run: int) -> Report:
        """A run as its history tells it now.

        Raises:
            CommandError: there is no such run.
        """
        seq, report = self._kept.get(run, (0, None))
        records = await self._journal.history(run, after=seq)
        if report is None:
            if not records:
                raise await self._unknown(run)
            report = fold(records)
        else:
            report = reduce(advance, records, report)
        self._kept.pop(run, None)
        self._kept[run] = (records[-1].seq if records else seq, report)
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]  # the one that was not asked for the longest
        return report

    async def _unknown(self, run: int) -> CommandError:
        newest = await self._journal.latest(1)
        mend = f"The newest is run {newest[0]}." if newest else "There is none yet."
        return CommandError(f"There is no run {run}.", word=str(run), mend=mend)

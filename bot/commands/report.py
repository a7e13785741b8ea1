"""`chaosbot report` and `chaosbot history`: what the journal tells, read from outside."""

from __future__ import annotations

import argparse
import json
import sys

from bot import publish
from bot.commands.process import DONE, settings
from bot.domain.errors import CommandError
from bot.domain.fold import fold
from bot.domain.narrative import title
from bot.domain.report import Report, schema
from bot.journal import Journal

_PRINTED = {"markdown": publish.markdown, "html": publish.html, "json": publish.json_text}


async def report(options: argparse.Namespace) -> int:
    """Print a run's report, or the schema of all of them."""
    if options.schema:
        sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
        return DONE
    path = settings().journal
    if options.run is None:
        raise CommandError('"report" needs a run.', mend='For example: "chaosbot report 17".')
    if not path.exists():
        raise CommandError(f"There is no run {options.run}.", mend="There is none yet.")
    async with await Journal.open(path, read_only=True) as journal:
        records = await journal.history(options.run)
        newest = await journal.latest(1)
    if not records:
        mend = f"The newest is run {newest[0]}." if newest else "There is none yet."
        raise CommandError(f"There is no run {options.run}.", mend=mend)
    sys.stdout.write(_PRINTED[options.format](fold(records)).rstrip("\n") + "\n")
    return DONE


async def history(options: argparse.Namespace) -> int:
    """Print the newest runs, newest first, one on each line."""
    path = settings().journal
    found: list[Report] = []
    if path.exists():
        async with await Journal.open(path, read_only=True) as journal:
            newest = await journal.latest(options.limit)
            found = [fold(await journal.history(run)) for run in newest]
    for one in found:
        sys.stdout.write(_line(one) + "\n")
    if not found:
        sys.stdout.write("There was no run yet.\n")
    return DONE


def _line(told: Report) -> str:
    stands = told.outcome.value if told.outcome else "goes on"
    why = f" {told.why}" if told.why else ""
    words = (
        f"{told.started_at:%Y-%m-%d %H:%M:%S} UTC  {title(told)} by {told.started_by}: {stands}."
    )
    return " ".join((words + why).split("\n"))

"""`chaosbot halt` and `chaosbot resume`: they write into the journal, and the bot obeys within a second.

Where no bot is at work, this very command restores what is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import time
from datetime import UTC, datetime
from typing import Final

from bot.app import left_behind, put_right
from bot.commands.process import DONE, FAILED, settings
from bot.commands.recover import tell
from bot.domain.control import Halted, Resumed, standing
from bot.domain.errors import Undecidable
from bot.domain.fold import fold
from bot.journal import Journal
from bot.lock import GUARDIAN, Taken, holder
from bot.settings import Settings

_OBEYS_WITHIN: Final = 2.5  # seconds; a bot looks each second
_LOOK: Final = 0.2
_SLACK: Final = 30.0  # seconds beside the limit of a rollback


async def halt(options: argparse.Namespace) -> int:
    """Abort every run, restore every node, and let nothing be started until `resume`."""
    given = settings()
    given.prepare_home()
    why = " ".join(options.reason)
    async with await Journal.open(given.journal, secrets=given.secrets()) as journal:
        entry = await journal.note(Halted(by=getpass.getuser(), why=why), datetime.now(UTC))
        if now := standing(entry):
            sys.stdout.write(f'{now.text} Nothing is started until "chaosbot resume".\n')
            sys.stdout.flush()
        before = [left.run for left in await left_behind(journal, kept_down=True)]
        if await _obeyed(given, journal):
            return await _ended(journal, before)
    try:
        return tell(await put_right(given, "halt", kept_down=True))
    except Taken:  # a bot has just started, and reads the halt before anything else
        return DONE


async def resume() -> int:
    """Let runs be started again.

    Raises:
        Undecidable: there is no halt.
    """
    given = settings()
    given.prepare_home()
    async with await Journal.open(given.journal, secrets=given.secrets()) as journal:
        if standing(await journal.newest_halt()) is None:
            raise Undecidable("Chaosbot is not halted.")
        await journal.note(Resumed(by=getpass.getuser()), datetime.now(UTC))
    sys.stdout.write("Runs may be started again.\n")
    return DONE


async def _obeyed(given: Settings, journal: Journal) -> bool:
    """Wait until a bot has nothing left to restore; False: no bot is at work (any more)."""
    began = time.monotonic()
    longest = given.timings(fast=False).rollback + _SLACK
    while time.monotonic() - began < longest:
        at_work = holder(given.home)
        if at_work is None or at_work.role == GUARDIAN:
            return False
        left = await left_behind(journal, kept_down=True)
        if not left and time.monotonic() - began >= _OBEYS_WITHIN:
            return True
        await asyncio.sleep(_LOOK)
    return True


async def _ended(journal: Journal, before: list[int]) -> int:
    """Print what became of the runs that the halt has met."""
    left = {one.run: one for one in await left_behind(journal, kept_down=True)}
    for run in before:
        told = fold(await journal.history(run))
        how = f"{told.outcome.value}. {told.why}" if told.outcome else "it still goes on."
        sys.stdout.write(f"Run {run} ({told.command}): {how}".strip() + "\n")
    broken = [one for one in left.values() if one.injection]
    for one in broken:
        if one.injection:
            sys.stdout.write(f"{one.injection.node.label} is still down: {one.injection.mend}\n")
    if not before:
        sys.stdout.write("No run was going on.\n")
    return FAILED if left else DONE

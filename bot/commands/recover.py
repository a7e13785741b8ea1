"""`chaosbot recover` and what the guardian does: put right what an earlier process has left."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from bot import logs
from bot.app import left_behind, put_right
from bot.commands.process import DONE, FAILED, settings
from bot.domain.errors import ChaosError
from bot.engine.recovery import Left
from bot.guardian import lost
from bot.journal import Journal
from bot.lock import GUARDIAN, Taken, holder
from bot.settings import Settings

log = logging.getLogger(__name__)


async def recover(options: argparse.Namespace) -> int:
    """Put right what was left behind, or show it."""
    given = settings()
    if options.dry_run:
        return await _show(given)
    found = await put_right(given, "recover", kept_down=True)
    return tell(found)


def tell(found: list[Left]) -> int:
    """Print what became of each run; failed if a node is still broken."""
    for left in found:
        sys.stdout.write(f"Run {left.run}: {_what(left)}. {left.became}".strip() + "\n")
    if not found:
        sys.stdout.write("Nothing was left behind.\n")
    return FAILED if any(left.still_broken for left in found) else DONE


async def _show(given: Settings) -> int:
    found: list[Left] = []
    if given.journal.exists():
        async with await Journal.open(given.journal, read_only=True) as journal:
            found = await left_behind(journal, kept_down=True)
    for left in found:
        starting = left.at_start or "it is kept down, and stays so"
        sys.stdout.write(
            f"Run {left.run}: {_what(left)}.\n"
            f"  A bot that starts: {starting}.\n"
            f"  chaosbot recover: {_recovering(left)}.\n"
        )
    if not found:
        sys.stdout.write("Nothing was left behind.\n")
    elif at_work := holder(given.home):
        sys.stdout.write(f"A chaosbot is at work here ({at_work}): it takes care of this.\n")
    return DONE


def _what(left: Left) -> str:
    return left.injection.text if left.injection else "nothing was injected"


def _recovering(left: Left) -> str:
    if left.injection is None:
        return "the run is ended"
    return f"{left.injection.node.label} is restored, and the run is ended"


def restore_for_guardian(home: Path) -> bool:
    """One attempt of the guardian; whether nothing is left for it to do. Never raises."""
    logs.set_up()
    try:
        given = settings().model_copy(update={"home": home})
        found = asyncio.run(put_right(given, GUARDIAN, kept_down=False))
    except Taken:  # somebody has come, and does it
        return False
    except ChaosError as error:
        _log(error.whole)
        return False
    except Exception:
        # It is tried again whatever it was: nobody else is here who would.
        log.exception("%s The guardian met a defect.", _now())
        return False
    for left in found:
        _log(f"Run {left.run}: {_what(left)}. {left.became}")
    broken = [left.injection for left in found if left.still_broken and left.injection]
    return all(lost(injection.backend, injection.endpoint) for injection in broken)


def _log(text: str) -> None:
    log.warning("%s %s", _now(), text)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC:"

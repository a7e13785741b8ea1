"""The state folder: can it be written, does its journal open, who else uses it, what is left in it.

Nothing is made or changed, except for a nameless file that is gone at once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from bot.doctor.finding import Finding, broken, works
from bot.domain.control import standing
from bot.domain.errors import JournalError
from bot.journal import Journal
from bot.journal.migrate import known
from bot.lock import holder
from bot.settings import Settings

_ELSEWHERE: Final = "Name another folder in CHAOSBOT_HOME."
_TRIED: Final = 64 * 1024  # bytes that a journal's next page may well take
_LITTLE: Final = 100 * 1024 * 1024  # bytes


async def look_at_state(settings: Settings) -> list[Finding]:
    """The folder, the journal, what is left behind, and other chaosbots."""
    folder = _folder(settings.home)
    if not settings.journal.exists():
        text = f"There is none yet; the first run makes it, at {settings.journal}."
        return [folder, works("journal", text)]
    at_work = holder(settings.home)
    found = [folder, *await _journal(settings.journal, in_use=at_work is not None)]
    if at_work is not None:
        text = f"One is at work here ({at_work}): a second one would be refused this folder."
        found.append(works("other chaosbots", text))
    return found


def _folder(home: Path) -> Finding:
    there = home
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if not there.is_dir():
            return broken("state folder", f"{there} is a file, no folder.", mend=_ELSEWHERE)
        if there != home:
            may = os.access(there, os.W_OK | os.X_OK)
            text = f"{home} is made by the first run."
            why = f"{home} is not there, and {there} cannot be written."
            made = works("state folder", text)
            return made if may else broken("state folder", why, mend=_ELSEWHERE)
        with tempfile.TemporaryFile(dir=home) as tried:
            tried.write(b"\0" * _TRIED)
            tried.flush()
            os.fsync(tried.fileno())
        free = shutil.disk_usage(home).free
    except OSError as error:
        why = f"{home} cannot be written: {error.strerror}."
        return broken("state folder", why, mend=f"Make it writable, or: {_ELSEWHERE}")
    if free < _LITTLE:
        why = f"{home} can be written, but only {free / 1024**2:,.0f} MiB are free there."
        return broken("state folder", why, mend=f"Make room, or: {_ELSEWHERE}", needed=False)
    return works("state folder", f"{home} can be written; {free / 1024**3:,.0f} GiB are free.")


async def _journal(path: Path, *, in_use: bool) -> list[Finding]:
    try:
        async with await Journal.open(path, read_only=True) as journal:
            newest = await journal.latest(1)
            injected = await journal.open_injections()
            halt = standing(await journal.newest_halt())
    except JournalError as error:
        return [broken("journal", error)]
    last = f"its newest run is {newest[0]}" if newest else "there is no run in it yet"
    found = [works("journal", f"It opens, schema {max(m.number for m in known())}; {last}.")]
    if halt:
        mend = "When runs may be started again: chaosbot resume."
        found.append(broken("halt", halt.text, mend=mend, needed=False))
    if injected and not in_use:
        told = "; ".join(f"run {run}: {left.text}" for run, left in injected)
        text = f"The journal says that this may still be broken: {told}."
        found.append(broken("left behind", text, mend="chaosbot recover"))
    return found

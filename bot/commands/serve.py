"""`chaosbot serve` and `chaosbot demo`."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import suppress

from bot import serving
from bot.app import Ended
from bot.commands.process import ABORTED, DONE, STATUS, on_eof, on_signals, settings
from bot.demo import Demo, Wishes


async def serve(options: argparse.Namespace) -> int:
    """The bot, until SIGTERM hands over what is in flight, or SIGINT restores it."""
    ending = serving.Ending()
    on_signals(lambda number: ending.ask(restores=number is not signal.SIGTERM))
    if options.stop_on_eof:
        on_eof(lambda: ending.ask(restores=True))
    with suppress(Ended):  # before it had begun
        await serving.serve(settings(), ending, http=options.http)
    return DONE


async def demo(options: argparse.Namespace) -> int:
    """All parts on this machine, until the first run ends or Ctrl-C."""
    terminal = sys.stdout.isatty()
    wishes = Wishes(
        port=options.port,
        browser=terminal and not options.no_browser,
        first_run=not options.no_first_run,
        real_time=options.real_time,
        stay=terminal or options.stay or options.no_first_run,
    )
    ending = serving.Ending()
    on_signals(lambda _: ending.ask(restores=True))
    report = await Demo(wishes).perform(ending.asked)
    if wishes.stay:
        return DONE
    return ABORTED if report is None or report.outcome is None else STATUS[report.outcome]

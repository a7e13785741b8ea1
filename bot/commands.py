"""What each command does, once its words are parsed; the result is an exit status."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from bot import settings as configuration
from bot.domain.approval import Decision
from bot.domain.command import experiment
from bot.domain.errors import ChaosError, CommandError, Refused, SettingsError, Undecidable
from bot.domain.events import Record, StageEntered
from bot.domain.experiment import Experiment, Outcome, Stage
from bot.domain.report import Report, schema
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.engine.patience import cancelled
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.terminal import TerminalView

DONE, FAILED, USAGE, REFUSED, ABORTED = 0, 1, 2, 3, 130
_STATUS = {
    Outcome.RECOVERED: DONE,
    Outcome.NOT_RECOVERED: FAILED,
    Outcome.FAILED: FAILED,
    Outcome.REFUSED: REFUSED,
    Outcome.ABORTED: ABORTED,
}
log = logging.getLogger(__name__)


def perform(options: argparse.Namespace) -> int:
    """Do a parsed command. No ChaosError leaves it, and no traceback of a known trouble."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        return asyncio.run(_performed(options))
    except (SettingsError, CommandError) as error:
        return _complain(error, USAGE)
    except Refused as error:
        return _complain(error, REFUSED)
    except ChaosError as error:
        return _complain(error, FAILED)
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return FAILED


def playground(words: Sequence[str]) -> int:
    """The local cluster alone, where the settings' commands find it."""
    from bot.playground.__main__ import main

    try:
        socket = configuration.load().socket
    except SettingsError as error:
        return _complain(error, USAGE)
    return main(["--socket", str(socket), *words])


async def _performed(options: argparse.Namespace) -> int:
    match options.command:
        case "demo":
            return await _demo(options)
        case "serve":
            return await _serve(options)
        case "run":
            return await _run(options)
        case "recover":
            return await _recover(options)
        case "doctor":
            return await _doctor(options)
        case _:
            return await _report(options)


async def _demo(options: argparse.Namespace) -> int:
    from bot.demo import Demo, Wishes

    terminal = sys.stdout.isatty()
    wishes = Wishes(
        port=options.port,
        browser=terminal and not options.no_browser,
        first_run=not options.no_first_run,
        real_time=options.real_time,
        stay=terminal or options.stay or options.no_first_run,
    )
    stop = _stop_on_signals()
    report = await Demo(wishes).perform(stop)
    if wishes.stay:
        return DONE
    return ABORTED if report is None or report.outcome is None else _STATUS[report.outcome]


async def _serve(options: argparse.Namespace) -> int:
    from bot.app import serve

    stop = _stop_on_signals()
    if options.stop_on_eof:
        _stop_on_eof(stop)
    await serve(configuration.load(), stop)
    return DONE


async def _run(options: argparse.Namespace) -> int:
    wanted = experiment(options.experiment)
    settings = configuration.load()
    if options.cluster:
        settings = settings.model_copy(update={"cluster": options.cluster})
    settings.prepare_home()
    stop = _stop_on_signals()
    async with AsyncExitStack() as stack:
        from bot.app import engine

        if settings.cluster == "playground":
            await _playground_for(settings, stack)
        chaos = await stack.enter_async_context(engine(settings))
        if options.dry_run:
            return await _dry_run(chaos, wanted)
        report = await _attended(chaos, wanted, stop, options)
    return _STATUS[report.outcome or Outcome.FAILED]


async def _dry_run(chaos: Chaos, wanted: Experiment) -> int:
    from bot.terminal import print_preview

    preview = await chaos.preview(wanted)
    print_preview(preview, sys.stdout)
    return DONE if preview.refused is None else REFUSED


async def _recover(options: argparse.Namespace) -> int:
    from bot.app import engine, sweep_loads
    from bot.engine.recovery import left_behind, recover

    settings = configuration.load()
    async with engine(settings, put_right=False, clusters=False) as chaos:
        if options.dry_run:
            found = await left_behind(chaos, kept_down=True)
        else:
            found = await recover(chaos, kept_down=True)
            await sweep_loads(settings)
        for left in found:
            what = left.injection.text if left.injection else "nothing was injected"
            sys.stdout.write(f"Run {left.run}: {what}. {left.became}".strip() + "\n")
    if not found:
        sys.stdout.write("Nothing was left behind.\n")
    return FAILED if any(left.still_broken for left in found) else DONE


async def _doctor(options: argparse.Namespace) -> int:
    from bot.doctor import examine, json_text, print_findings, stands_in_the_way

    findings = await examine(
        configuration.load(), ask_claude=options.claude, channel=options.channel
    )
    if options.json:
        sys.stdout.write(json_text(findings) + "\n")
    else:
        print_findings(findings, sys.stdout)
    return FAILED if stands_in_the_way(findings) else DONE


async def _report(options: argparse.Namespace) -> int:
    if options.schema:
        sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
        return DONE
    from bot import publish
    from bot.domain.fold import fold
    from bot.journal import Journal

    path = configuration.load().journal
    if options.run is None:
        raise CommandError('"report" needs a run.', mend='For example: "chaosbot report 17".')
    if not path.exists():
        raise CommandError(f"There is no run {options.run}.", mend="There is none yet.")
    async with await Journal.open(path, read_only=True) as journal:
        history = await journal.history(options.run)
        newest = await journal.latest(1)
    if not history:
        mend = f"The newest is run {newest[0]}." if newest else "There is none yet."
        raise CommandError(f"There is no run {options.run}.", mend=mend)
    printed = {"markdown": publish.markdown, "html": publish.html, "json": publish.json_text}
    sys.stdout.write(printed[options.format](fold(history)).rstrip("\n") + "\n")
    return DONE


async def _attended(
    chaos: Chaos, wanted: Experiment, stop: asyncio.Event, options: argparse.Namespace
) -> Report:
    """One run with this terminal watching. A first Ctrl-C aborts it; later ones change nothing."""
    from bot.terminal import TerminalView

    results = None if options.json else sys.stdout
    view = TerminalView(clock=SystemClock(), progress=sys.stderr, results=results)
    me = getpass.getuser()
    with chaos.stream.watch() as records, chaos.stream.watch() as stages:
        run = await chaos.propose(wanted, by=me)
        showing = asyncio.create_task(view.show(records, run))
        beside = (
            asyncio.create_task(_abort_on(stop, chaos, run, me)),
            asyncio.create_task(_decide(stages, chaos, view, me, approve=options.approve)),
        )
        report = await chaos.wait(run)
        await showing
        await cancelled(*beside)
    if options.json:
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
    return report


async def _abort_on(stop: asyncio.Event, chaos: Chaos, run: int, me: str) -> None:
    await stop.wait()
    with suppress(Undecidable):  # it has just ended by itself
        await chaos.abort(run, by=me, why="interrupted")


async def _decide(
    records: AsyncIterator[Record], chaos: Chaos, view: TerminalView, me: str, *, approve: bool
) -> None:
    """When the run asks what becomes of the node: approve, or ask this terminal."""
    async for record in records:
        match record.event:
            case StageEntered(stage=Stage.AWAITING_APPROVAL):
                report = await chaos.report(record.run)
                decision = Decision.APPROVED if approve else await view.ask_approval(report)
                if decision is not None:
                    with suppress(Undecidable):  # the deadline, or an abort, was quicker
                        await chaos.decide(record.run, decision, by=me)


async def _playground_for(settings: Settings, stack: AsyncExitStack) -> None:
    """A playground for this command alone, unless one is running already."""
    from bot.standins import playground_answers, playground_ready, start_playground

    socket = settings.socket
    if await playground_answers(socket):
        return
    child = await start_playground(socket)
    stack.push_async_callback(child.stop)
    await playground_ready(socket, child)


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _stop_on_eof(stop: asyncio.Event) -> None:
    """Set an event when standard input ends, for a parent that may die."""
    loop = asyncio.get_running_loop()
    stdin = sys.stdin.fileno()

    def read() -> None:
        if not os.read(stdin, 4096):
            loop.remove_reader(stdin)
            stop.set()

    loop.add_reader(stdin, read)


def _complain(error: ChaosError, status: int) -> int:
    sys.stderr.write(f"chaosbot: {error.whole}\n")
    return status

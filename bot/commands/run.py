"""`chaosbot run`: one run in this terminal."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

from bot.app import Ended, engine
from bot.commands.process import ABORTED, DONE, REFUSED, STATUS, on_signals
from bot.commands.process import settings as configured
from bot.domain.approval import Decision, Policy, Voter
from bot.domain.command import experiment
from bot.domain.control import standing
from bot.domain.errors import Undecidable
from bot.domain.events import Record, StageEntered
from bot.domain.experiment import Experiment, Outcome, Stage
from bot.domain.report import Report
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.engine.patience import cancelled
from bot.settings import Settings
from bot.standins import playground_answers, playground_ready, start_playground
from bot.terminal import TerminalView, print_preview


async def run(options: argparse.Namespace) -> int:
    """Propose, watch, ask. Whoever sits at this terminal decides alone; the limits hold."""
    wanted = experiment(options.experiment)
    settings = configured()
    if options.cluster:
        settings = settings.model_copy(update={"cluster": options.cluster})
    settings.prepare_home()
    stop = asyncio.Event()
    on_signals(lambda _: stop.set())
    async with AsyncExitStack() as stack:
        if settings.cluster == "playground":
            await _playground_for(settings, stack)
        try:
            chaos = await stack.enter_async_context(
                engine(settings, policy=Policy(), stop=stop, dry=options.dry_run)
            )
        except Ended:
            return ABORTED
        if options.dry_run:
            return await _dry_run(chaos, wanted)
        report = await _attended(chaos, wanted, stop, options)
    return STATUS[report.outcome or Outcome.FAILED]


async def _dry_run(chaos: Chaos, wanted: Experiment) -> int:
    preview = await chaos.preview(wanted)
    if halt := standing(await chaos.journal.newest_halt()):
        preview = preview.model_copy(update={"refused": halt.text})
    print_preview(preview, sys.stdout)
    return DONE if preview.refused is None else REFUSED


async def _attended(
    chaos: Chaos, wanted: Experiment, stop: asyncio.Event, options: argparse.Namespace
) -> Report:
    """One run with this terminal watching. A first Ctrl-C aborts it; later ones change nothing."""
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
                        await chaos.decide(record.run, decision, Voter(user=me))


async def _playground_for(settings: Settings, stack: AsyncExitStack) -> None:
    """A playground for this command alone, unless one is running already."""
    socket = settings.socket
    if await playground_answers(socket):
        return
    child = await start_playground(socket)
    stack.push_async_callback(child.stop)
    await playground_ready(socket, child)

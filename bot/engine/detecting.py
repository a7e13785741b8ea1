"""Detecting: when, and by which signals, is the failure noticed? A countdown to a deadline."""

from __future__ import annotations

from bot.domain.events import DetectionEnded, Noted, ProbesAnswered, TicketLinked
from bot.domain.experiment import Signal, Stage
from bot.domain.hypothesis import throughput
from bot.domain.invariants import own_invariants
from bot.domain.signals import expected, shown
from bot.domain.ticket import Ticket
from bot.engine.loading import Load
from bot.engine.monitor import Check
from bot.engine.patience import until
from bot.engine.run import Run


async def detect(run: Run, load: Load) -> Check:
    """Watch until every expected signal was seen, or the deadline passes; the last look.

    Signals come from the nodes' events and from the load by themselves (run.follow_nodes,
    load.follow); what PD shows, and the ticket, are looked for here, each poll and each change.
    """
    left = await run.stay(Stage.DETECTING, run.timings.detection)
    deadline = run.clock.monotonic() + left
    if run.before is None:
        raise RuntimeError("detecting follows checking")
    loaded = load.loaded and load.baseline is not None
    wanted = expected(run.node, run.before, loaded=loaded, fault=run.experiment.fault)
    told: set[str] = set()
    while True:
        run.changed.clear()
        check = await run.monitor.check()
        run.during = check.view
        await _note_silence(run, check, told)
        await _see(run, check)
        missing = tuple(s for s in wanted if run.report.signal(s) is None)
        left = deadline - run.clock.monotonic()
        if not missing or left <= 0:
            break
        await until(run.clock, min(run.timings.poll, left), run.changed)
    probes = run.monitor.probes(check.view)
    clients = throughput(load.recent(1), load.baseline)
    await run.ledger.write(ProbesAnswered(stage=Stage.DETECTING, probes=(*probes, clients)))
    await run.ledger.write(DetectionEnded(detected=bool(run.report.signals), missing=missing))
    return check


async def _see(run: Run, check: Check) -> None:
    if run.before is None:
        return
    seen = shown(run.node, run.before, check.view, settled=check.settled)
    for signal, detail in seen.items():
        await run.see(signal, check.view.at, detail)
    ticket = next((t for t in check.tickets if _is_own(run, t)), None)
    if ticket and run.report.signal(Signal.TICKET_OPENED) is None:
        seconds = run.since_injection(ticket.first_seen)
        await run.ledger.write(TicketLinked(ticket=ticket, seconds=seconds))
        await run.see(Signal.TICKET_OPENED, ticket.first_seen, f"ticket {ticket.id}: {ticket.text}")


def _is_own(run: Run, ticket: Ticket) -> bool:
    injected = run.report.fault.injected_at
    return (
        injected is not None
        and ticket.first_seen >= injected
        and ticket.subject == run.node.name
        and ticket.invariant in own_invariants(run.node.role)
    )


async def _note_silence(run: Run, check: Check, told: set[str]) -> None:
    for part, reason in check.view.unanswered.items():
        if part not in told:
            told.add(part)
            await run.ledger.write(Noted(note=f"Could not ask for {part}: {reason}."))

"""Ticket: how long after PD first says Disconnected the ticket is there, beyond the poll interval.

Whole runs of `chaosbot run "kill tikv"`; beside them a watcher of its own asks PD every few
milliseconds. A look that comes just too late is a poll interval late: that much is no fault.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpx

from bench.figure import Figure, written
from bench.surroundings import NotMeasuredError, chaosbot, empty_home, playground
from bot.domain.report import Report

_RUNS = 5
_LOOK = 0.01
_QUICK = {"CHAOSBOT_WARM_UP_SECONDS": "2", "CHAOSBOT_SETTLING_SECONDS": "1"}


async def measure() -> Figure:
    async with empty_home() as home, playground(home) as nodes:
        urls = (await nodes.info()).pd
        delays, poll = [], 0.0
        for _ in range(_RUNS):
            watching = asyncio.create_task(_disconnected(urls))
            try:
                words = ("run", "kill tikv", "--approve", "--json")
                async with chaosbot(*words, home=home, environment=_QUICK) as run:
                    printed, said = await run.communicate()
                    if run.returncode:
                        raise NotMeasuredError(f"A run failed: {said.decode()[-300:]}")
                report = Report.model_validate(json.loads(printed))
                poll = report.timings.poll
                first = await asyncio.wait_for(watching, 1)
                delays.append((_opened(report) - first).total_seconds())
            finally:
                watching.cancel()
    beyond = [delay - poll for delay in delays]
    return Figure(
        name="ticket",
        what="the ticket after PD first says Disconnected, beyond the poll",
        unit="s",
        limit=0.25,
        measured=max(beyond),
        low=min(beyond),
        high=max(beyond),
        of=f"worst of {_RUNS} runs",
        beside=f"{written(min(delays))} to {written(max(delays))} s after it, polling every {poll:g} s",
    )


def _opened(report: Report) -> datetime:
    if report.ticket is None or report.fault.injected_at is None:
        raise NotMeasuredError(f"Run {report.run} has no ticket.")
    return report.fault.injected_at + timedelta(seconds=report.ticket.opened_seconds)


async def _disconnected(urls: Sequence[str]) -> datetime:
    """When PD first called a store Disconnected, to the few milliseconds between two looks."""
    async with httpx.AsyncClient(base_url=urls[0], trust_env=False) as http:
        while True:
            answer = await http.get("/pd/api/v1/stores")
            at = datetime.now(UTC)
            if answer.is_success and "Disconnected" in answer.text:
                return at
            await asyncio.sleep(_LOOK)

"""Ack: how soon `chaosbot serve` acknowledges `/chaos help`, with a hundred of them at once.

Measured where Slack stands: from the moment at which the sandbox hands an envelope to the socket
until its acknowledgement has come back. The sandbox runs in this process, so that no queue of a
client's is part of the time.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench.figure import Figure, percentile, written
from bench.surroundings import NotMeasuredError, empty_home, playground, sandbox, serving
from bot.sandbox import payloads
from bot.sandbox.directory import CHAOS, STARTER
from bot.sandbox.slack import Slack

_AT_ONCE = 100
_ROUNDS = 10
_BETWEEN = 0.3


async def measure() -> Figure:
    async with (
        empty_home() as home,
        playground(home),
        sandbox() as local,
        serving(home, local),
    ):
        await _round(local.slack, 1)
        alone = [t for _ in range(_AT_ONCE) for t in await _round(local.slack, 1)]
        rounds = []
        for _ in range(_ROUNDS):
            await asyncio.sleep(_BETWEEN)
            rounds.append(await _round(local.slack, _AT_ONCE))
    worst = [percentile(one, 99) for one in rounds]
    together = [seconds for one in rounds for seconds in one]
    return Figure(
        name="ack",
        what=f"`/chaos help` acknowledged, {_AT_ONCE} at once: p99",
        unit="ms",
        limit=100,
        measured=percentile(together, 99),
        low=min(worst),
        high=max(worst),
        of=f"{_ROUNDS} rounds",
        beside=f"median of the rounds' p99 {written(median(worst))} ms; of all "
        f"{written(median(together))} ms; of one alone {written(median(alone))} ms",
    )


async def _round(slack: Slack, at_once: int) -> list[float]:
    """The milliseconds of each of so many commands, all sent before any is answered."""
    channel = slack.workspace.channels[CHAOS]
    envelopes = [
        payloads.command(slack, "/chaos", "help", STARTER, channel) for _ in range(at_once)
    ]
    return await asyncio.gather(*(_acknowledged(slack, payload) for payload in envelopes))


async def _acknowledged(slack: Slack, payload: dict[str, object]) -> float:
    began = time.perf_counter()
    answer = await slack.sockets.deliver("slash_commands", payload, accepts_response=True)
    took = time.perf_counter() - began
    if "kill tikv" not in str(answer):
        raise NotMeasuredError(f"The acknowledgement holds no help: {answer}")
    return took * 1000

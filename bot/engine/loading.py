"""Loading: puts load on the cluster and follows it to the end of the run.

A load that cannot start, or dies, is said so; the run goes on without it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from bot.domain.errors import LoadError
from bot.domain.events import BaselineTaken, LoadSampled, LoadStarted, Noted
from bot.domain.experiment import Signal, Stage
from bot.domain.load import DIP, LoadSample, baseline
from bot.engine.patience import until
from bot.engine.ports import RunningLoad
from bot.engine.run import Run

_ENOUGH = 3  # samples for a baseline
_PATIENCE = 10.0  # seconds beyond the warm-up to wait for them


class Load:
    """The load of one run. `loaded` is whether there is any."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._running: RunningLoad | None = None
        self.samples: list[LoadSample] = []
        self._sample = asyncio.Event()  # a sample has come, or the load has gone
        self.baseline: float | None = None
        self._partial = False  # whether the next sample is one of a load that is just beginning

    @property
    def loaded(self) -> bool:
        """Whether clients are being served and measured."""
        return self._running is not None

    async def start(self) -> None:
        """Start the load, if the cluster has a generator."""
        run, generator = self._run, self._run.cluster.load
        if generator is None:
            await run.ledger.write(Noted(note="No load generator is set: clients are not seen."))
            return
        try:
            self._running = await generator.start(run.ledger.run)
        except LoadError as error:
            await run.ledger.write(Noted(note=f"The run goes on without load. {error.whole}"))
            return
        await run.ledger.write(LoadStarted(load=generator.describe()))

    async def resume(self) -> None:
        """Start the load anew in a run that an earlier process has begun; its baseline holds."""
        had = self._run.report.load
        if had is None or had.baseline_ops is None:
            return
        self.samples, self.baseline = list(had.samples), had.baseline_ops
        self._partial = True
        await self.start()

    async def follow(self) -> None:
        """Write each sample down. Ends with the load."""
        if self._running is None:
            return
        try:
            async with aclosing(self._running.samples()) as samples:
                async for sample in samples:
                    await self._sampled(sample)
        except LoadError as error:
            await self._run.ledger.write(Noted(note=f"The load died. {error.whole}"))
            await self.stop()

    async def take_baseline(self) -> None:
        """Warm up, then settle on what clients get of the well cluster.

        A load that is slow to begin gets some more time, so that its baseline is no guess.
        """
        clock = self._run.clock
        await clock.sleep(self._run.timings.warm_up)
        last = clock.monotonic() + _PATIENCE
        while self.loaded and len(self.samples) < _ENOUGH and clock.monotonic() < last:
            self._sample.clear()
            await until(clock, last - clock.monotonic(), self._sample)
        if self._running is not None:
            self.baseline = baseline(self.samples)
            await self._run.ledger.write(BaselineTaken(ops=self.baseline))

    async def look_back(self) -> None:
        """See what clients felt while the fault was being injected: a graceful stop takes a while."""
        for sample in self.samples:
            await self._felt(sample)

    def recent(self, seconds: float) -> float | None:
        """Operations a second over the newest intervals that make up so many seconds."""
        if not self.loaded or not self.samples:
            return None
        newest = self.samples[-1].at
        taken = [
            s for s in self.samples if (newest - s.at).total_seconds() < max(seconds, s.interval)
        ]
        return sum(s.ops * s.interval for s in taken) / sum(s.interval for s in taken)

    async def stop(self) -> None:
        """End the load. Idempotent."""
        self._sample.set()
        self._run.monitor.clients_get(None, None)
        if self._running is not None:
            running, self._running = self._running, None
            await running.stop()

    async def _sampled(self, sample: LoadSample) -> None:
        if self._partial:
            self._partial = False
            return
        self.samples.append(sample)
        self._sample.set()
        run = self._run
        await run.ledger.write(LoadSampled(sample=sample))
        run.monitor.clients_get(sample.ops, self.baseline)
        if run.report.stage is Stage.DETECTING:
            await self._felt(sample)

    async def _felt(self, sample: LoadSample) -> None:
        run = self._run
        injected = run.report.fault.injected_at
        if not self.baseline or not injected or sample.at <= injected:
            return
        if sample.ops < DIP * self.baseline:
            detail = f"{self.baseline:,.0f} to {sample.ops:,.0f} ops/s"
            await run.see(Signal.CLIENT_IMPACT, sample.at, detail)

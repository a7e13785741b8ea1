"""The load: it works on the stores as go-ycsb would, and prints go-ycsb's lines.

It differs in one thing: what a target missed during a stall is not made up for afterwards, so that
the rate after a stall is comparable with the rate before it.
"""

import argparse
import asyncio
import os
import random
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bot.playground import VERSION
from bot.playground.client import Client, OperationError
from bot.playground.measurement import Measurement
from bot.playground.workload import CORE, Workload, read_properties

LINE = "**********************************************"


def arguments() -> argparse.ArgumentParser:
    """go-ycsb's flags, as far as they mean something here."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.playground.load",
        description="Load for a playground, in place of go-ycsb, whose flags and lines it has.",
    )
    flag = parser.add_argument
    flag("command", choices=("load", "run"), help="insert the records, or work on them")
    flag("database", choices=("tikv",))
    flag("-P", "--property_file", action="append", default=[], help="workloada, or a file")
    flag("-p", "--prop", action="append", default=[], metavar="NAME=VALUE")
    flag("--threads", type=int, default=16)
    flag("--target", type=float, default=200, help="operations a second; 0 is as many as possible")
    flag("--interval", type=float, default=10, help="seconds between two reports")
    flag("--stop-on-eof", action="store_true", help="stop when standard input ends")
    flag("--version", action="version", version=VERSION)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a load to its end, to a signal, or until nobody reads it; 2 is a flag without sense."""
    options = arguments().parse_args(argv)
    try:
        properties = properties_of(options)
        workload = Workload.of(properties)
        asyncio.run(Load(options, properties, workload).run())
    except (ValueError, LookupError) as error:
        print(f"go-ycsb (playground): {error}", file=sys.stderr)  # noqa: T201 - its last word
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def properties_of(options: argparse.Namespace) -> dict[str, str]:
    """All properties: the core's, then the files', then those of the command line."""
    if options.threads < 1 or options.target < 0 or options.interval <= 0:
        raise ValueError("--threads and --interval are above 0, --target is not below it.")
    properties = dict(CORE)
    for path in options.property_file:
        properties |= read_properties(path)
    properties |= {name: value for name, _, value in (p.partition("=") for p in options.prop)}
    if not properties.get("tikv.pd"):
        raise ValueError("Say where PD is: -p tikv.pd=127.0.0.1:2379.")
    properties |= {"command": options.command, "threadcount": str(options.threads)}
    return properties | {"dotransactions": "true" if options.command == "run" else "false"}


class Load:
    """One run of a load."""

    def __init__(
        self, options: argparse.Namespace, properties: dict[str, str], workload: Workload
    ) -> None:
        self.options, self.properties, self.workload = options, properties, workload
        self.measurement = Measurement(time.monotonic)
        loading = options.command == "load"
        self.left = len(workload.keys) if loading else int(properties["operationcount"])
        self.draw = random.Random()  # noqa: S311 - a load, no secret

    async def run(self) -> None:
        """Works until it is done or stopped, and prints.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        began = time.monotonic()
        self._stop_on(loop, stopped)
        limit = float(self.properties["maxexecutiontime"])
        if limit:
            loop.call_later(limit, stopped.set)
        self._print_head()
        pds = [
            f"http://{pd.removeprefix('http://')}" for pd in self.properties["tikv.pd"].split(",")
        ]
        client = Client(pds)
        workers = [asyncio.create_task(self._work(client, n)) for n in range(self.options.threads)]
        report = asyncio.create_task(self._report())
        end = asyncio.create_task(stopped.wait())
        await first_of(asyncio.gather(*workers), report, end)
        took = time.monotonic() - began
        minutes, seconds = divmod(took, 60)
        text = f"{int(minutes)}m{seconds:.9f}s" if minutes else f"{seconds:.9f}s"
        say(LINE, f"Run finished, takes {text}", *self.measurement.lines())

    def _stop_on(self, loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
        def stop(word: str) -> None:
            with suppress(BrokenPipeError):
                say("", f"Got signal [{word}] to exit.")
            stopped.set()

        loop.add_signal_handler(signal.SIGINT, stop, "interrupt")
        loop.add_signal_handler(signal.SIGTERM, stop, "terminated")
        if self.options.stop_on_eof:
            stdin = sys.stdin.fileno()
            loop.add_reader(stdin, lambda: None if os.read(stdin, 4096) else stopped.set())

    def _print_head(self) -> None:
        last = len(self.workload.keys) - 1
        kind = self.properties["requestdistribution"]
        say(
            "This is a playground's stand-in for go-ycsb; it is not go-ycsb",
            f"Using request distribution '{kind}' a keyrange of [0 {last}]",
            "***************** properties *****************",
            *(f'"{name}"="{value}"' for name, value in self.properties.items()),
            LINE,
        )

    async def _report(self) -> None:
        due = time.monotonic()
        while True:
            due += self.options.interval
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            say(*self.measurement.lines())

    async def _work(self, client: Client, number: int) -> None:
        pause = self.options.threads / self.options.target if self.options.target else 0
        due = time.monotonic() + pause * number / self.options.threads
        while self.left > 0:
            self.left -= 1
            now = time.monotonic()
            due = max(due, now - pause)
            if due > now:
                await asyncio.sleep(due - now)
            due += pause
            await self._operate(client)

    async def _operate(self, client: Client) -> None:
        name, began, failed = "INSERT", time.monotonic(), False
        value = self.workload.value(self.draw)
        try:
            if self.options.command == "load":
                await client.put(self.workload.keys[self.left], value)
            else:
                key = self.workload.key(self.draw)
                name = "READ" if self.draw.random() < self.workload.reads else "UPDATE"
                version = None
                if name == "READ" or self.properties["tikv.type"] == "txn":
                    version, _ = await client.get(key)
                if name == "UPDATE":
                    await client.put(key, value, version)
        except OperationError as error:
            failed = True
            if self.properties["silence"] == "false":
                say(f"operation err: {error}")
        self.measurement.add(name, time.monotonic() - began, failed=failed)


async def first_of(*work: asyncio.Future[Any]) -> None:
    """Waits until one of these ends, and ends the others; what went wrong in one is raised."""
    await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    for one in work:
        one.cancel()
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


def say(*lines: str) -> None:
    """Prints lines at once, or not at all when nobody has read the earlier ones: work goes on.

    Raises:
        BrokenPipeError: nobody will ever read them.
    """
    if not select.select([], [sys.stdout], [], 0)[1]:
        return
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Starts a playground in the foreground: `python -m bot.playground`."""

import argparse
import asyncio
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from bot.playground import VERSION
from bot.playground.layout import Plan, Ports, plans
from bot.playground.supervisor import Supervisor
from bot.playground.supervisor_api import SupervisorApi
from bot.playground.timers import FAST, REAL, with_changes
from bot.playground.web import Exchange, Request, fetch

READY_WITHIN = 60.0
"""Seconds after which a playground that is not ready says so."""


class AlreadyRunningError(Exception):
    """Another playground has the socket."""


def default_socket() -> Path:
    """Where a playground listens when nobody says otherwise."""
    base = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    return Path(base) / f"chaosbot-{os.getuid()}" / "playground.sock"


def arguments() -> argparse.ArgumentParser:
    """The flags of the playground."""
    parser = argparse.ArgumentParser(
        prog="chaosbot playground",
        description="A local stand-in for a TiKV cluster: three PDs and three stores as processes. "
        "None of them is TiKV; they behave like it where the bot looks.",
    )
    flag = parser.add_argument
    flag("--socket", type=Path, default=default_socket(), help="its API; by default %(default)s")
    flag("--data", type=Path, help="keep the cluster's state here; by default it is thrown away")
    flag("--real-time", action="store_true", help="wait as long as a real cluster waits")
    flag("--timer", action="append", default=[], metavar="NAME=SECONDS", help="set one timer")
    flag("--stop-on-eof", action="store_true", help="stop when standard input ends")
    flag("--version", action="version", version=VERSION)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a playground until SIGTERM, SIGINT or, if asked, the end of standard input.

    Returns 0 after such a stop and 2 when another one has the socket or nothing can be started.
    """
    options = arguments().parse_args(argv)
    try:
        lock = claim(options.socket)
    except (AlreadyRunningError, OSError) as error:
        say(f"The playground was not started: {error}")
        return 2
    with lock:
        data = (options.data or options.socket.with_suffix(".playground-data")).resolve()
        if not options.data:
            shutil.rmtree(data, ignore_errors=True)
        ports = Ports()
        try:
            return asyncio.run(run(options, data, ports))
        except (OSError, ValueError) as error:
            say(f"The playground could not go on: {error}")
            return 2
        finally:
            ports.release()
            options.socket.unlink(missing_ok=True)
            if not options.data:
                shutil.rmtree(data, ignore_errors=True)


def claim(path: Path) -> TextIO:
    """Makes the socket's place ours for as long as the returned file is open.

    Raises:
        AlreadyRunningError: a living playground has it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AlreadyRunningError(f"one is already running at {path}.") from None
    path.unlink(missing_ok=True)
    return lock


async def run(options: argparse.Namespace, data: Path, ports: Ports) -> int:
    """Starts everything, says when it is ready, and waits for the end."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if options.stop_on_eof:
        stdin = sys.stdin.fileno()
        loop.add_reader(stdin, lambda: None if os.read(stdin, 4096) else stopped.set())
    timers = with_changes(REAL if options.real_time else FAST, options.timer)
    timing = [
        *(["--real-time"] if options.real_time else []),
        *(f"--timer={t}" for t in options.timer),
    ]
    nodes = plans(data, ports, timing=timing)
    supervisor = Supervisor(nodes)
    ready = asyncio.create_task(until_ready(nodes, options.socket))
    pds = [plan.client_url for plan in nodes if plan.client_url]
    api = SupervisorApi(supervisor, timers, pds, ready.done)
    before = os.umask(0o177)
    try:
        await loop.create_unix_server(lambda: Exchange(api.answer), str(options.socket))
    finally:
        os.umask(before)
    try:
        for node in supervisor.nodes.values():
            supervisor.start(node)
        await stopped.wait()
    finally:
        ready.cancel()
        supervisor.stop()
    return 0


async def until_ready(nodes: Sequence[Plan], socket: Path) -> None:
    """Returns when PD has a leader, every store is Up and every region has a leader; says so once."""
    began = time.monotonic()
    url = next(plan.client_url for plan in nodes if plan.client_url)
    stores = sum(plan.role == "tikv" for plan in nodes)
    warned = False
    while not await is_ready(url, stores):
        if not warned and time.monotonic() - began > READY_WITHIN:
            say(f"The playground is not ready after {READY_WITHIN:.0f} s; see the nodes' logs.")
            warned = True
        await asyncio.sleep(0.03)
    took = time.monotonic() - began
    say(f"Playground {VERSION} (a stand-in for TiKV) is ready after {took:.1f} s at {socket}")


async def is_ready(url: str, stores: int) -> bool:
    """Whether the cluster behind one of its PDs is whole."""
    try:
        found = [
            json.loads((await fetch(url, Request("GET", f"/pd/api/v1/{path}"), 1)).body)
            for path in ("stores", "regions")
        ]
    except (OSError, ValueError):
        return False
    up = [s for s in found[0]["stores"] if s["store"]["state_name"] == "Up"]
    led = [r for r in found[1]["regions"] if r["leader"].get("store_id")]
    return len(up) == stores and len(led) == found[1]["count"] > 0


def say(text: str) -> None:
    """One line for the person who started it."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the command's own words


if __name__ == "__main__":
    sys.exit(main())

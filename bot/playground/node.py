"""A node: one process of the cluster, a PD or a store, here or in a container."""

import argparse
import asyncio
import errno
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bot.playground import VERSION
from bot.playground.lines import Lines, address
from bot.playground.timers import FAST, REAL, Timers, with_changes
from bot.playground.unified_log import UnifiedLog

BIND_FOR = 5.0
"""Seconds in which a node tries to get its address back."""


def arguments() -> argparse.ArgumentParser:
    """The flags of a node; addresses are `host:port`."""
    parser = argparse.ArgumentParser(
        prog="python -m bot.playground.node",
        description="One node of a playground: a stand-in for PD or TiKV, not the real thing.",
    )
    flag = parser.add_argument
    flag("--name", required=True, help="the node's name, like tikv-1")
    flag("--role", required=True, choices=("pd", "tikv"))
    flag("--listen", required=True, help="a store's clients and peers, or a PD's HTTP API")
    flag("--advertise", help="how others reach --listen; by default the same")
    flag("--status-listen", help="a store's status and metrics")
    flag("--status-advertise", help="how others reach --status-listen; by default the same")
    flag("--peer-listen", help="where a PD hears the other PDs")
    flag("--pd", default="", help="a store's PDs: http://127.0.0.1:2379,...")
    flag("--initial-cluster", default="", help="the PDs' peer URLs: pd-1=http://127.0.0.1:2380,...")
    flag("--initial-clients", default="", help="the PDs' client URLs, in the same form")
    flag("--data", required=True, type=Path, help="the folder of this node's state")
    flag("--log-file", type=Path, help="by default the log goes to standard output")
    flag("--real-time", action="store_true", help="wait as long as real nodes wait")
    flag("--timer", action="append", default=[], metavar="NAME=SECONDS", help="set one timer")
    flag("--stop-on-eof", action="store_true", help="stop when standard input ends")
    flag("--version", action="version", version=VERSION)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a node until SIGTERM or SIGINT; 0 is a graceful stop, 2 an argument that makes no sense."""
    parser = arguments()
    options = parser.parse_args(argv)
    try:
        timers = with_changes(REAL if options.real_time else FAST, options.timer)
        options.data.mkdir(parents=True, exist_ok=True)
        file = options.log_file.open("a") if options.log_file else None
        run = _run_pd if options.role == "pd" else _run_store
        asyncio.run(run(options, timers, UnifiedLog(file)))
    except (ValueError, OSError) as error:
        print(f"{options.name}: {error}", file=sys.stderr)  # noqa: T201 - a command's last word
        return 2
    return 0


async def _run_pd(options: argparse.Namespace, timers: Timers, log: UnifiedLog) -> None:
    from bot.playground.pd import Member, PlacementDriver  # noqa: PLC0415 - a store needs none of it
    from bot.playground.pd_api import Api  # noqa: PLC0415 - the same
    from bot.playground.web import serve  # noqa: PLC0415 - the same

    peers, clients = _urls(options.initial_cluster), _urls(options.initial_clients)
    if set(peers) != set(clients) or options.name not in peers:
        raise ValueError("--initial-cluster and --initial-clients must both name every PD.")
    members = {
        name: Member(name, number, peers[name], clients[name])
        for number, name in enumerate(sorted(peers), 1)
    }
    log("INFO", "main.go:70", "This is a playground's stand-in for PD; it is not PD")
    log("INFO", "versioninfo.go:90", "Welcome to Placement Driver (PD)")
    log("INFO", "versioninfo.go:91", "PD", release_version=f"v{VERSION}")
    pd = PlacementDriver(options.name, members, timers, options.data, log)
    loop = asyncio.get_running_loop()
    host, port = address(options.peer_listen)
    listen = address(options.listen)
    await _bind(lambda: loop.create_server(lambda: Lines(pd.hear), host, port, reuse_address=True))
    await _bind(lambda: serve(Api(pd).answer, *listen))
    log("INFO", "server.go:480", "PD is ready to serve", client_urls=clients[options.name])
    await _until_stopped(options, log)
    await pd.stop()


async def _run_store(options: argparse.Namespace, timers: Timers, log: UnifiedLog) -> None:
    from bot.playground.placement import Identity  # noqa: PLC0415 - the same
    from bot.playground.store import Store  # noqa: PLC0415 - a PD needs none of it
    from bot.playground.store_status import Status  # noqa: PLC0415 - the same
    from bot.playground.web import serve  # noqa: PLC0415 - the same

    log("INFO", "lib.rs:80", "This is a playground's stand-in for TiKV; it is not TiKV")
    log("INFO", "lib.rs:83", "Welcome to TiKV")
    log("INFO", "lib.rs:88", "Release Version", version=VERSION)
    where = options.advertise or options.listen
    status = options.status_advertise or options.status_listen
    identity = Identity(options.name, where, status, int(time.time()), VERSION)
    store = Store(identity, options.pd.split(","), timers, options.data, log)
    loop = asyncio.get_running_loop()
    host, port = address(options.listen)
    listen = address(options.status_listen)
    await _bind(
        lambda: loop.create_server(lambda: Lines(store.hear), host, port, reuse_address=True)
    )
    await _bind(lambda: serve(Status(store).answer, *listen))
    report = asyncio.create_task(store.report())
    await _until_stopped(options, log)
    await store.stop()
    report.cancel()


def _urls(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(",") if part)
    return {name: url for name, _, url in pairs}


async def _bind(listen: Callable[[], Awaitable[object]]) -> None:
    until = time.monotonic() + BIND_FOR
    while True:
        try:
            await listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def _until_stopped(options: argparse.Namespace, log: UnifiedLog) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()

    def stop(number: int) -> None:
        source = "signal_handler.rs:20" if options.role == "tikv" else "main.go:270"
        log("INFO", source, f"receive signal {number}, stopping server...")
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, int(number))
    if options.stop_on_eof:
        stdin = sys.stdin.fileno()
        loop.add_reader(stdin, lambda: None if os.read(stdin, 4096) else stopped.set())
    await stopped.wait()
    if options.stop_on_eof:
        loop.remove_reader(stdin)


if __name__ == "__main__":
    sys.exit(main())

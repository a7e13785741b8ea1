"""The layout: which nodes a playground has, on which addresses, and how each is started."""

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bot.playground

HOST = "127.0.0.1"
ROOT = Path(bot.playground.__file__).resolve().parents[2]
"""The folder that the nodes' interpreter finds this package in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How one node is started, every time; addresses are `host:port`."""

    name: str
    role: str
    """`pd` or `tikv`."""
    address: str
    status_address: str
    """Where `/status` (a store) or the whole API (a PD) is asked."""
    client_url: str | None
    log: Path
    command: Sequence[str] = field(repr=False)


class Ports:
    """Loopback ports that stay this playground's own while it lives, also when a node is down."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> str:
        """A free address. Linux lets a node listen on it beside the socket that keeps it."""
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((HOST, 0))
        port = held.getsockname()[1]
        if sys.platform == "linux":
            self._held.append(held)
        else:
            held.close()
        return f"{HOST}:{port}"

    def release(self) -> None:
        """Gives every port back."""
        for held in self._held:
            held.close()


def plans(data: Path, ports: Ports, *, timing: Sequence[str], size: int = 3) -> list[Plan]:
    """As many PDs and stores as `size` says; `timing` are a node's flags for its timers."""
    pds = [f"pd-{n}" for n in range(1, size + 1)]
    clients = {name: ports.take() for name in pds}
    peers = {name: ports.take() for name in pds}
    initial = ",".join(f"{name}=http://{peers[name]}" for name in pds)
    initial_clients = ",".join(f"{name}=http://{clients[name]}" for name in pds)
    urls = ",".join(f"http://{where}" for where in clients.values())
    found = []
    for name in pds:
        flags = ["--listen", clients[name], "--peer-listen", peers[name]]
        flags += ["--initial-cluster", initial, "--initial-clients", initial_clients]
        found.append(
            Plan(
                name=name,
                role="pd",
                address=clients[name],
                status_address=clients[name],
                client_url=f"http://{clients[name]}",
                log=data / name / "pd.log",
                command=_command(name, "pd", data, flags, timing=timing),
            )
        )
    for n in range(1, size + 1):
        name, where, status = f"tikv-{n}", ports.take(), ports.take()
        flags = ["--listen", where, "--status-listen", status, "--pd", urls]
        found.append(
            Plan(
                name=name,
                role="tikv",
                address=where,
                status_address=status,
                client_url=None,
                log=data / name / "tikv.log",
                command=_command(name, "tikv", data, flags, timing=timing),
            )
        )
    return found


def _command(
    name: str, role: str, data: Path, flags: Sequence[str], *, timing: Sequence[str]
) -> list[str]:
    # Without site and environment the interpreter starts faster; a node needs nothing of them.
    start = [sys.executable, "-S", "-E", "-m", "bot.playground.node"]
    identity = ["--name", name, "--role", role, "--data", str(data / name)]
    return [*start, *identity, *flags, *timing]

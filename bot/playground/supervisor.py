"""The supervisor: it starts the nodes' processes, signals them, and tells at once what became of them.

It is to a process what a container engine is to a container. Its nodes die with it, however it
dies: on Linux the kernel sees to that, elsewhere the end of their standard input does.
"""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.playground.layout import ROOT, Plan

SIGNALS = {name: signal.Signals[name] for name in ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGTERM")}
KEPT_EVENTS = 5000
KEEPALIVE = 5.0
"""Seconds of silence after which an event stream says an empty line."""
PR_SET_PDEATHSIG = 1


class NotRunningError(Exception):
    """The node's state does not allow what was asked; the text says it in a sentence."""


@dataclass(slots=True)
class Node:
    """One node and its current or last process. Times are UTC, ISO 8601, with milliseconds."""

    plan: Plan
    state: str = "exited"
    """`running`, `paused` or `exited`."""
    process: subprocess.Popen[bytes] | None = None
    exit_code: int | None = None
    """As a shell says it: 128 and the signal's number for a process that a signal ended."""
    signal: str | None = None
    started_at: str | None = None
    finished_at: str | None = None
    restarts: int = -1

    def described(self) -> dict[str, Any]:
        """The node as the API shows it."""
        return {
            "name": self.plan.name,
            "role": self.plan.role,
            "state": self.state,
            "pid": self.process.pid if self.process and self.state != "exited" else None,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "address": self.plan.address,
            "status_address": self.plan.status_address,
            "client_url": self.plan.client_url,
            "restarts": self.restarts,
        }


class Supervisor:
    """The nodes of one playground; lives in the main thread, with a running loop."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.nodes = {plan.name: Node(plan) for plan in plans}
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self._followers: set[asyncio.Queue[dict[str, Any]]] = set()
        self._tie = _tie_to_this_process()
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)

    def start(self, node: Node) -> None:
        """Starts a node that has exited; does nothing for a running one.

        Raises:
            NotRunningError: it is paused.
        """
        name = node.plan.name
        if node.state == "paused":
            raise NotRunningError(f"{name} is paused; send it SIGCONT to let it run on.")
        if node.state == "running":
            return
        node.plan.log.parent.mkdir(parents=True, exist_ok=True)
        with node.plan.log.open("ab") as log:
            node.process = subprocess.Popen(  # noqa: S603 - our own command
                node.plan.command if self._tie else [*node.plan.command, "--stop-on-eof"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL if self._tie else subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self._tie,  # noqa: PLW1509 - there are no threads here
            )
        node.state, node.started_at, node.restarts = "running", _now(), node.restarts + 1
        node.exit_code = node.signal = node.finished_at = None
        self._tell("start", node)

    def signal(self, node: Node, name: str, started_at: str | None = None) -> None:
        """Sends one of SIGNALS to a node's process, at once.

        `started_at`: only to the process that was started then, and only if it is not paused.

        Raises:
            NotRunningError: it has none, or another one.
        """
        if started_at and node.state != "running":
            raise NotRunningError(f"{node.plan.name} is not running, it is {node.state}.")
        if started_at and node.started_at != started_at:
            raise NotRunningError(
                f"{node.plan.name} is not the one of {started_at}: somebody has started it anew."
            )
        if node.state == "exited" or not node.process:
            raise NotRunningError(f"{node.plan.name} is not running; it cannot be sent {name}.")
        os.kill(node.process.pid, SIGNALS[name])
        self._tell("signal", node, signal=name)

    def stop(self) -> None:
        """Kills every node and waits for its end."""
        for node in self.nodes.values():
            if node.state != "exited" and node.process:
                os.kill(node.process.pid, signal.SIGKILL)
        for node in self.nodes.values():
            if node.state != "exited" and node.process:
                _, status = os.waitpid(node.process.pid, 0)
                self._changed(node, status)

    async def follow(self, since: str | None) -> AsyncIterator[bytes]:
        """Every event as a line: those kept that are newer than `since`, then what comes, for ever."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._followers.add(queue)
        try:
            yield b"\n"
            for event in list(self.events) if since is not None else ():
                if moment(event["at"]) > moment(since or ""):
                    yield encode(event)
            while True:
                try:
                    # wait_for of Python 3.11 loses a cancellation that comes together with an event.
                    async with asyncio.timeout(KEEPALIVE):
                        line = encode(await queue.get())
                except TimeoutError:
                    line = b"\n"
                yield line
        finally:
            self._followers.discard(queue)

    def _reap(self) -> None:
        options = os.WNOHANG | os.WUNTRACED | os.WCONTINUED
        for node in self.nodes.values():
            while node.process and node.state != "exited":
                pid, status = os.waitpid(node.process.pid, options)
                if not pid:
                    break
                self._changed(node, status)

    def _changed(self, node: Node, status: int) -> None:
        if os.WIFSTOPPED(status):
            if node.state == "running":
                node.state = "paused"
                self._tell("pause", node)
        elif os.WIFCONTINUED(status):
            if node.state == "paused":
                node.state = "running"
                self._tell("unpause", node)
        else:
            code = os.waitstatus_to_exitcode(status)
            node.state, node.finished_at = "exited", _now()
            node.exit_code = 128 - code if code < 0 else code
            node.signal = signal.Signals(-code).name if code < 0 else None
            if node.process:
                node.process.returncode = code
                if node.process.stdin:
                    node.process.stdin.close()
            self._tell("die", node, exit_code=node.exit_code, signal=node.signal)

    def _tell(self, event: str, node: Node, **fields: Any) -> None:
        told = {
            "at": _now(),
            "event": event,
            "node": node.plan.name,
            "exit_code": None,
            "signal": None,
        }
        told |= fields
        self.events.append(told)
        for queue in self._followers:
            queue.put_nowait(told)


def _tie_to_this_process() -> Callable[[], None] | None:
    """What a child does before it becomes a node, so that the kernel ends it with this process."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return tie


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """An ISO 8601 time; one without a zone is UTC.

    Raises:
        ValueError: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"A time looks like 2026-11-22T12:33:30.102Z, not like {text!r}."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def encode(event: dict[str, Any]) -> bytes:
    """An event as a line."""
    return json.dumps(event, separators=(",", ":")).encode() + b"\n"

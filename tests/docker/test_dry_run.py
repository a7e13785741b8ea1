"""A dry run touches nothing: the engine, which writes down whatever happens to a container, says so."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from bot.domain.fault import Fault
from bot.sandbox import server
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import CHAOS, STARTER
from bot.slack.buttons import Action
from tests.cli.serving import Bot
from tests.docker.conftest import NODES

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

FAULTS = [fault.value for fault in Fault]
MARGIN = 1.0  # seconds; the engine's stream may be late
EARLIER = 30.0  # seconds


class Happened:
    """What the engine told of one project from one moment to another, by the engine's own client.

    A container's own health check is left out: the engine itself carries that out, all the time.
    """

    def __init__(self, containers):
        self._project = containers.project
        self._ids = [containers.node(name).id for name in NODES]
        self._checks = {
            i: containers.node(n).attrs["Config"].get("Healthcheck", {}).get("Test", ["", ""])
            for i, n in zip(self._ids, NODES, strict=True)
        }
        self.seen = []

    def read(self, since, until):
        """Ask for it, and for a while before: a health check may have begun there."""
        asked = ["docker", "events", "--format", "json", f"--since={since - EARLIER:.3f}"]
        told = subprocess.run(
            [*asked, f"--until={until:.3f}"], capture_output=True, text=True, timeout=60, check=True
        )
        events = [json.loads(line) for line in told.stdout.splitlines() if self._ours(line)]
        checking = {_exec(e) for e in events if self._checks_health(e)}
        self.seen = [
            (e["Type"], e["Action"])
            for e in events
            if e["timeNano"] >= since * 1e9
            and _exec(e) not in checking
            and not e["Action"].startswith("health_status")
        ]

    def _ours(self, line):
        """Whether it is about the nodes, their network, or a load in it."""
        return any(name in line for name in (self._project, *self._ids))

    def _checks_health(self, event):
        action, _, command = event["Action"].partition(": ")
        own = self._checks.get(event["Actor"]["ID"])
        return action == "exec_create" and own is not None and command.endswith(" ".join(own[1:]))


def _exec(event):
    """The number of what is carried out in a container; the event itself, where nothing is."""
    return event["Actor"]["Attributes"].get("execID", event["timeNano"])


@contextmanager
def following(containers):
    """Everything that happens to the project while this is entered."""
    happened, since = Happened(containers), time.time()
    yield happened
    time.sleep(MARGIN)
    happened.read(since, time.time())


def shows_everything(shown, node=""):
    """Whether what is shown names the target, the guards, what would be done, and what undoes it."""
    assert "Dry run" in shown
    assert f"Target: {node or 'tikv-'}" in shown
    assert "(store " in shown
    assert "regions" in shown  # the guard about their quorum
    assert "PD" in shown
    assert "would do" in shown.lower()
    assert "docker " in shown
    assert "undone with" in shown
    assert "refused" not in shown
    assert "nothing was touched" in shown.lower()


def lives(containers):
    """Node -> since when it runs, and as which process."""
    states = {name: containers.node(name).attrs["State"] for name in NODES}
    return {name: (s["Status"], s["StartedAt"], s["Pid"]) for name, s in states.items()}


def test_the_engine_does_tell_of_what_is_touched(containers):
    with following(containers) as happened:
        node = containers.node("tikv-2")
        node.pause()
        node.unpause()
    assert happened.seen == [("container", "pause"), ("container", "unpause")]


def test_no_fault_of_a_dry_run_on_the_command_line_touches_anything(shell, containers):
    before = lives(containers)
    shown = {}
    with following(containers) as happened:
        for fault in FAULTS:
            words = ("run", f"{fault} tikv-2", "--cluster", "docker", "--dry-run")
            done = shell.run(*words)
            assert done.returncode == 0, done.stderr
            shown[fault] = done.stdout
    assert happened.seen == []
    assert lives(containers) == before
    for text in shown.values():
        shows_everything(" ".join(text.split()), "tikv-2")
    assert len(set(shown.values())) == len(FAULTS) == 5


async def test_no_dry_run_through_the_bot_touches_anything(shell, containers):
    sandbox = await server.start(0, rate_limits=False)
    async with SandboxClient(sandbox.url) as slack:
        bot = Bot(shell, sandbox, slack, CHAOSBOT_CLUSTER="docker")
        starter = slack.user(STARTER)
        try:
            with following(containers) as happened:
                await bot.start()
                for fault in FAULTS:
                    await starter.command(f"/chaos {fault} tikv --dry-run")
                    await until_dry_runs(starter, FAULTS.index(fault) + 1)
                assert await bot.end(signal.SIGINT) == 0
            assert happened.seen == []
            for told in await starter.ephemerals():
                words = [b["text"]["text"] for b in told["blocks"] if b["type"] == "section"]
                shows_everything(" ".join((told["text"], *words)).replace("*", ""))
                assert Action.RUN in json.dumps(told["blocks"])
            assert await slack.messages(CHAOS) == []
        finally:
            if bot.child:
                await bot.child.stop(by=signal.SIGINT)
            await sandbox.stop()


async def until_dry_runs(user, count):
    async with asyncio.timeout(60):
        while len([m for m in await user.ephemerals() if "Dry run" in m["text"]]) < count:
            await asyncio.sleep(0.05)

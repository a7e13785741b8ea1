"""What Slack would never send, sent to the bot over its real socket, beside a run that goes on.

None of it may abort, decide or halt anything: commands and clicks that would be obeyed from anybody
(`abort`, `halt`) are left out, as those are no attack. Whoever acts here may approve nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from bot.domain.approval import Policy
from bot.domain.command import Abort, Halt, parse
from bot.domain.errors import CommandError
from bot.domain.experiment import Outcome as RunOutcome
from bot.domain.experiment import Timings
from bot.domain.fold import fold
from bot.engine.chaos import Chaos
from bot.engine.clock import SystemClock
from bot.journal import Journal
from bot.sandbox import payloads, server
from bot.sandbox.client import SandboxClient
from bot.sandbox.delivery import UndeliveredError
from bot.sandbox.directory import APP_TOKEN, APPROVER, BOT_TOKEN, BOT_USER, CHAOS, ONLOOKER, STARTER
from bot.slack import Access, SlackBot
from bot.slack.buttons import AGAIN_DIALOG, Action
from bot.slack.thread import Key, messages
from tests.engine.world import World
from tests.hostile.wild import Outcome, Wild

AT_ONCE = 60  # what nobody listens to is waited for as long as Slack waits
# The SDK's own answer (3.47) to an envelope whose payload is no object; it does not get to us.
NO_OBJECT = "'str' object is not callable"
_OBEYED = {Action.ABORT, Action.HALT}
_TYPED = (
    *("approve 1", "keep 1", "restore 1", "resume", "status", "history", "help", "kill tikv-2"),
    *(
        "kill tikv --dry-run",
        "pause pd leader",
        'kill tikv-1 in staging "x"',
        "approve",
        "keep it down",
    ),
)


class Watching(logging.Handler):
    """Keeps what is logged with a traceback, or as an error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.bad: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        ours = record.exc_info or "Traceback" in said or record.name == "asyncio"
        bolts = record.levelno >= logging.ERROR and record.name == "bot.slack.bolt"
        if ours or (bolts and NO_OBJECT not in said):
            self.bad.append(f"{record.name}: {said} {record.exc_info}"[:600])


@dataclass
class Target:
    """A bot with a run that waits for its approval."""

    chaos: Chaos
    sandbox: server.Sandbox
    client: SandboxClient
    world: World
    log: Watching = field(default_factory=Watching)

    def standing(self) -> list[tuple[str, str]]:
        found = self.sandbox.slack.workspace.channels[CHAOS].messages.values()
        return [(m.metadata["event_payload"]["key"], m.text) for m in found if m.metadata]

    def place(self, key: Key) -> Any:
        found = self.sandbox.slack.workspace.channels[CHAOS].messages.values()
        keyed = (m for m in found if m.metadata and m.metadata["event_payload"]["key"] == key)
        return next(keyed, None)


@asynccontextmanager
async def target(folder: Path) -> AsyncIterator[Target]:
    """A bot at work on a small world, in real time."""
    clock = SystemClock()
    world = World(clock)  # type: ignore[arg-type] # it only asks for the time
    async with await Journal.open(folder / "bot.sqlite3") as journal:
        chaos = Chaos(
            [world.cluster("staging")],
            journal,
            clock,
            timings=Timings(warm_up=0.2, detection=0.5, approval=900, settling=0.2, poll=0.1),
            policy=Policy(approvers=frozenset({APPROVER})),
            random=Random(7),
        )
        sandbox = await server.start(0, rate_limits=False)
        access = Access(bot_token=BOT_TOKEN, app_token=APP_TOKEN, api_url=f"{sandbox.url}/api")
        bot = SlackBot(chaos, access)
        try:
            async with bot, SandboxClient(sandbox.url) as client:
                await client.until_connected()
                made = Target(chaos, sandbox, client, world)
                logging.getLogger().addHandler(made.log)
                try:
                    await client.user(STARTER).command("/chaos kill tikv-1", CHAOS)
                    async with asyncio.timeout(30):
                        while not (m := made.place(Key.DIAGNOSIS)) or "Restore it?" not in m.text:
                            await asyncio.sleep(0.05)
                    yield made
                finally:
                    logging.getLogger().removeHandler(made.log)
                await bot.stop_listening()
                await chaos.close()
        finally:
            await sandbox.stop()


async def payload(wild: Wild, count: int, folder: Path) -> Outcome:
    """All of them, then the run is approved, and is whole: its history, its end, its messages."""
    found = Outcome(inputs=count)
    async with target(folder) as at:
        sent = [_made(wild, at) for _ in range(count)]
        turn = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_send(at, found, turn, kind, body) for kind, body in sent))
        await _goes_on(at, found)
        await _ends(at, found)
    found.misbehaved += at.log.bad
    return found


async def _send(at: Target, found: Outcome, turn: asyncio.Semaphore, kind: str, body: Any) -> None:
    async with turn:
        try:
            await at.sandbox.slack.deliver(kind, body, accepts_response=True)
        except UndeliveredError as error:
            if _registered(kind, body):
                found.wrong((kind, body), f"not acknowledged: {error.reason}")


def _registered(kind: str, body: Any) -> bool:
    """Whether it is something that the bot says it listens to: that must be acknowledged."""
    if not isinstance(body, dict):
        return False
    if kind == "slash_commands":
        return body.get("command") == "/chaos"
    event = body.get("event")
    known = isinstance(event, dict) and event.get("type") in {"app_mention", "app_home_opened"}
    return kind == "events_api" and body.get("type") == "event_callback" and known


async def _goes_on(at: Target, found: Outcome) -> None:
    """The bot answers, and nothing has become of the run."""
    await at.client.user(STARTER).command("/chaos help", CHAOS)
    if at.chaos.halted:
        found.wrong("all", "halted")
    if [run.ledger.run for run in at.chaos.living] != [1] or at.world.nodes_["tikv-1"].running:
        found.wrong("all", "the run was disturbed")


async def _ends(at: Target, found: Outcome) -> None:
    ts = at.place(Key.DIAGNOSIS).ts
    await at.client.user(APPROVER).click(ts, Action.APPROVE, CHAOS)
    async with asyncio.timeout(60):
        report = await at.chaos.wait(1)
    history = await at.chaos.journal.history(1)
    if [record.seq for record in history] != list(range(1, len(history) + 1)):
        found.wrong("history", "not whole")
    if fold(history).outcome is not RunOutcome.RECOVERED or report.approval.by != APPROVER:
        found.wrong("run", report.outcome)
    if sum(record.event.event == "decided" for record in history) != 1:
        found.wrong("run", "decided twice")
    if at.world.log.count("rollback tikv-1") != 1 or not at.world.nodes_["tikv-1"].running:
        found.wrong("node", at.world.log)
    told = messages(report, at.chaos.clock.now())
    wanted = [(key.value, desired.text) for key, desired in told.items()]
    try:
        async with asyncio.timeout(30):
            while at.standing() != wanted:
                await asyncio.sleep(0.1)
    except TimeoutError:
        found.wrong("thread", at.standing())


# What is sent


def _made(wild: Wild, at: Target) -> tuple[str, Any]:
    make = wild.random.choice((_command, _click, _click, _mention, _view, _junk))
    while True:
        kind, body = make(wild, at)
        if not _would_be_obeyed(body):
            return kind, body


def _would_be_obeyed(body: Any) -> bool:
    """Whether the bot does what it says whoever says it."""
    said = json.dumps(body, default=str)
    if APPROVER in said or any(f'"{action}"' in said for action in _OBEYED):
        return True
    texts = [body.get("text"), (body.get("event") or {})] if isinstance(body, dict) else []
    texts = [t.get("text") if isinstance(t, dict) else t for t in texts]
    return any(isinstance(text, str) and _obeyed(text) for text in texts)


def _obeyed(text: str) -> bool:
    for said in (text, text.replace(f"<@{BOT_USER}>", " ").strip().strip("`")):
        try:
            if isinstance(parse(said), Abort | Halt):
                return True
        except CommandError:
            continue
    return False


def _text(wild: Wild) -> str:
    return (
        wild.text(5)
        if wild.random.random() < 0.4
        else str(wild.mutated(wild.random.choice(_TYPED)))
    )


def _command(wild: Wild, at: Target) -> tuple[str, Any]:
    channel = at.sandbox.slack.workspace.channels[CHAOS]
    body = payloads.command(at.sandbox.slack, "/chaos", _text(wild), ONLOOKER, channel)
    return "slash_commands", wild.mutated(body) if wild.random.random() < 0.5 else body


def _click(wild: Wild, at: Target) -> tuple[str, Any]:
    slack, message = at.sandbox.slack, at.place(wild.random.choice((Key.DIAGNOSIS, Key.LIVE)))
    action = {
        "type": "button",
        "action_id": wild.random.choice([a.value for a in Action if a not in _OBEYED]),
        "block_id": "b",
        "value": wild.random.choice(("1", "2", "", "kill tikv-2", wild.word())),
        "action_ts": "1.0",
    }
    channel = slack.workspace.channels[CHAOS]
    body = payloads.message_action(slack, ONLOOKER, channel, message, [action])
    return "interactive", wild.mutated(body, wild.random.randint(0, 3))


def _mention(wild: Wild, at: Target) -> tuple[str, Any]:
    event = {
        "type": wild.random.choice(("app_mention", "app_mention", "app_home_opened")),
        "user": ONLOOKER,
        "text": f"<@{BOT_USER}> {_text(wild)}",
        "channel": CHAOS,
        "ts": "1.000002",
        "thread_ts": at.place(Key.ROOT).ts,
        "tab": "home",
    }
    body = payloads.event(at.sandbox.slack, event)
    return "events_api", wild.mutated(body, wild.random.randint(0, 2))


def _view(wild: Wild, at: Target) -> tuple[str, Any]:
    kept = {"words": "kill tikv-2", "channel": CHAOS, "thread_ts": "1.1"}
    metadata = json.dumps(wild.mutated(kept)) if wild.random.random() < 0.7 else wild.text(4)
    view = {
        "id": "V1",
        "type": "modal",
        "callback_id": AGAIN_DIALOG,
        "private_metadata": metadata,
        "state": {"values": {}},
        "blocks": [],
        "hash": "h",
    }
    slack = at.sandbox.slack
    body = payloads.interaction(slack, "view_submission", ONLOOKER) | {"view": view}
    if wild.random.random() < 0.3:
        action = {"type": "button", "action_id": Action.DRY_RUN.value, "value": _text(wild)}
        body = payloads.view_action(slack, ONLOOKER, view, [action])
    return "interactive", wild.mutated(body)


def _junk(wild: Wild, _at: Target) -> tuple[str, Any]:
    kind = wild.random.choice(("slash_commands", "interactive", "events_api"))
    if wild.random.random() < 0.2:
        return kind, wild.value() or {"type": wild.word()}
    return kind, {wild.word(): wild.value() for _ in range(4)} | {"type": wild.word()}

"""The verdict: what must be true of a run that is over, however often the bot has died in it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.domain.events import Decided, FaultPlanned, FaultRolledBack, Record
from bot.domain.fold import fold
from bot.journal import Journal
from bot.sandbox.directory import APPROVER
from bot.slack.thread import messages
from tests.crash.ground import Ground

_WELL_WITHIN = 30.0
_PAINTED_WITHIN = 45.0  # Slack lets us change 30 messages a minute
_GONE_WITHIN = 10.0
_LOOK = 0.05


@dataclass
class Verdict:
    """What is wrong with a run, as sentences, and counted."""

    wrong: list[str] = field(default_factory=list)
    doubled_messages: int = 0
    lost_decisions: int = 0
    doubled_decisions: int = 0
    strays: int = 0
    restored: bool = True

    @property
    def fine(self) -> bool:
        """Whether every promise was kept."""
        return not self.wrong


async def judge(ground: Ground, run: int, verdict: Verdict) -> None:
    """Add what is wrong with a run that is over, as soon as it has had its time."""
    broken = await until_right(ground.cluster.broken, _WELL_WITHIN)
    if broken:
        verdict.restored = False
        verdict.wrong.append(f"Nodes are left broken: {', '.join(broken)}.")
    history = await _history(ground, run)
    _judge_decisions(ground, run, history, verdict)
    _judge_fault(history, verdict)
    if not ground.book.of(run).finished:
        verdict.restored = False
        verdict.wrong.append("The run has not ended.")
    await _judge_messages(ground, history, verdict)
    strays = await until_right(ground.strays, _GONE_WITHIN)
    if strays:
        verdict.strays = len(strays)
        verdict.wrong.append(f"Processes are left: {'; '.join(strays)}.")


async def until_right(wrong: Callable[[], Awaitable[list[str]]], seconds: float) -> list[str]:
    """Ask until nothing is wrong, for so long."""
    ends = time.monotonic() + seconds
    while (found := await wrong()) and time.monotonic() < ends:
        await asyncio.sleep(_LOOK)
    return found


async def _history(ground: Ground, run: int) -> list[Record]:
    async with await Journal.open(ground.book.path, read_only=True) as journal:
        return await journal.history(run)


def _judge_decisions(ground: Ground, run: int, history: list[Record], verdict: Verdict) -> None:
    decided = [r.event for r in history if isinstance(r.event, Decided)]
    if len(decided) > 1:
        verdict.doubled_decisions += len(decided) - 1
        verdict.wrong.append(f"Decided {len(decided)} times.")
    recorded = {
        by
        for r in history
        if r.event.event in {"decided", "vote_cast", "vote_refused"}
        and (by := getattr(r.event, "by", None))
    }
    for of, action, user in ground.acknowledged:
        if of == run and user == APPROVER and user not in recorded:
            verdict.lost_decisions += 1
            verdict.wrong.append(f"A click was acknowledged and is lost: {action} by {user}.")


def _judge_fault(history: list[Record], verdict: Verdict) -> None:
    planned = [r.seq for r in history if isinstance(r.event, FaultPlanned)]
    undone = [r.seq for r in history if isinstance(r.event, FaultRolledBack)]
    if planned and max(planned) > max(undone, default=0):
        verdict.wrong.append("The journal has a fault without a rollback.")
    if len(planned) > 1:
        verdict.wrong.append(f"The fault was planned {len(planned)} times.")


async def _judge_messages(ground: Ground, history: list[Record], verdict: Verdict) -> None:
    wrong = await until_right(lambda: unlike(ground, history[0].run), _PAINTED_WITHIN)
    verdict.wrong += wrong
    stands = Counter(key for key, _ in standing(ground, history[0].run))
    verdict.doubled_messages += sum(count - 1 for count in stands.values())


async def unlike(ground: Ground, run: int) -> list[str]:
    """How the messages of a run differ from those that should stand in the sandbox."""
    report = fold(await _history(ground, run))
    wanted = messages(report, report.finished_at or report.started_at)
    stands = standing(ground, run)
    counted = Counter(key for key, _ in stands)
    found = [f"{n} messages are {key}." for key, n in counted.items() if n > 1]
    found += [f"There is no message {key}." for key in wanted if key not in counted]
    found += [f"There should be no message {key}." for key in counted if key not in wanted]
    for key, text in stands:
        if key in wanted and text != wanted[key].text:
            found.append(f'{key} says "{text}", not "{wanted[key].text}".')
    unknown = [m.text for m in ground.messages().values() if m.from_app and not m.metadata]
    return [*found, *(f'There should be no message "{text}".' for text in unknown)]


def standing(ground: Ground, run: int) -> list[tuple[str, str]]:
    """The messages of a run that stand in the channel: their keys and what they say."""
    found = []
    for message in ground.messages().values():
        payload = (message.metadata or {}).get("event_payload", {})
        if payload.get("run") == run:
            found.append((str(payload["key"]), message.text))
    return found

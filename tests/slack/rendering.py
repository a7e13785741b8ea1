"""Threads as plain text, so that a reader can review them. `python -m tests.slack.rendering` writes.

from tests.slack.rendering import MOMENTS, rendered
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bot.domain import events as e
from bot.domain.approval import Policy
from bot.domain.experiment import Stage
from bot.domain.fold import fold
from bot.slack.thread import Desired, Key, messages
from tests import histories

THREADS = Path(__file__).parent / "threads"
APPROVERS = ("U0APPROVE", "U0SECOND1")
TWO = Policy(approvers=frozenset(APPROVERS))


def _during(stage: Stage, more: int, *, by: str = "rules") -> list[e.Record]:
    """A recovered run, up to `more` records after it has come to a stage."""
    told = histories.recovered(by=by)
    return told[: len(histories.until(told, stage)) + more]


MOMENTS: dict[str, Callable[[], list[e.Record]]] = {
    **histories.RUNS,
    "checking": lambda: _during(Stage.CHECKING, 0),
    "loading": lambda: _during(Stage.LOADING, 5),
    "detecting": lambda: _during(Stage.DETECTING, 6),
    "diagnosing": lambda: _during(Stage.DIAGNOSING, 1),
    "awaiting_by_rules": lambda: _during(Stage.AWAITING_APPROVAL, 4),
    "awaiting_by_claude": lambda: _during(Stage.AWAITING_APPROVAL, 4, by="claude"),
    "restoring": lambda: _during(Stage.RESTORING, 0),
    "voted_once": histories.voted_once,
    "verifying": lambda: _during(Stage.VERIFYING, 3),
}


def standing(records: list[e.Record], seconds: float = 0.4) -> dict[Key, Desired]:
    """The thread `seconds` after the last record; two may decide, unless the run says who."""
    report, now = fold(records), records[-1].at + timedelta(seconds=seconds)
    if report.policy == Policy():
        report = report.model_copy(update={"policy": TWO})
    by_halt = report.aborted_by == "U0ONLOOKE"  # of histories.halted, while the halt holds
    return messages(report, now, halted=by_halt)


def rendered(records: list[e.Record], seconds: float = 0.4) -> str:
    """That thread as text."""
    return "\n".join(
        _message(key.value, desired) for key, desired in standing(records, seconds).items()
    )


def _message(key: str, desired: Desired) -> str:
    shown = [f"== {key}", f"text: {desired.text}"]
    for block in desired.blocks:
        match block["type"]:
            case "section":
                shown.append(block["text"]["text"])
            case "context":
                shown += [f"({part['text']})" for part in block["elements"]]
            case "actions":
                shown.append(" ".join(_button(b) for b in block["elements"]))
    return "\n".join(shown) + "\n"


def _button(button: dict[str, object]) -> str:
    marks = f"{button.get('style', '')}{'?' if 'confirm' in button else ''}"
    return f"[ {button['text']['text']} ]{marks}"  # type: ignore[index]


if __name__ == "__main__":
    THREADS.mkdir(exist_ok=True)
    for name, made in MOMENTS.items():
        (THREADS / f"{name}.txt").write_text(rendered(made()), encoding="utf-8")

"""Every kind of hostile input, with its share of ten thousand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from tests.hostile import answers, payloads, rows, words
from tests.hostile.wild import Outcome, Wild

Assault = Callable[[Wild, int, Path], Awaitable[Outcome]]
TOTAL = 10_000
KINDS: Mapping[str, tuple[Assault, int]] = {
    "commands": (lambda wild, count, _: words.commands(wild, count), 2_500),
    "YCSB lines": (lambda wild, count, _: words.load_lines(wild, count), 2_500),
    "environments": (words.environment, 1_300),
    "Slack payloads": (payloads.payload, 1_500),
    "PD answers": (lambda wild, count, _: answers.pd(wild, count), 1_200),
    "Docker answers": (lambda wild, count, _: answers.docker(wild, count), 400),
    "journals": (rows.journal, 600),
}

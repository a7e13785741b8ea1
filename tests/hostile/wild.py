"""Wild: a seeded source of what nobody would send, and of what was right but for one thing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

NASTY = (
    *(
        "",
        " ",
        "\n",
        "\t",
        "\u202e",
        "\u2028",
        "\ufeff",
        "\x7f",
        "\x1b[31m",
        "🦀",
        "é" * 9,
        "\uff10\uff11",
    ),
    *(
        "<!channel>",
        "<@U0STARTER1>",
        "<https://e.example|x>",
        "&amp;&lt;",
        "```",
        '"',
        "'",
        "“",
        "\\",
    ),
    *(
        "' OR 1=1 --",
        "$(reboot)",
        "`id`",
        "../../etc/passwd",
        "%s%n",
        "{{7*7}}",
        "; rm -rf /",
        "--",
    ),
    *(
        "null",
        "None",
        "NaN",
        "Infinity",
        "-1",
        "0",
        "1e999",
        "9" * 30,
        "18446744073709551616",
        "0x1",
    ),
    *(
        "kill",
        "tikv",
        "tikv-1",
        "pd",
        "leader",
        "in",
        "staging",
        "approve",
        "run 17",
        "#17",
        "--dry-run",
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        17,
        2**63,
        10**40,
        -0.0,
        1e308,
        "",
        "17",
        "x",
        [],
        {},
        [[]],
        {"": {}},
    ),
    *([None], {"id": 7}, "\ud83e", "\x00", "<!channel>", "U0ONLOOKER", "C0CHAOS001", [1] * 50),
)


@dataclass
class Outcome:
    """How many inputs there were, and what each of those that misbehaved did."""

    inputs: int = 0
    misbehaved: list[str] = field(default_factory=list)

    def wrong(self, given: object, why: object) -> None:
        self.misbehaved.append(f"{str(given)[:200]!r}: {why!r}"[:500])


class Wild:
    """Makes inputs; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def text(self, most: int = 12) -> str:
        """A text, now and then a long one."""
        parts = [self.word() for _ in range(self.random.randint(0, most))]
        text = self.random.choice(("", " ")).join(parts)
        return text * self.random.randint(50, 3000) if self.random.random() < 0.02 else text

    def word(self) -> str:
        roll = self.random.random()
        if roll < 0.6:
            return self.random.choice(NASTY)
        if roll < 0.8:
            return "".join(
                chr(self.random.randint(1, 0x2FF)) for _ in range(self.random.randint(1, 8))
            )
        return chr(self.random.choice((0x10FFFF, 0xFFFD, 0x600, 0x3000, 0xE000, 0x1F600)))

    def value(self, depth: int = 3) -> Any:
        """Something that JSON can say."""
        roll = self.random.random()
        if depth == 0 or roll < 0.6:
            return self.random.choice(VALUES)
        if roll < 0.75:
            return self.text(4)
        if roll < 0.88:
            return [self.value(depth - 1) for _ in range(self.random.randint(0, 3))]
        return {self.word(): self.value(depth - 1) for _ in range(self.random.randint(0, 3))}

    def mutated(self, good: Any, times: int = 1) -> Any:
        """The same, but something in it is another, is gone, or is twice."""
        changed = json.loads(json.dumps(good))
        for _ in range(times):
            changed = self._mutated(changed)
        return changed

    def _mutated(self, good: Any) -> Any:
        if isinstance(good, dict) and good and self.random.random() < 0.95:
            return self._other_part(good)
        if isinstance(good, list) and good and self.random.random() < 0.9:
            return self._other_item(good)
        if isinstance(good, str) and self.random.random() < 0.4:
            at = self.random.randint(0, len(good))
            return good[:at] + self.word() + good[at + self.random.randint(0, 3) :]
        return self.value(2)

    def _other_part(self, good: dict[str, Any]) -> dict[str, Any]:
        key = self.random.choice(list(good))
        roll = self.random.random()
        if roll < 0.2:
            return {k: v for k, v in good.items() if k != key}
        if roll < 0.3:
            return good | {self.word(): good[key]}
        return good | {key: self._mutated(good[key])}

    def _other_item(self, good: list[Any]) -> list[Any]:
        at = self.random.randrange(len(good))
        roll = self.random.random()
        if roll < 0.15:
            return good[:at] + good[at + 1 :]
        if roll < 0.3:
            return good + good[at:]
        return [*good[:at], self._mutated(good[at]), *good[at + 1 :]]

    def octets(self, most: int = 200) -> bytes:
        return self.random.randbytes(self.random.randint(0, most))

    def torn(self, body: bytes) -> bytes:
        """Bytes of which some are others, or of which the end is missing."""
        made = bytearray(body)
        for _ in range(self.random.randint(1, 8)):
            if made:
                made[self.random.randrange(len(made))] = self.random.randrange(256)
        return bytes(
            made[: self.random.randint(0, len(made))] if self.random.random() < 0.4 else made
        )

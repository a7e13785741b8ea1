"""The tally: what was counted so far, and whether every promise was kept."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

MOST_GROWTH = 0.05
MOST_FILES = 4  # connections of a pool


@dataclass(kw_only=True)
class Tally:
    seed: int
    wanted_kills: int
    wanted_runs: int
    taken: int = 0  # kills that are being done
    kills: int = 0
    restored: int = 0
    doubled_messages: int = 0
    lost_decisions: int = 0
    doubled_decisions: int = 0
    runs: int = 0
    recovered: int = 0
    memory_growth: float = 0.0
    open_files_growth: int = 0
    leaked_processes: int = 0
    violations: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def untaken(self) -> int:
        return max(0, self.wanted_kills - self.kills - self.taken)

    @property
    def kept(self) -> bool:
        return (
            self.kills == self.restored == self.wanted_kills
            and self.runs == self.wanted_runs
            and self.memory_growth <= MOST_GROWTH
            and self.open_files_growth <= MOST_FILES
            and not self.violations
            and not self.doubled_messages
            and not self.lost_decisions
            and not self.doubled_decisions
            and not self.leaked_processes
        )

    def violated(self, told: str) -> None:
        self.violations += 1
        say(f"A promise was broken (seed {self.seed}). {told}")

    def left(self, processes: list[str]) -> None:
        if processes:
            self.leaked_processes += len(processes)
            self.violated(f"Processes are left: {'; '.join(processes)}")

    def as_json(self) -> dict[str, float | bool]:
        return {
            "kills": self.kills,
            "restored": self.restored,
            "doubled_messages": self.doubled_messages,
            "lost_decisions": self.lost_decisions,
            "runs": self.runs,
            "memory_growth": round(self.memory_growth, 3),
            "leaked_processes": self.leaked_processes,
            "doubled_decisions": self.doubled_decisions,
            "recovered": self.recovered,
            "open_files_growth": self.open_files_growth,
            "violations": self.violations,
            "seed": self.seed,
            "seconds": round(time.monotonic() - self.began),
        }

    def progress(self) -> str:
        return (
            f"{time.monotonic() - self.began:6.0f} s: {self.kills} of {self.wanted_kills} kills, "
            f"{self.restored} restored; {self.runs} of {self.wanted_runs} runs; "
            f"{self.violations} violations"
        )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

"""The words for a fault in a diagnosis, and what each means. Claude and the rules share them."""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """What is wrong with a component. `meaning` is a definition for a model or a person."""

    KILL = "kill"
    OOM = "oom"
    STOP = "stop"
    CRASH = "crash"
    PAUSE = "pause"
    PARTITION = "partition"
    DELAY = "delay"
    LOSS = "loss"
    CPU = "cpu"
    DISK_FULL = "disk-full"
    SLOW_DISK = "slow-disk"

    @property
    def meaning(self) -> str:
        """What the word says happened."""
        return _MEANINGS[self]


_MEANINGS = {
    Word.KILL: "its process ended at once, by signal 9, without a word (exit 137, not for memory)",
    Word.OOM: "the system ended its process because it was out of memory",
    Word.STOP: "it was shut down in good order (exit 0 or 143, or shutdown lines in its log)",
    Word.CRASH: "its process ended by itself: a panic, an assertion, another exit code",
    Word.PAUSE: "its process exists and does nothing (frozen, stopped, hung)",
    Word.PARTITION: "it runs and is cut off from PD, from its peers, or from both",
    Word.DELAY: "its network is slow",
    Word.LOSS: "its network loses packets",
    Word.CPU: "it gets too little CPU",
    Word.DISK_FULL: "its disk is full",
    Word.SLOW_DISK: "its disk is slow",
}

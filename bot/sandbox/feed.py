"""The live feed: what changed in the workspace, in order, for whoever watches.

Each change is a JSON object with `seq` (counts up from 1) and `type`. The page and the Python
client read the same feed, so that neither polls.
"""

from collections.abc import Callable
from typing import Any

Watcher = Callable[[dict[str, Any]], None]


class Feed:
    """Numbers the changes and hands them to the watchers."""

    def __init__(self) -> None:
        self.seq = 0
        self._watchers: dict[int, Watcher] = {}
        self._next = 0

    def publish(self, kind: str, /, **change: Any) -> None:
        """Tell every watcher about a change of type `kind`."""
        self.seq += 1
        event = {"seq": self.seq, "type": kind, **change}
        for watcher in list(self._watchers.values()):
            watcher(event)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Hand every further change to `watcher`; the answer ends that."""
        self._next += 1
        number = self._next
        self._watchers[number] = watcher
        return lambda: self._watchers.pop(number, None) and None

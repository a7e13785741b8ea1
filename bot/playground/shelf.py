"""A shelf: the keys and values of one region, as its peers agree on them."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Flow:
    """How much was read and written."""

    read_keys: int = 0
    read_bytes: int = 0
    written_keys: int = 0
    written_bytes: int = 0


class Shelf:
    """A machine for a region's Raft group. A value's version is the index of the entry that set it.

    Proposals are `[key, value, expected]`; with `expected` not None the value is only set when the
    key still has that version (0 is a key that is not there).
    """

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {}
        """Version and value by key."""
        self.size = 0
        """Bytes of keys and values, roughly."""
        self.flow = Flow()
        """What was read and written since somebody began a new one."""

    def restore(self, state: Any) -> None:
        """Replaces everything."""
        self.values = dict(state or {})
        self.size = sum(len(key) + len(value) for key, (_, value) in self.values.items())

    def save(self) -> Any:
        """Everything; the values are never changed in place."""
        return dict(self.values)

    def apply(self, index: int, data: Any) -> tuple[bool, int]:
        """Whether the value was set, and the version that the key has now."""
        key, value, expected = data
        version, old = self.values.get(key, (0, ""))
        if expected is not None and version != expected:
            return False, version
        self.values[key] = [index, value]
        self.flow.written_keys += 1
        self.flow.written_bytes += len(key) + len(value)
        self.size += len(value) - len(old) + (0 if version else len(key))
        return True, index

    def get(self, key: str) -> tuple[int, str | None]:
        """A key's version and value; 0 and None when it is not there."""
        version, value = self.values.get(key, (0, None))
        self.flow.read_keys += 1
        self.flow.read_bytes += len(key) + len(value or "")
        return version, value

"""A workload: what a load does, in YCSB's properties, and the keys and values that it does it with."""

import random
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

TABLE = "usertable:"
CORE = {
    "recordcount": "1000",
    "operationcount": "1000",
    "fieldcount": "10",
    "fieldlength": "10",
    "readproportion": "0.95",
    "updateproportion": "0.05",
    "requestdistribution": "uniform",
    "maxexecutiontime": "0",
    "silence": "true",
    "tikv.type": "raw",
    "table": "usertable",
    "workload": "core",
}
"""What holds when nobody says otherwise."""
KNOWN = {
    "workloada": {"readproportion": "0.5", "updateproportion": "0.5"},
    "workloadb": {"readproportion": "0.95", "updateproportion": "0.05"},
    "workloadc": {"readproportion": "1", "updateproportion": "0"},
}
"""YCSB's own workloads that need no inserts and no scans, by the name of their file."""
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 1099511628211


def read_properties(path: str) -> dict[str, str]:
    """The properties of a workload: from a file of that name, or one of YCSB's own.

    Raises:
        ValueError: there is neither.
    """
    file = Path(path)
    if file.is_file():
        lines = (line.strip() for line in file.read_text().splitlines())
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        return {name.strip(): value.strip() for name, _, value in pairs}
    if file.name in KNOWN:
        return {"requestdistribution": "zipfian", **KNOWN[file.name]}
    raise ValueError(
        f"There is no workload {path!r}; there are {', '.join(KNOWN)}, or name a file."
    )


def key_of(record: int) -> str:
    """The key of a record, scattered as YCSB scatters it."""
    value = FNV_OFFSET
    for _ in range(8):
        value = ((value ^ record & 0xFF) * FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
        record >>= 8
    signed = value - (1 << 64) if value >> 63 else value
    return f"{TABLE}user{abs(signed)}"


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that can be run."""

    keys: list[str]
    weights: list[float]
    """Cumulative, one for each key; empty when all keys are alike."""
    reads: float
    """The share of reads, 0 to 1."""
    value_size: int
    """Characters."""

    @classmethod
    def of(cls, properties: dict[str, str]) -> "Workload":
        """Makes it from YCSB's properties.

        Raises:
            ValueError: one of them makes no sense.
        """
        keys = [key_of(n) for n in range(int(properties["recordcount"]))]
        if not keys:
            raise ValueError("A workload needs at least one record: recordcount=1000.")
        reads, updates = (float(properties[f"{kind}proportion"]) for kind in ("read", "update"))
        if reads + updates <= 0:
            raise ValueError(
                "A workload reads or updates: readproportion=0.5, updateproportion=0.5."
            )
        skewed = properties["requestdistribution"] == "zipfian"
        weights = list(accumulate((n + 1) ** -0.99 for n in range(len(keys)))) if skewed else []
        size = int(properties["fieldcount"]) * int(properties["fieldlength"])
        return cls(keys, weights, reads / (reads + updates), size)

    def key(self, draw: random.Random) -> str:
        """A key to work on next."""
        if not self.weights:
            return draw.choice(self.keys)
        return self.keys[bisect_left(self.weights, draw.random() * self.weights[-1])]

    def value(self, draw: random.Random) -> str:
        """A value to write."""
        digits = f"{draw.getrandbits(64):016x}"
        return (digits * (self.value_size // 16 + 1))[: self.value_size]

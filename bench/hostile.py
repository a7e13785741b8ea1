"""Hostile: ten thousand inputs that nobody should send, and how many of them did any harm.

Harm is an exception that is no sentence, an acknowledgement that did not come, a traceback in the
log, a look at PD that took too long, or a run beside it that was disturbed. The seed is in SEED (7).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figure import Figure
from tests.hostile.kinds import KINDS
from tests.hostile.wild import Wild

_SHOWN = 5


async def measure() -> Figure:
    seed, began = int(os.environ.get("SEED") or 7), time.monotonic()
    inputs, harm, each = 0, [], []
    for name, (assault, count) in KINDS.items():
        with TemporaryDirectory() as folder:
            found = await assault(Wild(seed), count, Path(folder))
        inputs += found.inputs
        harm.append(len(found.misbehaved))
        each.append(f"{found.inputs:,} {name}: {len(found.misbehaved)}")
        for one in found.misbehaved[:_SHOWN]:
            print(f"{name}: {one}", file=sys.stderr)
    return Figure(
        name="hostile",
        what="hostile inputs that did harm",
        unit="inputs",
        limit=0,
        measured=sum(harm),
        low=min(harm),
        high=max(harm),
        of=f"{inputs:,} inputs, seed {seed}",
        beside=f"{'; '.join(each)}; {time.monotonic() - began:.0f} s",
    )

"""A few hundred of the ten thousand hostile inputs that `python -m bench --only hostile` sends."""

from __future__ import annotations

import pytest

from tests.hostile.kinds import KINDS, TOTAL
from tests.hostile.wild import Wild

SHORT = {
    "commands": 300,
    "YCSB lines": 300,
    "environments": 60,
    "Slack payloads": 60,
    "PD answers": 40,
    "Docker answers": 60,
    "journals": 60,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_of_it_does_harm(kind, tmp_path):
    assault, _ = KINDS[kind]
    found = await assault(Wild(4711), SHORT[kind], tmp_path)
    assert found.misbehaved == []
    assert found.inputs >= SHORT[kind]


def test_the_bench_sends_ten_thousand():
    assert sum(count for _, count in KINDS.values()) == TOTAL

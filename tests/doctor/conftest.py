"""Settings as the environment makes them, and what was found by the name of its check."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.doctor import Finding, examine
from bot.settings import load, names


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory(prefix="cb-") as folder:  # short: a socket's path is limited
        yield Path(folder)


@pytest.fixture
def examined(monkeypatch, home) -> Callable[..., dict[str, Finding]]:
    """Examines what the settings given say: check -> finding."""

    async def look(*, claude=False, channel=None, **given) -> dict[str, Finding]:
        for name in names():
            monkeypatch.delenv(name, raising=False)
        for name, value in {"CHAOSBOT_HOME": str(home), **given}.items():
            monkeypatch.setenv(name, value)
        found = await examine(load(home / ".env"), ask_claude=claude, channel=channel)
        assert len({f.check for f in found}) == len(found), "each check once"
        assert all(f.mend for f in found if f.stands_in_the_way), found
        return {f.check: f for f in found}

    return look

"""`chaosbot doctor` as a command: its exit status, its page and its JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bot.settings import names


@pytest.fixture
def doctor(home):
    def run(*words, **given):
        environment = {k: v for k, v in os.environ.items() if k not in names()}
        return subprocess.run(
            [sys.executable, "-m", "bot", "doctor", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=home,
            env={**environment, "CHAOSBOT_HOME": str(home), **given},
            check=False,
        )

    return run


def test_a_bare_machine_is_well(doctor):
    done = doctor()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "What works, and what to do"
    assert lines[-1] == "  All that is needed works."


def test_the_json_is_a_list_with_all_that_a_program_needs(doctor):
    done = doctor("--json", CHAOSBOT_PROMETHEUS_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert all(set(f) == {"check", "state", "text", "mend", "needed"} for f in found)
    assert {f["state"] for f in found} == {"works", "broken", "not set"}
    [broken] = [f["check"] for f in found if f["state"] == "broken" and f["needed"]]
    assert broken == "Prometheus"


def test_settings_that_cannot_be_used_are_one_sentence(doctor):
    done = doctor(CHAOSBOT_PROMETHEUS_URL="nowhere")
    assert done.returncode == 2
    assert "CHAOSBOT_PROMETHEUS_URL" in done.stderr
    assert done.stdout == ""

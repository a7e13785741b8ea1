"""Secrets: nothing that a run leaves behind, or says, holds one of those that were planted."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress

import pytest

BOT = "xoxb-901234567890-PlantedBotToken"
APP = "xapp-1-A024BE7LH-901234-PlantedAppToken"
SIGNING = "planted0signing0secret0of0slack0"
KEY = "planted-anthropic-key-without-a-shape"
CLAUDE = "PlantedClaudePassword"
PROMETHEUS = "Planted%40Prometheus"
REASON = "xoxp-901234567890-PlantedInTheReason"
PLANTED = {
    *(BOT, APP, SIGNING, KEY, CLAUDE, PROMETHEUS, "Planted@Prometheus", REASON),
    b64encode(b"root:Planted@Prometheus").decode(),
    b64encode(f"root:{CLAUDE}".encode()).decode(),
}
ENVIRONMENT = {
    "SLACK_BOT_TOKEN": BOT,
    "SLACK_APP_TOKEN": APP,
    "SLACK_SIGNING_SECRET": SIGNING,
    "SLACK_API_URL": f"http://root:{CLAUDE}@127.0.0.1:9/api/",
    "ANTHROPIC_API_KEY": KEY,
    "ANTHROPIC_BASE_URL": f"http://root:{CLAUDE}@127.0.0.1:9",  # nobody listens there
    "CHAOSBOT_PROMETHEUS_URL": f"http://root:{PROMETHEUS}@127.0.0.1:9/",
}


def leaks(left):
    """Where a planted secret stands: name of a file or output -> the secrets in it."""
    return {
        name: held
        for name, body in left.items()
        if (held := [secret for secret in sorted(PLANTED) if secret.encode() in body])
    }


async def test_no_planted_secret_is_in_anything_that_a_run_leaves_behind(shell):
    async with shell.running(
        *("run", f'kill tikv "see {REASON} and {KEY}"', "--approve", "--json"), **ENVIRONMENT
    ) as process:
        await shell.until(lambda r: r.event.event == "fault_injected")
        left = files(shell.home, "while it runs")  # the journal's WAL is gone afterwards
        said, complained = await process.communicate()
    left |= {"stdout": said, "stderr": complained, **files(shell.home, "afterwards")}
    assert process.returncode == 0, complained.decode()
    run = json.loads(said)["run"]
    for form in ("markdown", "html", "json"):
        printed = shell.run("report", str(run), "--format", form, **ENVIRONMENT)
        assert printed.returncode == 0, printed.stderr
        left[form] = (printed.stdout + printed.stderr).encode()

    assert any(name.endswith("journal.sqlite3-wal (while it runs)") for name in left)
    assert any(name.endswith("journal.sqlite3 (afterwards)") for name in left)
    assert leaks(left) == {}
    assert b"[redacted] and [redacted]" in left["stdout"]


def files(home, when):
    """Every byte of every file: its name and when it was read -> its bytes."""
    found = {}
    for path in sorted(home.rglob("*")):
        with suppress(FileNotFoundError):  # it went while we looked
            if path.is_file():
                found[f"{path.relative_to(home)} ({when})"] = path.read_bytes()
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", KEY),
        ("SLACK_APP_TOKEN", KEY),
        ("CHAOSBOT_PROMETHEUS_URL", f"root:{PROMETHEUS}@db"),
        ("ANTHROPIC_BASE_URL", f"ftp://root:{CLAUDE}@db"),
        ("CHAOSBOT_PD", f"http://root:{CLAUDE}@pd"),
        ("CHAOSBOT_MODLE", KEY),
    ],
)
def test_settings_that_cannot_be_used_are_told_without_their_secrets(shell, name, value):
    done = shell.run("run", "kill tikv", "--dry-run", **{**ENVIRONMENT, name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert leaks({"stdout": done.stdout.encode(), "stderr": done.stderr.encode()}) == {}

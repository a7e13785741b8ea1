"""Real loggers, and what stands on standard error after them."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from bot import logs

PLANTED = "planted-secret-without-a-shape"


@pytest.fixture(autouse=True)
def as_before():
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook


def test_warnings_are_said_and_the_rest_is_not(capsys):
    logs.set_up()
    logging.getLogger("bot.engine").warning("PD is %s", "slow")
    logging.getLogger("bot.engine").info("nothing")
    assert capsys.readouterr().err == "PD is slow\n"


def test_known_secrets_and_shapes_go_with_their_traceback(capsys):
    logs.set_up([PLANTED])
    error = RuntimeError(f"no answer from http://root:{PLANTED}@db, xoxb-1234567890-abc")
    try:
        raise error
    except RuntimeError:
        logging.getLogger("bot").exception("Asked with %s", {"key": PLANTED})
    said = capsys.readouterr().err
    assert PLANTED not in said
    assert "xoxb" not in said
    assert "Traceback" in said
    assert said.splitlines()[-1] == (
        "RuntimeError: no answer from http://root:[redacted]@db, [redacted]"
    )


@pytest.mark.parametrize(
    "line",
    [
        "Request: POST https://slack.com/api/ headers={'Authorization': 'Bearer %s'}",
        "send_request_headers [(b'host', b'x'), (b'authorization', b'Bearer %s')]",
        'Headers({"authorization": "Basic %s", "accept": "*/*"})',
        "wss://wss-primary.slack.com/link/?ticket=%s&app_id=A1",
        "response_url=https://hooks.slack.com/commands/T1/2/%s",
    ],
)
@pytest.mark.parametrize("library", ["httpx", "slack_sdk.web.base_client"])
def test_a_librarys_headers_and_urls_are_no_leak(capsys, library, line):
    logs.set_up()
    logger = logging.getLogger(library)
    logger.setLevel(logging.DEBUG)
    try:
        logger.debug(line, "dXNlcjpwYXNzd29yZA")
    finally:
        logger.setLevel(logging.NOTSET)
    said = capsys.readouterr().err
    assert "dXNlcjpwYXNzd29yZA" not in said
    assert "[redacted]" in said


def test_it_is_set_up_once_and_learns(capsys):
    logs.set_up()
    logging.getLogger().warning(PLANTED)
    logs.set_up([PLANTED])
    logs.set_up(["another-secret"])
    logging.getLogger().warning("%s, another-secret", PLANTED)
    assert capsys.readouterr().err == f"{PLANTED}\n[redacted], [redacted]\n"


def test_a_message_that_does_not_fit_its_arguments_leaks_nothing(capsys):
    logging.getLogger().handlers.clear()  # pytest's own raises
    logs.set_up([PLANTED])
    logging.getLogger("foreign").warning(f"%d nodes at {PLANTED}", PLANTED)  # noqa: G004
    assert capsys.readouterr().err == "foreign: %d nodes at [redacted]\n"


def test_a_closed_standard_error_hurts_nobody(monkeypatch, tmp_path):
    logs.set_up()
    closed = (tmp_path / "closed").open("w")
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    logging.getLogger().warning("unheard")


def test_an_error_that_nobody_caught_is_redacted_too():
    code = (
        "from bot import logs\n"
        f"logs.set_up([{PLANTED!r}])\n"
        "url = 'http://root:hunter2hunter2@db'\n"
        f"raise OSError(url + {PLANTED!r}[:9] + {PLANTED!r}[9:])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "OSError: http://root:[redacted]@db[redacted]"
    assert "Traceback" in done.stderr

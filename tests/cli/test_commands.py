"""The commands around a run: wrong words, unusable settings, help, reports, the demo."""

from __future__ import annotations

import asyncio
import json
import signal
import socket

import jsonschema
import pytest

from bot.__main__ import parser


def test_help_names_every_command(shell):
    done = shell.run("--help")
    assert done.returncode == 0
    for name in parser()._subparsers._group_actions[0].choices:
        assert name in done.stdout


def test_help_imports_no_sdk(shell):
    code = (
        "import sys; from bot.__main__ import parser; parser().format_help();"
        "print([m for m in ('slack_bolt','aiohttp','anthropic','pydantic','rich') if m in sys.modules])"
    )
    done = shell.python(code)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "COMMAND"),
        (("dmeo",), "dmeo"),
        (("report", "seven"), '"seven" is no run number'),
        (("report",), "needs a run"),
        (("report", "7"), "There is no run 7"),
        (("run",), "experiment"),
        (("run", "kill tikv", "--cluster", "moon"), "moon"),
        (("demo", "--port", "99999"), "65535"),
        (("serve",), "SLACK_BOT_TOKEN and SLACK_APP_TOKEN are not set"),
        (("serve", "--http", "3100"), "SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are not set"),
        (("serve", "--http", "x"), '"x" is no port'),
        (("guardian",), "--home"),
        (("guardian", "--home", ".", "--bot", "me", "--seconds", "1"), '"me" is no process id'),
        (("guardian", "--home", ".", "--bot", "1", "--seconds", "-1"), "no time in seconds"),
        (("history", "--limit", "0"), "no number of runs"),
    ],
)
def test_wrong_words_are_one_sentence_and_exit_2(shell, words, named):
    done = shell.run(*words)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_the_schema_is_a_schema(shell):
    done = shell.run("report", "--schema")
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))


def test_a_broken_env_file_is_one_sentence(shell):
    (shell.home / ".env").write_text('CHAOSBOT_MODEL="never ends\n')
    done = shell.run("report", "1")
    assert done.returncode == 2
    assert ".env, line 1" in done.stderr
    assert "CHAOSBOT_MODEL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named(shell):
    done = shell.run("report", "1", CHAOSBOT_POLL_SECONDS="often")
    assert done.returncode == 2
    assert "CHAOSBOT_POLL_SECONDS" in done.stderr


def test_a_state_folder_that_cannot_be_made_is_said_so(shell):
    (shell.home / "file").write_text("")
    done = shell.run("run", "kill tikv", CHAOSBOT_HOME=str(shell.home / "file" / "home"))
    assert done.returncode == 2
    assert "cannot be made" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said_so(shell):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = shell.run("demo", "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} is in use" in done.stderr


async def test_two_bots_do_not_share_a_state_folder(shell):
    async with shell.running("run", "kill tikv") as first:
        await shell.until(lambda _: True)
        second = await asyncio.to_thread(shell.run, "run", "kill tikv")
        first.send_signal(signal.SIGINT)
        await asyncio.wait_for(first.communicate(), 40)
    assert second.returncode == 2
    assert f"Another chaosbot (run, process {first.pid}) uses" in second.stderr


async def test_the_demo_tells_its_story_in_plain_lines_and_ends(shell):
    async with shell.running("demo", "--port", "0") as demo:
        out, said = await asyncio.wait_for(demo.communicate(), 90)
    assert demo.returncode == 0, said.decode()
    assert "http://127.0.0.1:" in said.decode()
    lines = out.decode()
    assert not (shell.home / "guardian.log").read_text()
    for word in ("Checking", "Loading", "Injecting", "Detecting", "Diagnosing", "Verifying"):
        assert word in lines
    assert "\x1b" not in lines
    assert "Recovered" in lines


async def test_ctrl_c_ends_a_demo_in_the_middle_of_a_run(shell):
    async with shell.running("demo", "--port", "0", "--stay") as demo:
        await shell.until(lambda r: r.event.event == "fault_injected")
        demo.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(demo.communicate(), 60)
    assert demo.returncode == 0, said.decode()
    record = await shell.until(lambda r: r.event.event == "run_finished")
    assert record.event.outcome.value == "aborted"


async def test_a_demo_that_is_killed_leaves_no_process(shell):
    async with shell.running("demo", "--port", "0", "--stay") as demo:
        await shell.until(lambda r: r.event.event == "fault_injected")
        demo.kill()
        await demo.wait()
        await shell.until_nothing_runs()


def test_every_flag_has_a_help():
    for action in parser()._subparsers._group_actions[0].choices.values():
        assert all(flag.help for flag in action._actions), action.prog

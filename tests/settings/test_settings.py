from __future__ import annotations

import os
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from bot import settings as module
from bot.domain.errors import SettingsError
from bot.domain.experiment import Timings
from bot.domain.limits import Limits
from bot.settings import FAST, Settings, load, names

EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in os.environ:
        if name.startswith("CHAOSBOT_") or name in names():
            monkeypatch.delenv(name)


@pytest.fixture
def env(tmp_path):
    path = tmp_path / "chaos.env"

    def write(text: str) -> Path:
        path.write_text(text)
        return path

    return write


def test_without_anything_there_are_defaults(tmp_path):
    settings = load(tmp_path / ".env")
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.model == "claude-sonnet-5-5"
    assert settings.cluster_name == "playground"
    assert settings.journal == settings.home / "journal.sqlite3"
    assert settings.socket == settings.home / "playground.sock"
    assert settings.approvers == ()
    assert settings.timings(fast=True) == FAST
    assert settings.timings(fast=False) == Timings()


def test_the_environment_wins_over_the_file(env, monkeypatch, tmp_path):
    monkeypatch.setenv("CHAOSBOT_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("CHAOSBOT_MODEL", "")
    path = env(
        "CHAOSBOT_HOME=/nowhere\nCHAOSBOT_MODEL='other'\nexport SLACK_BOT_TOKEN=xoxb-1 # mine\n"
    )
    settings = load(path)
    assert settings.home == tmp_path / "h"
    assert settings.model == "other"
    assert settings.slack_bot_token
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1"
    assert "xoxb-1" not in repr(settings)


def test_values_are_read_into_their_types(env):
    settings = load(
        env(
            "SLACK_API_URL=http://127.0.0.1:3000/api\nCHAOSBOT_APPROVERS=U024BE7LH, W2\n"
            "CHAOSBOT_YCSB_COMMAND='go-ycsb run tikv -p tikv.pd={pd} -p \"a b\"'\n"
            "CHAOSBOT_POLL_SECONDS=0.25\nCHAOSBOT_CLUSTER_NAME=staging\nFOREIGN=1\n"
        )
    )
    assert settings.slack_api_url == "http://127.0.0.1:3000/api/"
    assert settings.approvers == ("U024BE7LH", "W2")
    assert settings.cluster_name == "staging"
    assert settings.timings(fast=True) == FAST.model_copy(update={"poll": 0.25})
    assert settings.timings(fast=False).poll == 0.25
    assert settings.ycsb_command(["http://127.0.0.1:1/", "b:2"]) == (
        *("go-ycsb", "run", "tikv", "-p", "tikv.pd=127.0.0.1:1,b:2", "-p", "a b"),
    )


def test_the_playground_has_its_own_load(tmp_path):
    command = load(tmp_path / ".env").ycsb_command(["http://127.0.0.1:1"])
    assert command[:3] == (sys.executable, "-m", "bot.playground.load")
    assert "tikv.pd=127.0.0.1:1" in command


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("CHAOSBOT_POLL_SECONDS=9", r'CHAOSBOT_POLL_SECONDS \(.*chaos\.env, line 1\) cannot be "9": it should be less than or equal to 2'),
        ("\nX=1\n\nCHAOSBOT_SETTLING_SECONDS=soon", r'line 4\) cannot be "soon": it should be a valid number'),
        ("CHAOSBOT_APPROVAL_SECONDS=inf", "it should be a finite number"),
        ("CHAOSBOT_RECOVERY_SECONDS=0", "it should be greater than 0"),
        ("CHAOSBOT_MONITOR_SECONDS=0", "it should be greater than or equal to 0.1"),
        ("CHAOSBOT_CLUSTER=moon", 'cannot be "moon": it should be .playground.'),
        ("CHAOSBOT_CLUSTER_NAME='a b'", "it should be one word"),
        ("CHAOSBOT_APPROVERS=U1,bob", 'not "bob"'),
        ("CHAOSBOT_APPROVER_GROUPS=S1,U2", 'user group ids like S0614TZR7, not "U2"'),
        ("CHAOSBOT_APPROVALS=0", "it should be greater than or equal to 1"),
        ("CHAOSBOT_APPROVALS=21", "it should be less than or equal to 20"),
        ("CHAOSBOT_APPROVALS=3\nCHAOSBOT_APPROVERS=U1,U2", "asks for 3 approvals, and CHAOSBOT_APPROVERS names 2 who may give one. Name more"),
        ("CHAOSBOT_STARTER_MAY_APPROVE=maybe", 'cannot be "maybe": it should be true or false'),
        ("CHAOSBOT_AT_DEADLINE=panic", "it should be 'restore' or 'keep down'"),
        ("CHAOSBOT_PROTECTED='tikv-1, lable:x'", '"lable:x" protects nothing; patterns look like tikv-1, pd-\\*'),
        ("CHAOSBOT_HOURS='mon-fry 9:00-17:00'", '"mon-fry" names no days; hours look like "mon-fri 09:00-17:00 Europe/Berlin"'),
        ("CHAOSBOT_HOURS='sat 9:00-17:00, sun'", '"sun" makes no hours'),
        ("CHAOSBOT_RUNS_AN_HOUR=0", "it should be greater than or equal to 1"),
        ("CHAOSBOT_DEADMAN_SECONDS=4", "it should be greater than or equal to 5"),
        ("CHAOSBOT_GUARDIAN_SECONDS=0", "it should be greater than or equal to 0.1"),
        ("CHAOSBOT_SHUTDOWN_SECONDS=inf", "it should be a finite number"),
        ("CHAOSBOT_HTTP_HOST=127.0.0.1:3000", "it should be a host without a port"),
        ("CHAOSBOT_HTTP_HOST='a b'", "it should be a host like 127.0.0.1"),
        ("CHAOSBOT_YCSB_COMMAND=\"a 'b\"", "with its quotes closed"),
        ("CHAOSBOT_YCSB_COMMAND=' '", "it should be a command line"),
        ("SLACK_API_URL=slack.com", "it should look like https://slack.com/api/"),
        ("CHAOSBOT_POL_SECONDS=1", r"There is no setting CHAOSBOT_POL_SECONDS .*line 1.* Did you mean CHAOSBOT_POLL_SECONDS\?"),
        ("A=1\nSLACK_BOT_TOKEN", r"chaos\.env, line 2, cannot be read: SLACK_BOT_TOKEN has no value"),
        ('A=1\nCHAOSBOT_MODEL="x', r"line 2, cannot be read: CHAOSBOT_MODEL"),
        (f"CHAOSBOT_PLAYGROUND_SOCKET=/{'x' * 110}", "has at most 103 bytes; .* Name a shorter one in CHAOSBOT_PLAYGROUND_SOCKET"),
        (f"CHAOSBOT_HOME=/{'x' * 110}", "has at most 103 bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_sentence(env, text, sentence):
    with pytest.raises(SettingsError) as error:
        load(env(text))
    assert re.search(sentence, error.value.whole)
    assert "\n" not in error.value.whole


@pytest.mark.parametrize(
    ("name", "begins"), [("SLACK_BOT_TOKEN", "xoxb-"), ("SLACK_APP_TOKEN", "xapp-")]
)
def test_a_secret_is_never_shown(env, monkeypatch, name, begins):
    monkeypatch.setenv(name, "hunter2")
    with pytest.raises(
        SettingsError, match=f'{name} .in the environment.* with "{begins}"'
    ) as error:
        load(env(""))
    assert "hunter2" not in error.value.whole
    monkeypatch.delenv(name)
    with pytest.raises(SettingsError, match="line 1, cannot be read") as error:
        load(env(f"{name} hunter2"))
    assert "hunter2" not in error.value.whole


@pytest.mark.parametrize("value", ["ftp://root:hunter2@db", "root:hunter2@db", "http://a:hunter2@"])
def test_a_password_in_a_url_is_never_shown(env, value):
    with pytest.raises(SettingsError, match="it should look like https://") as error:
        load(env(f"CHAOSBOT_PROMETHEUS_URL='{value} '"))
    assert "hunter2" not in error.value.whole


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load(tmp_path)
    (tmp_path / "latin").write_bytes(b"A=\xe9\n")
    with pytest.raises(SettingsError, match="latin cannot be read: it is not UTF-8"):
        load(tmp_path / "latin")


def test_slack_needs_both_tokens(env):
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN and SLACK_APP_TOKEN are not set"):
        load(env("")).slack_tokens()
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN is not set"):
        load(env("SLACK_BOT_TOKEN=xoxb-1")).slack_tokens()
    both = load(env("SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1"))
    assert both.slack_tokens() == ("xoxb-1", "xapp-1")


def test_http_needs_the_signing_secret_and_no_app_token(env):
    with pytest.raises(SettingsError, match="SLACK_SIGNING_SECRET is not set") as error:
        load(env("SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1")).slack_http()
    assert "secrets of your Slack app" in error.value.mend
    both = load(env("SLACK_BOT_TOKEN=xoxb-1\nSLACK_SIGNING_SECRET=abc"))
    assert both.slack_http() == ("xoxb-1", "abc")
    assert "abc" not in repr(both)


def test_what_a_team_allows_itself(env):
    assert load(env("")).limits() == Limits()
    settings = load(
        env(
            "CHAOSBOT_PROTECTED='pd-*, cluster:production, label:tier=gold'\n"
            "CHAOSBOT_HOURS='mon-fri 09:00-17:00 Europe/Berlin, sat 22:00-4:00'\n"
            "CHAOSBOT_RUNS_AN_HOUR=4\n"
        )
    )
    limits = settings.limits()
    assert limits.protected == ("pd-*", "cluster:production", "label:tier=gold")
    assert [str(h) for h in limits.hours] == [
        "mon-fri 09:00-17:00 Europe/Berlin",
        "sat 22:00-04:00 UTC",
    ]
    assert limits.runs_an_hour == 4


def test_approvals_and_processes(env):
    settings = load(
        env(
            "CHAOSBOT_APPROVER_GROUPS=S0614TZR7, S2\nCHAOSBOT_APPROVALS=2\n"
            "CHAOSBOT_STARTER_MAY_APPROVE=No\nCHAOSBOT_AT_DEADLINE='keep down'\n"
            "CHAOSBOT_DEADMAN_SECONDS=5\nCHAOSBOT_GUARDIAN_SECONDS=0.1\n"
            "CHAOSBOT_SHUTDOWN_SECONDS=7.5\nCHAOSBOT_HTTP_HOST=::1\n"
        )
    )
    assert settings.approver_groups == ("S0614TZR7", "S2")
    assert settings.approvals == 2
    assert settings.starter_may_approve is False
    assert settings.at_deadline == "keep down"
    assert (settings.deadman, settings.guardian, settings.shutdown) == (5.0, 0.1, 7.5)
    assert settings.http_host == "::1"


def test_every_secret_is_known_to_redaction(env):
    assert load(env("")).secrets() == ()
    settings = load(
        env(
            "SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-2\nSLACK_SIGNING_SECRET=sign-3\n"
            "ANTHROPIC_API_KEY=key-4\nSLACK_API_URL=http://u:slack-5@s/api\n"
            "ANTHROPIC_BASE_URL=http://token-6-of-claude@claude\nCHAOSBOT_PD=http://u:pd-7@pd:2379,pd:1\n"
            "CHAOSBOT_PROMETHEUS_URL='http://root:p%40ss-8@db:9090/x?a=b@c'\n"
        )
    )
    found = settings.secrets()
    assert {"xoxb-1", "xapp-2", "sign-3", "key-4", "slack-5", "token-6-of-claude", "pd-7"} < set(
        found
    )
    assert {"p%40ss-8", "p@ss-8", b64encode(b"root:p@ss-8").decode()} < set(found)
    assert len(found) == len(set(found))
    assert "" not in found
    assert load(env("CHAOSBOT_PROMETHEUS_URL=http://prometheus@db")).secrets() == ()


def test_a_home_is_made_or_named(env, tmp_path):
    home = load(env(f"CHAOSBOT_HOME={tmp_path}/a/b")).prepare_home()
    assert home.is_dir()
    assert home.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"file/x cannot be made: Not a directory"):
        load(env(f"CHAOSBOT_HOME={tmp_path}/file/x")).prepare_home()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_may_not_be_written_is_named(env, tmp_path):
    home = tmp_path / "locked"
    home.mkdir(mode=0o500)
    with pytest.raises(SettingsError, match="locked cannot be written"):
        load(env(f"CHAOSBOT_HOME={home}")).prepare_home()


def test_the_example_lists_every_setting_with_its_default(env):
    lines = EXAMPLE.read_text().splitlines()
    shown = [m.group(1) for line in lines if (m := re.match(r"# ([A-Z_]+)=", line))]
    assert shown == names()
    whole = "\n".join(re.sub(r"^# (?=[A-Z_]+=)", "", line) for line in lines)
    assert load(env(whole)) == load(env(""))
    defaults = {str(f.alias): f.default for f in Settings.model_fields.values()}
    for name, value in re.findall(r"^# ([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE):
        default = defaults[name]
        assert (value != "") == isinstance(default, str | float | int), name


def test_the_example_shows_the_timings_of_both_kinds_of_cluster():
    text = EXAMPLE.read_text()
    for name in Timings.model_fields:
        real, fast = getattr(Timings(), name), getattr(FAST, name)
        variable = f"CHAOSBOT_{name.upper()}_SECONDS"
        assert re.search(rf": {real:g}, {fast:g}\.[^\n]*\n# {variable}=", text), variable


def test_it_is_cheap_to_import():
    code = (
        "import sys, bot.settings; "
        "print(sorted({'httpx', 'slack_sdk', 'aiohttp', 'aiosqlite', 'anthropic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert module.__doc__

"""The doctor against real sockets: the sandbox's Slack, the playground's PDs, a real Prometheus."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals

import anthropic  # noqa: F401 - its import takes a while, and is none of what is timed here
import pytest
import yaml
from aiohttp import web

from bot.doctor import State, stands_in_the_way
from bot.doctor.examination import WITHIN
from bot.doctor.slack import SCOPES
from bot.domain.control import Halted, Resumed
from bot.journal import Journal
from bot.lock import held
from bot.sandbox import server
from bot.sandbox.directory import CHAOS
from tests import histories
from tests.cluster.polling import until
from tests.cluster.replay import refusing, saying, serving, speaking
from tests.diagnosis.claude_server import fails, message
from tests.diagnosis.claude_server import serving as serving_claude
from tests.doctor.real import addresses, look, needs_prometheus, playground, prometheus

MANIFEST = Path(__file__).parents[2] / "manifest.yaml"


@pytest.fixture
async def slack():
    running = await server.start(0)
    yield running
    await running.stop()


def well(found) -> dict[str, str]:
    return {check: f.text for check, f in found.items() if f.state is State.WORKS}


async def test_on_a_bare_machine_nothing_is_needed_and_everything_says_what_it_is_for(examined):
    found = await examined()
    assert not stands_in_the_way(list(found.values()))
    states = {check: f.state for check, f in found.items()}
    assert states["state folder"] is State.WORKS
    for check in ("Slack", "playground", "Prometheus", "Claude"):
        assert states[check] is State.NOT_SET, check
        assert found[check].mend


@pytest.mark.prometheus
async def test_all_well(examined, slack, home):
    needs_prometheus()
    async with playground(home / "playground.sock") as nodes:
        where = addresses(await look(nodes))
        async with prometheus(home / "prometheus", where) as url:

            async def all_up() -> bool:
                found = await examined(CHAOSBOT_PROMETHEUS_URL=url)
                return "6 of 6 are up." in found["Prometheus targets"].text

            await until(all_up, 30)
            found = await examined(channel=CHAOS, CHAOSBOT_PROMETHEUS_URL=url, **slack.environment)
    states = {f.check: f.state for f in found.values()}
    assert states.pop("Claude") is State.NOT_SET
    assert states.pop("Docker") is State.NOT_SET
    assert set(states.values()) == {State.WORKS}, found
    assert not stands_in_the_way(list(found.values()))
    assert found["nodes"].text.startswith("3 PD and 3 TiKV run: pd-1, pd-2, pd-3, tikv-1")
    assert found["stores"].text.startswith("3 of 3 are Up: tikv-")
    assert "(store " in found["stores"].text
    assert found["PD leader"].text.endswith("leads; 3 of 3 members are healthy.")
    assert len([check for check in found if check.startswith("PD 127.0.0.1:")]) == 3
    assert "All 8" in found["Slack scopes"].text
    assert found[f"Slack channel {CHAOS}"].text == "The bot is in it."


async def test_slack_without_one_of_its_tokens(examined, slack):
    given = slack.environment
    del given["SLACK_APP_TOKEN"]
    found = await examined(**given)
    assert found["Slack bot token"].state is State.WORKS
    assert found["Slack app token"].text == "SLACK_APP_TOKEN is not set."
    assert found["Slack app token"].stands_in_the_way
    assert "connections:write" in found["Slack app token"].mend
    assert found["playground"].stands_in_the_way  # the bot in Slack needs one


async def test_wrong_tokens_are_named_and_never_shown(examined, slack):
    given = {
        **slack.environment,
        "SLACK_BOT_TOKEN": "xoxb-hunter2",
        "SLACK_APP_TOKEN": "xapp-hunter2",
    }
    found = await examined(**given)
    for check in ("Slack bot token", "Slack app token"):
        assert found[check].state is State.BROKEN
        assert "invalid_auth" in found[check].text
    assert "SLACK_BOT_TOKEN" in found["Slack bot token"].mend
    assert "Slack scopes" not in found
    assert not any("hunter2" in f.model_dump_json() for f in found.values())


async def test_tokens_that_were_swapped(examined, slack, monkeypatch):
    given = slack.environment
    found = await examined(
        SLACK_API_URL=given["SLACK_API_URL"], SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1"
    )
    assert found["Slack app token"].state is State.BROKEN


@pytest.mark.parametrize("channel", ["C0NOWHERE", "general", "#nowhere", "C1 2"])
async def test_a_channel_that_is_none(examined, slack, channel):
    found = await examined(channel=channel, **slack.environment)
    assert found[f"Slack channel {channel}"].state is State.BROKEN
    assert "/invite" in found[f"Slack channel {channel}"].mend


async def test_scopes_that_lack(examined):
    async def respond(request: web.Request) -> web.Response:
        headers = {"X-OAuth-Scopes": "commands, chat:write"}
        return web.json_response({"ok": True, "user": "bot", "team": "T"}, headers=headers)

    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    async with serving(respond) as url:
        found = await examined(SLACK_API_URL=url, **tokens)
    lacking = found["Slack scopes"]
    assert lacking.state is State.BROKEN
    assert "channels:history (to find its own messages again)" in lacking.text
    assert "commands (" not in lacking.text
    assert found["Slack app token"].text == "Slack names no socket."


@pytest.mark.parametrize(
    "slacks",
    [
        lambda: serving(saying(200, "<html>")),
        lambda: serving(saying(200, "[]")),
        lambda: serving(saying(500, "")),
        lambda: serving(saying(404, "no")),
        lambda: serving(saying(200, '{"ok": true, "url": "ws://127.0.0.1:1/", "user": 7}')),
        lambda: speaking(b"\x00\r\n\r\n"),
        lambda: speaking(b"HTTP/1.1 200 OK\r\n", hold=True),
        refusing,
    ],
)
async def test_a_slack_that_is_none(examined, slacks):
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    async with slacks() as url:
        began = time.monotonic()
        found = await examined(SLACK_API_URL=url, **tokens)
        assert time.monotonic() - began < WITHIN + 1
    assert stands_in_the_way([f for f in found.values() if f.check.startswith("Slack")])
    assert not any("defect" in f.mend for f in found.values()), found


async def test_the_socket_is_left_to_a_bot_that_is_at_work(examined, slack, home):
    with held(home, "serve"):
        async with await Journal.open(home / "journal.sqlite3"):
            found = await examined(**slack.environment)
    assert f"serve, process {os.getpid()}" in found["Slack Socket Mode"].text
    assert f"serve, process {os.getpid()}" in found["other chaosbots"].text
    assert not [c for c in slack.slack.calls if c.method == "never"]


async def test_a_halt_is_shown_and_stands_in_nobodys_way(examined, home):
    async with await Journal.open(home / "journal.sqlite3") as journal:
        await journal.note(Halted(by="U1", why="a customer called"), datetime.now(UTC))
        found = await examined()
        assert "by U1: a customer called." in found["halt"].text
        assert "chaosbot resume" in found["halt"].mend
        assert not stands_in_the_way([found["halt"]])
        await journal.note(Resumed(by="U1"), datetime.now(UTC))
    assert "halt" not in await examined()


async def test_a_signing_secret_alone_means_http(examined, slack):
    given = {k: v for k, v in slack.environment.items() if k != "SLACK_APP_TOKEN"}
    found = await examined(**given, SLACK_SIGNING_SECRET="s")
    assert "--http" in found["Slack HTTP"].text
    assert "Slack app token" not in found


async def test_a_store_and_a_pd_that_are_down(examined, home):
    async with playground(home / "playground.sock") as nodes:
        leader = (await look(nodes)).pd_leader
        other = next(n for n in ("pd-1", "pd-2") if n != leader)
        for name in (other, "tikv-2"):
            await nodes._supervisor.send(name, Signals.SIGKILL)

        async def noticed() -> bool:
            found = await examined()
            return "Disconnected" in found["stores"].text

        await until(noticed, 30)
        found = await examined()
        assert found["nodes"].mend.startswith("chaosbot recover")
        assert f"{other} is exited, tikv-2 is exited" in found["nodes"].text
        assert f"{other} cannot be reached" in found["PD leader"].text
        assert "2 of 3 are Up: tikv-2 (store" in found["stores"].text
        dead = [f for c, f in found.items() if c.startswith("PD 1") and f.stands_in_the_way]
        assert len(dead) == 1
        assert "could not be reached" in dead[0].text


async def test_all_pds_paused(examined, home):
    async with playground(home / "playground.sock") as nodes:
        for name in ("pd-1", "pd-2", "pd-3"):
            await nodes._supervisor.send(name, Signals.SIGSTOP)
        began = time.monotonic()
        found = await examined()
        assert time.monotonic() - began < WITHIN
    assert "pd-1 is paused" in found["nodes"].text
    assert "did not answer within" in found["PD leader"].text
    assert found["stores"].mend == "Put PD right first."
    assert found["stores"].stands_in_the_way


async def test_a_home_that_is_a_file(examined, home):
    (home / "file").write_text("")
    found = await examined(CHAOSBOT_HOME=str(home / "file"))
    assert found["state folder"].state is State.BROKEN
    assert "CHAOSBOT_HOME" in found["state folder"].mend


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_home_that_cannot_be_written(examined, home):
    home.chmod(0o500)
    found = await examined()
    home.chmod(0o700)
    assert "cannot be written" in found["state folder"].text
    assert stands_in_the_way(list(found.values()))


async def test_a_home_on_a_file_system_that_takes_nothing(examined):
    found = await examined(CHAOSBOT_HOME="/proc/self")
    assert found["state folder"].state is State.BROKEN


async def test_a_home_that_does_not_exist_is_left_so(examined, home):
    found = await examined(CHAOSBOT_HOME=str(home / "a" / "b"))
    assert "is made by the first run" in found["state folder"].text
    assert not (home / "a").exists()


async def test_a_journal_that_is_none(examined, home):
    (home / "journal.sqlite3").write_bytes(b"rubbish" * 999)
    found = await examined()
    assert found["journal"].state is State.BROKEN
    assert found["journal"].stands_in_the_way


async def test_what_was_left_behind_is_the_doctors_business(examined, home):
    async with await Journal.open(home / "journal.sqlite3") as journal:
        record = None
        for past in histories.recovered():
            if record is None:
                record = await journal.begin(past.event, past.at)
            elif past.event.event == "fault_injected":
                break
            else:
                await journal.append(record.run, past.event, past.at)
    found = await examined()
    assert found["journal"].text.startswith("It opens, schema ")
    assert found["left behind"].mend == "chaosbot recover"
    assert f"run {record.run}: " in found["left behind"].text


async def test_a_load_command_that_is_not_there(examined):
    found = await examined(CHAOSBOT_YCSB_COMMAND="go-ycsb-of-nowhere run tikv")
    assert "go-ycsb-of-nowhere" in found["YCSB"].text
    assert found["YCSB"].state is State.BROKEN
    assert not found["YCSB"].needed


async def test_prometheus_that_is_away_or_none_or_scrapes_nothing_that_answers(examined):
    async with refusing() as url:
        found = await examined(CHAOSBOT_PROMETHEUS_URL=url)
        assert "could not be reached" in found["Prometheus"].text
        assert "CHAOSBOT_PROMETHEUS_URL" in found["Prometheus"].mend
        assert found["Prometheus"].stands_in_the_way
    async with serving(saying(200, "<html>")) as url:
        found = await examined(CHAOSBOT_PROMETHEUS_URL=url)
        assert found["Prometheus"].state is State.BROKEN


@pytest.mark.prometheus
async def test_a_target_that_is_down_is_named_with_its_reason(examined, tmp_path):
    needs_prometheus()
    async with prometheus(tmp_path / "p", ["127.0.0.1:1"]) as url:

        async def scraped() -> bool:
            found = await examined(CHAOSBOT_PROMETHEUS_URL=url)
            return "127.0.0.1:1" in found["Prometheus targets"].text

        await until(scraped, 30)
        found = await examined(CHAOSBOT_PROMETHEUS_URL=url)
    assert "0 of 1 are up. tikv 127.0.0.1:1: " in found["Prometheus targets"].text
    assert "connection refused" in found["Prometheus targets"].text


async def test_claude_is_only_asked_when_that_is_wished_for(examined):
    async with serving_claude() as claude:
        key = {"ANTHROPIC_API_KEY": "sk-ant-hunter2", "ANTHROPIC_BASE_URL": claude.url}
        claude.answers = [lambda: web.json_response(message("H", "max_tokens"))]
        found = await examined(**key)
        assert claude.requests == []
        assert "--claude" in found["Claude"].text
        found = await examined(claude=True, **key)
        assert found["Claude"].text == "claude-sonnet-5-5 answers."
        assert [request[2]["max_tokens"] for request in claude.requests] == [1]
        claude.answers = [lambda: fails(401, "authentication_error")]
        found = await examined(claude=True, **key)
        assert "did not accept the key" in found["Claude"].text
        assert "ANTHROPIC_API_KEY" in found["Claude"].mend
        assert "hunter2" not in found["Claude"].model_dump_json()
        claude.answers = [lambda: web.Response(text="<html>")]
        assert (await examined(claude=True, **key))["Claude"].state is State.BROKEN


def test_the_scopes_are_the_manifests():
    manifest = yaml.safe_load(MANIFEST.read_text())
    assert sorted(SCOPES) == sorted(manifest["oauth_config"]["scopes"]["bot"])

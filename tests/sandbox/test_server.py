import asyncio
import signal
import subprocess
import sys

import aiohttp
import pytest

from bot.sandbox import __main__, server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "rebound.example:3000"}, 403),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
async def test_only_this_machines_own_pages_get_in(sandbox, headers, status):
    async with aiohttp.ClientSession() as http:
        for path in ("/static/main.js", "/page/api/state", "/api/api.test"):
            async with http.get(sandbox.url + path, headers=headers) as answer:
                assert answer.status == status


async def test_a_link_from_elsewhere_may_lead_to_the_page(sandbox):
    headers = {"Sec-Fetch-Site": "cross-site"}
    async with aiohttp.ClientSession() as http, http.get(sandbox.url, headers=headers) as answer:
        assert answer.status == 200


async def test_the_door_takes_json_only(sandbox):
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{sandbox.url}/page/api/message", data={"text": "x"}) as answer,
    ):
        assert answer.status == 415


async def test_the_page_forbids_everything_from_elsewhere(sandbox):
    async with aiohttp.ClientSession() as http, http.get(sandbox.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "https://" not in text
    assert "Set-Cookie" not in answer.headers


async def test_a_port_in_use_is_one_sentence(sandbox):
    with pytest.raises(server.PortInUseError, match=f"Port {sandbox.port} is in use"):
        await server.start(sandbox.port)


def test_the_command_exits_with_2_when_the_port_is_in_use(monkeypatch, capsys):
    async def taken(port: int) -> None:
        raise server.PortInUseError(f"Port {port} is in use.")

    monkeypatch.setattr(__main__.server, "start", taken)
    assert __main__.main(["--port", "3000"]) == 2
    assert capsys.readouterr().err == "Port 3000 is in use.\n"


async def test_the_command_prints_what_a_bot_needs_and_ends_when_told():
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.sandbox", "--port", "0"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    lines = [(await process.stdout.readline()).decode().strip() for _ in range(6)]
    url = lines[0].removeprefix("The sandbox is at ")
    assert lines[3:] == [
        f"SLACK_API_URL={url}/api/",
        "SLACK_BOT_TOKEN=xoxb-sandbox",
        "SLACK_APP_TOKEN=xapp-sandbox",
    ]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


def test_the_package_itself_imports_nothing():
    loaded = "import bot.sandbox, sys; print('aiohttp' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert told.stdout == "False\n"


async def test_a_bots_environment(sandbox):
    assert sandbox.environment == {
        "SLACK_API_URL": f"{sandbox.url}/api/",
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
    }

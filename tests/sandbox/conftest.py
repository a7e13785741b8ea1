"""A sandbox on a free port, the real SDK against it, and a clock that tests can turn."""

import inspect
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import server
from bot.sandbox.client import SandboxClient, SandboxUser
from bot.sandbox.directory import (
    APP_TOKEN,
    APPROVER,
    BOT_TOKEN,
    STARTER,
    Shortcut,
    SlashCommand,
)
from bot.sandbox.server import Sandbox

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
EVENTS = frozenset(
    {"app_mention", "app_home_opened", "reaction_added", "message.im", "message.channels"}
)
COMMANDS = (
    SlashCommand(
        name="/chaos",
        description="Talk to the app",
        usage_hint="kill | status",
        examples=("kill tikv", "kill pd", "status"),
    ),
)


def pytest_collection_modifyitems(items):
    """One event loop for this folder, so that one browser serves all tests of the page."""
    for item in items:
        own = Path(__file__).parent in item.path.parents
        if own and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Clock:
    """Runs like the wall clock, and can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(clock) -> AsyncIterator[Sandbox]:
    running = await server.start(
        0,
        clock=clock,
        commands=COMMANDS,
        shortcuts=(
            Shortcut(callback_id="everywhere", name="Everywhere"),
            Shortcut(callback_id="on_message", name="On a message", on_message=True),
        ),
        events=EVENTS,
        ack_seconds=1.0,
        retry_seconds=(0.0, 0.05),
    )
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def client(sandbox) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(sandbox.url) as door:
        yield door


@pytest.fixture
def starter(client) -> SandboxUser:
    return client.user(STARTER)


@pytest.fixture
def approver(client) -> SandboxUser:
    return client.user(APPROVER)


@pytest.fixture
def web(sandbox) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=f"{sandbox.url}/api")


@pytest.fixture
def app(web) -> AsyncApp:
    return AsyncApp(client=web)


@pytest.fixture
def connected(client, app):
    """Connects the app when entered, once its listeners are there."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[AsyncSocketModeHandler]:
        handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.2)
        await handler.connect_async()
        await client.until_connected()
        try:
            yield handler
        finally:
            await handler.close_async()

    return connect


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("No chromium was found on the PATH.")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser, sandbox) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    opened = await context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    await opened.goto(sandbox.url)
    await expect(opened.get_by_role("heading", name="# chaos")).to_be_visible()
    yield opened
    await context.close()
    assert problems == []


def section(text: str) -> dict:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str, text: str = "Press", **more) -> dict:
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "action_id": action_id, "text": label, **more}


def actions(*elements: dict) -> dict:
    return {"type": "actions", "block_id": "buttons", "elements": list(elements)}


def modal(*blocks: dict, **more) -> dict:
    def plain(text: str) -> dict:
        return {"type": "plain_text", "text": text}

    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("A form"),
        "submit": plain("Send"),
        "blocks": list(blocks),
        **more,
    }


def text_input(block_id: str, **more) -> dict:
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": f"The {block_id}"},
        "element": {"type": "plain_text_input", "action_id": "value"},
        **more,
    }

"""Controls, over HTTP and in a real browser: everybody hears how each ends."""

from __future__ import annotations

import asyncio
import logging

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.sandbox import server
from bot.sandbox.client import DoorError, SandboxClient
from bot.sandbox.controls import Control
from bot.sandbox.directory import APPROVER, STARTER


class Act:
    """Something that a control does, as long as a test lets it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.times = 0

    async def __call__(self) -> str:
        self.times += 1
        self.begun.set()
        await self.may_end.wait()
        return "It was killed, and runs again."


async def fail() -> str:
    raise OSError("no such process")


@pytest.fixture
def act() -> Act:
    return Act()


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(act):
    hint = "SIGKILL, then a new start"
    controls = [
        Control(id="kill_bot", label="Kill the bot", hint=hint, act=act),
        Control(id="fail", label="Fail", hint="Goes wrong", act=fail),
    ]
    running = await server.start(0, controls=controls)
    yield running
    await running.stop()


async def shown(client: SandboxClient, identity: str) -> dict:
    return next(c for c in (await client.state(STARTER))["controls"] if c["id"] == identity)


async def test_a_control_answers_with_its_sentence(client, act):
    act.may_end.set()
    assert await client.control("kill_bot") == "It was killed, and runs again."
    assert await shown(client, "kill_bot") == {
        "id": "kill_bot",
        "label": "Kill the bot",
        "hint": "SIGKILL, then a new start",
        "busy": False,
        "said": "It was killed, and runs again.",
    }


async def test_a_control_is_pressed_once_at_a_time(client, act):
    first = asyncio.create_task(client.control("kill_bot"))
    await act.begun.wait()
    assert (await shown(client, "kill_bot"))["busy"]
    with pytest.raises(DoorError, match="control_busy"):
        await client.control("kill_bot")
    act.may_end.set()
    await first
    assert act.times == 1
    await client.control("kill_bot")
    assert act.times == 2


async def test_a_control_that_fails_says_so_in_a_sentence(client, caplog):
    with (
        caplog.at_level(logging.CRITICAL, "bot.sandbox.controls"),
        pytest.raises(DoorError, match=r"^Fail failed: no such process$"),
    ):
        await client.control("fail")
    control = await shown(client, "fail")
    assert (control["busy"], control["said"]) == (False, "Fail failed: no such process")


async def test_a_control_that_is_not_there(client):
    with pytest.raises(DoorError, match="control_not_found"):
        await client.control("explode")


@pytest.mark.browser
async def test_a_control_says_that_it_is_under_way_and_how_it_ended(page, act):
    strip = page.get_by_role("region", name="Demo, not Slack")
    button = strip.get_by_role("button", name="Kill the bot")
    await expect(button).to_have_accessible_description("SIGKILL, then a new start")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(button).to_have_text("Kill the bot: under way…")
    await expect(button).to_be_disabled()
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await page.reload()
    await expect(button).to_be_disabled()
    act.may_end.set()
    await expect(strip.get_by_role("status")).to_have_text("It was killed, and runs again.")
    await expect(button).to_be_enabled()
    assert act.times == 1


@pytest.mark.browser
async def test_a_failure_is_a_sentence_on_every_page(page, client, caplog):
    caplog.set_level(logging.CRITICAL, "bot.sandbox.controls")
    strip = page.get_by_role("region", name="Demo, not Slack")
    other = await page.context.new_page()
    await other.goto(page.url)
    with pytest.raises(DoorError, match="Fail failed"):
        await client.control("fail")
    for one in (page, other):
        said = one.get_by_role("region", name="Demo, not Slack").get_by_role("status")
        await expect(said).to_have_text("Fail failed: no such process")
    await expect(strip.get_by_role("button", name="Fail", exact=True)).to_be_enabled()


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 390, 768])
@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_the_strip_fits_a_small_screen_in_both_colours(page, act, width, colours):
    await page.emulate_media(color_scheme=colours)
    await page.set_viewport_size({"width": width, "height": 700})
    strip = page.get_by_role("region", name="Demo, not Slack")
    button = strip.get_by_role("button", name="Kill the bot")
    act.may_end.set()
    await button.click()
    await expect(strip.get_by_role("status")).to_be_visible()
    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    for part in (button, strip.get_by_role("status"), page.get_by_role("combobox")):
        await expect(part).to_be_in_viewport()
    box = await strip.bounding_box()
    assert box
    assert box["height"] < 130
    assert await contrast(button) >= 4.5


@pytest.mark.browser
async def test_the_strip_stays_over_a_thread_on_a_phone(page, client):
    await client.user(APPROVER).say("the root")
    await page.set_viewport_size({"width": 360, "height": 700})
    root = page.get_by_role("article").filter(has_text="the root")
    await root.hover()
    await root.get_by_role("button", name="Reply").click()
    await expect(page.get_by_role("complementary", name="Thread")).to_be_in_viewport()
    await expect(page.get_by_role("button", name="Kill the bot")).to_be_in_viewport()


async def contrast(node) -> float:
    """The contrast of a text to the strip that it stands on, as WCAG counts it."""
    return await node.evaluate(
        """node => {
            const colour = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const light = (rgb) => {
                const [r, g, b] = rgb.map((value) => value / 255).map((value) =>
                    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const strip = node.closest(".controls");
            const both = [getComputedStyle(node).color, getComputedStyle(strip).backgroundColor];
            const [a, b] = both.map((text) => light(colour(text)) + 0.05);
            return Math.max(a, b) / Math.min(a, b);
        }"""
    )

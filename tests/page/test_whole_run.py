"""Somebody who has never seen it: a browser, a command, a countdown, an approval, a recovery."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.async_api import async_playwright, expect

from tests.cli.conftest import shell  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEMO = ("demo", "--port", "0", "--stay", "--no-first-run")
SOON = 90_000  # milliseconds; a limit for what may take a while, not a wait
expect.set_options(timeout=SOON)


@pytest.fixture
async def page():
    if CHROMIUM is None:
        pytest.skip("no chromium was found")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(SOON)
        wrong = []
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        yield opened
        assert wrong == []
        await browser.close()


async def address(demo) -> str:
    """The page's address, as the demo prints it."""
    while line := (await demo.stderr.readline()).decode():
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise AssertionError("the demo printed no address")


async def test_a_whole_run_from_the_first_word_to_the_recovery(shell, page):  # noqa: F811
    async with shell.running(*DEMO, CHAOSBOT_RECOVERY_SECONDS="90") as demo:
        await page.goto(await address(demo))
        composer = page.get_by_role("combobox", name="Message #chaos")
        await expect(page.get_by_role("link", name="chaosbot connected")).to_be_visible()
        await composer.fill("/chaos kill tikv")
        await composer.press("Enter")

        thread = page.get_by_role("complementary", name="Thread")
        live = thread.get_by_role("article").filter(has_text=re.compile("[✓◔] ?Checking"))
        await expect(live).to_contain_text("Detecting")
        countdown = re.compile(r"(\d+) s left of")
        await expect(live).to_contain_text(countdown)
        first = countdown.search(await live.inner_text())[0]
        await expect(live).not_to_contain_text(first)  # it is seen to change
        await expect(live).to_contain_text(re.compile(r"node exit \+0\.\d+ s"))
        await expect(live).to_contain_text("PD says Disconnected")

        await page.get_by_role("radio", name="approver").click()
        await thread.get_by_role("button", name="Approve restore").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Restore tikv-")
        await dialog.get_by_role("button", name="Restore it").click()

        await expect(thread.get_by_role("button", name="Approve restore")).to_have_count(0)
        await expect(thread).to_contain_text("Restore approved by @approver")
        root = page.get_by_role("log", name="Messages").get_by_role("article").first
        await expect(root).to_contain_text("Recovered in")
        result = thread.get_by_role("article").filter(has_text="of its baseline")
        await expect(result).to_contain_text("Recovered")

        await thread.get_by_role("button", name="Evidence").click()
        await expect(page.get_by_role("dialog")).to_contain_text("E1")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_bot_that_is_killed_on_the_page_goes_on_with_the_thread(shell, page):  # noqa: F811
    async with shell.running(*DEMO, CHAOSBOT_RECOVERY_SECONDS="90") as demo:
        await page.goto(await address(demo))
        await expect(page.get_by_role("link", name="chaosbot connected")).to_be_visible()
        composer = page.get_by_role("combobox", name="Message #chaos")
        await composer.fill("/chaos kill tikv")
        await composer.press("Enter")
        thread = page.get_by_role("complementary", name="Thread")
        approve = thread.get_by_role("button", name="Approve restore")
        await expect(approve).to_have_count(1)

        kill = page.get_by_role("button", name="Kill the bot")
        await kill.click()
        await kill.click(force=True)  # it is under way: nothing more happens
        said = page.get_by_text(re.compile("killed with SIGKILL and is back after"))
        await expect(said).to_be_visible()

        await page.get_by_role("radio", name="approver").click()
        await approve.click()
        await page.get_by_role("dialog").get_by_role("button", name="Restore it").click()
        await expect(thread).to_contain_text("Restore approved by @approver")
        root = page.get_by_role("log", name="Messages").get_by_role("article")
        await expect(root.first).to_contain_text("Recovered in")
        await expect(root).to_have_count(1)
        result = thread.get_by_role("article").filter(has_text="of its baseline")
        await expect(result).to_have_count(1)
        live = thread.get_by_role("article").filter(has_text=re.compile("[✓◔] ?Checking"))
        await expect(live).to_have_count(1)
    found = await shell.until(lambda r: r.event.event == "noted")
    assert "Chaosbot was away for" in found.event.note


async def test_wrong_words_are_answered_to_who_typed_them(shell, page):  # noqa: F811
    async with shell.running(*DEMO, CHAOSBOT_RECOVERY_SECONDS="90") as demo:
        await page.goto(await address(demo))
        await expect(page.get_by_role("link", name="chaosbot connected")).to_be_visible()
        composer = page.get_by_role("combobox", name="Message #chaos")
        await composer.fill("/chaos kil tikv")
        await composer.press("Enter")
        answer = page.get_by_role("article").filter(has_text="Only visible to you")
        await expect(answer).to_contain_text('"kil"')
        await expect(answer).to_contain_text("/chaos kill tikv")
        await page.get_by_role("radio", name="onlooker").click()
        await expect(page.get_by_role("article")).to_have_count(0)

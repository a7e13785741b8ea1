"""The page in a real browser. What is looked for is what a reader or a screen reader finds."""

import re

import pytest
from playwright.async_api import Page, expect

from bot.sandbox.directory import APPROVER, CHAOS, STARTER
from tests.sandbox.conftest import actions, button, modal, section, text_input

pytestmark = pytest.mark.browser


def message(page: Page, text: str):
    return page.get_by_role("log", name="Messages").get_by_role("article").filter(has_text=text)


async def test_a_newcomer_is_told_what_to_type_and_completes_it_by_keyboard(
    page, app, connected, starter
):
    @app.command("/chaos")
    async def answer(ack, command):
        await ack(f"you typed {command['text']}")

    field = page.get_by_role("combobox", name="Message #chaos")
    await expect(field).to_be_focused()
    await expect(page.get_by_text("No app is connected.")).to_be_visible()
    await page.get_by_role("button", name="/chaos kill tikv").click()
    await expect(field).to_have_value("/chaos kill tikv")
    async with connected():
        await expect(page.get_by_text("No app is connected.")).to_be_hidden()
        await field.fill("/ch")
        options = page.get_by_role("option")
        await expect(options).to_have_count(4)
        await field.press("ArrowDown")
        await field.press("ArrowDown")
        await expect(options.nth(2)).to_have_attribute("aria-selected", "true")
        await field.press("Tab")
        await expect(field).to_have_value("/chaos kill pd")
        await field.fill("/chaos st")
        await field.press("Escape")
        await expect(options).to_have_count(0)
        await field.fill("/chaos status")
        await field.press("Enter")
        whisper = message(page, "you typed status")
        await expect(whisper.get_by_text("Only visible to you")).to_be_visible()
        await whisper.get_by_role("button", name="Dismiss message").click()
        await expect(whisper).to_have_count(0)
    assert await starter.ephemerals() == []


async def test_a_thread_opens_changes_in_place_and_closes(page, app, connected, web):
    @app.command("/chaos")
    async def answer(ack, client):
        await ack()
        root = await client.chat_postMessage(channel=CHAOS, text="the root")
        blocks = [section("30 s left"), actions(button("abort", "Abort"))]
        await client.chat_postMessage(
            channel=CHAOS, thread_ts=root["ts"], text="live", blocks=blocks
        )

    async with connected():
        await page.get_by_role("combobox", name="Message #chaos").fill("/chaos kill")
        await page.keyboard.press("Enter")
        pane = page.get_by_role("complementary", name="Thread")
        abort = pane.get_by_role("button", name="Abort")
        await abort.focus()
        live = await abort.evaluate("node => node.closest('[data-ts]').dataset.ts")
        await abort.evaluate("node => { node.marked = true }")
        blocks = [section("29 s left"), actions(button("abort", "Abort"))]
        await web.chat_update(channel=CHAOS, ts=live, text="live", blocks=blocks)
        await expect(pane.get_by_text("29 s left")).to_be_visible()
        await expect(abort).to_be_focused()
        assert await abort.evaluate("node => node.marked"), "the node stayed, nothing flickered"
    await expect(message(page, "the root").get_by_role("button", name="1 reply")).to_be_visible()
    assert re.search(rf"#{CHAOS}/[\d.]+$", page.url)
    await pane.get_by_role("combobox").fill("a reply")
    await page.keyboard.press("Enter")
    await expect(pane.get_by_text("2 replies")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(pane).to_be_hidden()
    await page.go_back()
    await expect(pane).to_be_visible()


async def test_a_confirm_dialog_stands_before_the_click(page, app, connected, web, client):
    @app.action("approve")
    async def approve(ack, body, client):
        await ack()
        text = f"Approved by <@{body['user']['id']}>"
        await client.chat_update(channel=CHAOS, ts=body["message"]["ts"], text=text)

    texts = {"title": "Restore?", "text": "It starts again.", "confirm": "Do it", "deny": "Cancel"}
    confirm = {name: {"type": "plain_text", "text": text} for name, text in texts.items()}
    blocks = [section("?"), actions(button("approve", "Approve", confirm=confirm))]
    async with connected():
        await web.chat_postMessage(channel=CHAOS, text="?", blocks=blocks)
        await page.get_by_role("radio", name="approver").click()
        await expect(page.get_by_role("navigation").get_by_text("@approver")).to_be_visible()
        await page.get_by_role("button", name="Approve", exact=True).click()
        dialog = page.get_by_role("dialog", name="Restore?")
        await expect(dialog).to_have_accessible_description("It starts again.")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_role("button", name="Approve", exact=True)).to_be_focused()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Do it").click()
        await expect(message(page, "Approved by @approver")).to_be_visible()
    (left,) = await client.messages()
    assert left["text"] == f"Approved by <@{APPROVER}>"


async def test_a_deep_link_opens_its_thread(page, web, sandbox):
    root = (await web.chat_postMessage(channel=CHAOS, text="root"))["ts"]
    await web.chat_postMessage(channel=CHAOS, thread_ts=root, text="the reply")
    link = (await web.chat_getPermalink(channel=CHAOS, message_ts=root))["permalink"]
    await page.goto("about:blank")
    await page.goto(link)
    pane = page.get_by_role("complementary", name="Thread")
    await expect(pane.get_by_text("the reply")).to_be_visible()


async def test_an_app_that_does_not_answer_leaves_a_warning_at_the_button(page, web):
    await web.chat_postMessage(channel=CHAOS, text="x", blocks=[actions(button("b", "Press"))])
    await page.get_by_role("button", name="Press").click()
    await expect(page.get_by_role("alert")).to_have_text(
        "We had some trouble connecting. Try again?"
    )


async def test_a_modal_keeps_the_focus_and_shows_what_is_wrong(page, app, connected):
    @app.command("/chaos")
    async def ask(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(text_input("why")))

    @app.view("form")
    async def take(ack, view):
        if view["state"]["values"]["why"]["value"]["value"] == "no":
            await ack(response_action="errors", errors={"why": "Say more."})
        else:
            await ack()

    async with connected():
        await page.get_by_role("combobox", name="Message #chaos").fill("/chaos new")
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="A form")
        field = dialog.get_by_role("textbox", name="The why")
        await expect(field).to_be_focused()
        await field.press("Enter")
        await expect(dialog.get_by_text("Please complete this required field.")).to_be_visible()
        await field.fill("no")
        await field.press("Enter")
        await expect(dialog.get_by_role("alert")).to_have_text("Say more.")
        await expect(field).to_have_value("no")
        await field.fill("because")
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog).to_be_hidden()


async def test_what_looks_like_html_stays_text(page, web):
    evil = "<img src=x onerror=alert(1)> <script>alert(2)</script> <javascript:alert(3)|click>"
    page.on("dialog", lambda dialog: pytest.fail("A script ran."))
    blocks = [
        section(evil),
        {"type": "markdown", "text": f"{evil} [click](javascript:alert(4))"},
        {"type": "header", "text": {"type": "plain_text", "text": evil[:140]}},
        actions(button("b", evil[:70])),
    ]
    await web.chat_postMessage(channel=CHAOS, text=evil)
    await web.chat_postMessage(channel=CHAOS, text="x", blocks=blocks)
    await expect(page.get_by_role("button", name="onerror")).to_be_visible()
    assert await page.locator("#list :is(img, script)").count() == 0
    assert await page.locator("#list a[href^='javascript']").count() == 0


MRKDWN = [
    ("*bold* _it_ ~no~ `a*b*`", "<strong>bold</strong> <em>it</em> <s>no</s> <code>a*b*</code>"),
    ("a*b*c 2 * 3 * 4 snake_case_name", "a*b*c 2 * 3 * 4 snake_case_name"),
    ("*_both_*", "<strong><em>both</em></strong>"),
    ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
    ("```a\n  b```after", "<pre>a\n  b</pre>after"),
    ("&gt; one\n> two\nthree", "<blockquote>one\ntwo</blockquote>three"),
    ("no `code\nhere`", "no `code\nhere`"),
    ("*not\nbold*", "*not\nbold*"),
    (":no_such_emoji: 12:30:45", ":no_such_emoji: 12:30:45"),
    ("<!date^0^{date_num}|then>", re.compile(r"<time .*>1970-01-01</time>")),
    (f"<@{STARTER}>", '<span class="mention mention-me">@starter</span>'),
    (f"<@{APPROVER}>", '<span class="mention">@approver</span>'),
    ("<!here>", '<span class="mention mention-all">@here</span>'),
    (f"<#{CHAOS}>", f'<a class="mention" href="#{CHAOS}">#chaos</a>'),
    ("<!subteam^S0APPROVER>", '<span class="mention">@approvers</span>'),
    ("<mailto:a@b.example|mail>", re.compile(r'<a href="mailto:a@b.example".*>mail</a>')),
    (
        "<http://x.example/?a=1&amp;b=2|there>",
        re.compile(r'<a href="http://x.example/\?a=1&amp;b=2" target="_blank".*>there</a>'),
    ),
    (":eyes:", re.compile(r'<span class="emoji" role="img" aria-label="eyes".*>👀</span>')),
]


async def test_mrkdwn_becomes_what_slack_shows(page):
    render = """async (text) => {
        const { mrkdwn } = await import("/static/mrkdwn.js");
        const box = document.createElement("div");
        box.append(...mrkdwn(text));
        return box.innerHTML;
    }"""
    for text, shown in MRKDWN:
        html = await page.evaluate(render, text)
        same = shown.fullmatch(html) if isinstance(shown, re.Pattern) else shown == html
        assert same, f"{text!r} became {html!r}"


async def test_every_kind_of_block_is_shown(page, web):
    options = [{"text": {"type": "plain_text", "text": n}, "value": n} for n in ("one", "two")]
    rich = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "rich", "style": {"bold": True}}],
            }
        ],
    }
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "A heading"}},
        section("with a menu")
        | {"accessory": {"type": "overflow", "action_id": "more", "options": options}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Field*\n1"}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "small print"}]},
        {"type": "divider"},
        {"type": "markdown", "text": "# Title\n- **item**\n\n| a | b |\n|---|---|\n| 1 | 2 |"},
        rich,
        actions({"type": "static_select", "action_id": "s", "options": options}),
    ]
    await web.chat_postMessage(channel=CHAOS, text="x", blocks=blocks)
    shown = page.get_by_role("log", name="Messages")
    await expect(shown.get_by_role("heading", name="A heading")).to_be_visible()
    await expect(shown.get_by_role("heading", name="Title")).to_be_visible()
    await expect(shown.get_by_role("cell", name="2")).to_be_visible()
    await expect(shown.locator("strong", has_text="rich")).to_be_visible()
    await expect(shown.get_by_role("combobox")).to_be_visible()
    await shown.get_by_role("button", name="More actions").click()
    await expect(shown.get_by_role("menuitem")).to_have_text(["one", "two"])


async def test_app_home(page, app, connected):
    @app.event("app_home_opened")
    async def paint(event, client):
        view = {"type": "home", "blocks": [section(f"hello <@{event['user']}>")]}
        await client.views_publish(user_id=event["user"], view=view)

    async with connected():
        await page.get_by_role("link", name="chaosbot").click()
        await expect(page.get_by_text("hello @starter")).to_be_visible()
        await page.get_by_role("radio", name="approver").click()
        await expect(page.get_by_text("hello @approver")).to_be_visible()


@pytest.mark.parametrize("width", [360, 390, 768])
async def test_nothing_scrolls_sideways_on_a_small_screen(page, web, width):
    long = "a_word_that_is_far_too_long_for_a_phone_" * 4
    root = (await web.chat_postMessage(channel=CHAOS, text=long))["ts"]
    blocks = [
        section(f"`{long}` {long}"),
        actions(*(button(f"b{n}", "Approve it") for n in range(5))),
    ]
    await web.chat_postMessage(channel=CHAOS, text="x", thread_ts=root, blocks=blocks)
    await page.set_viewport_size({"width": width, "height": 700})
    sideways = "document.documentElement.scrollWidth > innerWidth || [...document.querySelectorAll('.scroll')].some((s) => s.scrollWidth > s.clientWidth)"
    assert not await page.evaluate(sideways)
    await page.get_by_role("button", name="1 reply").click()
    await expect(page.get_by_role("complementary", name="Thread")).to_be_in_viewport()
    assert not await page.evaluate(sideways)
    if width < 720:
        box = await page.get_by_role("complementary", name="Thread").bounding_box()
        assert box
        assert box["width"] == width
        await page.get_by_role("button", name="Close the thread").click()
        await page.get_by_role("button", name="You are @starter. Switch user").click()
        await page.get_by_role("radio", name="onlooker").click()
        await expect(page.get_by_role("button", name="You are @onlooker")).to_be_visible()


async def test_dark_follows_the_system_and_can_be_chosen(page):
    background = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(background)
    await page.emulate_media(color_scheme="dark")
    dark = await page.evaluate(background)
    assert light != dark
    toggle = page.get_by_role("button", name="Colours")
    await toggle.click()
    assert await page.evaluate(background) == light
    await toggle.click()
    await page.emulate_media(color_scheme="light")
    assert await page.evaluate(background) == dark
    await page.reload()
    assert await page.evaluate(background) == dark


async def test_the_end_stays_in_sight_until_the_reader_scrolls_up(page, web, starter):
    for number in range(40):
        await starter.say(f"line {number}")
    await expect(message(page, "line 39")).to_be_in_viewport()
    await page.locator("#messages").hover()
    await page.mouse.wheel(0, -600)
    await expect(message(page, "line 39")).not_to_be_in_viewport()
    await web.chat_postMessage(channel=CHAOS, text="the newest")
    jump = page.get_by_role("button", name="1 new message")
    await jump.click()
    await expect(message(page, "the newest")).to_be_in_viewport()
    await expect(jump).to_be_hidden()


async def test_the_page_catches_up_after_a_broken_connection(page, web, sandbox):
    for live in list(sandbox._live._open):
        await live.close()
    await web.chat_postMessage(channel=CHAOS, text="meanwhile")
    await expect(message(page, "meanwhile")).to_be_visible()
    await expect(page.get_by_text("The sandbox does not answer")).to_be_hidden()

import pytest

from bot.sandbox.errors import SlackError
from bot.sandbox.limits import check_blocks, check_message, check_view
from tests.sandbox.conftest import actions, button, modal, section, text_input


def plain(text: str) -> dict:
    return {"type": "plain_text", "text": text}


def option(value: str, text: str = "x") -> dict:
    return {"text": plain(text), "value": value}


def select(count: int) -> dict:
    options = [option(str(n)) for n in range(count)]
    return actions({"type": "static_select", "action_id": "s", "options": options})


def confirm(**more) -> dict:
    texts = {"title": "t", "text": "x", "confirm": "y", "deny": "n"} | more
    return actions(button("b", confirm={name: plain(text) for name, text in texts.items()}))


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (
            section("x" * 3001),
            "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ({"type": "section"}, "must provide either `text` or `fields` [json-pointer:/blocks/0]"),
        (
            {"type": "section", "fields": [plain("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            {"type": "section", "fields": [plain("x" * 2001)]},
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
        ),
        (
            {"type": "header", "text": plain("x" * 151)},
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
            "must be a plain_text object [json-pointer:/blocks/0/text/type]",
        ),
        (
            {"type": "context", "elements": [plain("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            actions(*(button(str(n)) for n in range(26))),
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            actions(button("a", "x" * 76)),
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            actions(button("a", value="x" * 2001)),
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            actions(button("a", url="x" * 3001)),
            "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            actions(button("x" * 256)),
            "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
        ),
        (
            actions(button("a", style="green")),
            "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            actions(button("a"), button("a")),
            "`action_id` `a` already exists for another element [json-pointer:/blocks/0/elements/1/action_id]",
        ),
        (
            confirm(title="x" * 101),
            "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
        ),
        (
            confirm(text="x" * 301),
            "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
        ),
        (
            confirm(deny="x" * 31),
            "must be less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny/text]",
        ),
        (select(101), "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]"),
        (
            actions(
                {"type": "static_select", "action_id": "s", "options": [option("v", "x" * 76)]}
            ),
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]",
        ),
        (
            actions(
                {
                    "type": "overflow",
                    "action_id": "o",
                    "options": [option(str(n)) for n in range(6)],
                }
            ),
            "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            {"type": "image", "alt_text": "x", "image_url": "u", "slack_file": {"id": "F"}},
            "must provide either `image_url` or `slack_file` [json-pointer:/blocks/0]",
        ),
        (
            {"type": "image", "image_url": "u"},
            "missing required field: alt_text [json-pointer:/blocks/0]",
        ),
        (
            {"type": "markdown", "text": "x" * 12_001},
            "must be less than 12001 characters [json-pointer:/blocks/0/text]",
        ),
        ({"type": "marquee"}, "unsupported type: marquee [json-pointer:/blocks/0/type]"),
        ({}, "missing required field: type [json-pointer:/blocks/0]"),
        ("text", "must be an object [json-pointer:/blocks/0]"),
        (
            {"type": "actions", "elements": [{"type": "plain_text_input", "action_id": "t"}]},
            "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
        ),
        (
            section("x") | {"block_id": "x" * 256},
            "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
        ),
    ],
)
def test_a_block_over_its_limit_is_named_with_a_pointer(block, complaint):
    assert f"[ERROR] {complaint}" in check_blocks([block], at_most=50)


@pytest.mark.parametrize(
    "block",
    [
        section("x" * 3000),
        {"type": "section", "fields": [plain("x")] * 10},
        {"type": "header", "text": plain("x" * 150)},
        {"type": "divider"},
        actions(*(button(str(n), "x" * 75) for n in range(25))),
        select(100),
        confirm(title="x" * 100, text="x" * 300, confirm="x" * 30, deny="x" * 30),
        {"type": "image", "alt_text": "x", "slack_file": {"id": "F0"}},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]},
    ],
)
def test_a_block_at_its_limit_passes(block):
    assert check_blocks([block], at_most=50) == []


def test_fifty_blocks_pass_and_one_more_does_not():
    assert check_blocks([{"type": "divider"}] * 50, at_most=50) == []
    complaints = check_blocks([{"type": "divider"}] * 51, at_most=50)
    assert complaints == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]


def test_a_block_id_stands_for_one_block():
    twice = [section("a") | {"block_id": "b"}, section("b") | {"block_id": "b"}]
    (complaint,) = check_blocks(twice, at_most=50)
    assert "`block_id` `b` already exists" in complaint


@pytest.mark.parametrize(
    ("text", "blocks", "update", "code"),
    [
        ("x" * 40_001, [], False, "msg_too_long"),
        ("x" * 4_001, [], True, "msg_too_long"),
        ("x", [section("x" * 2900)] * 5, False, "msg_blocks_too_long"),
        ("x", [section("x" * 3001)], False, "invalid_blocks"),
    ],
)
def test_a_message_that_is_too_long(text, blocks, update, code):
    with pytest.raises(SlackError, match=f"^{code}$"):
        check_message(text, blocks, update=update)


def test_an_update_may_say_less_than_a_post():
    check_message("x" * 40_000, [], update=False)
    check_message("x" * 4_000, [], update=True)
    check_message("x", [section("x" * 2640)] * 5, update=True)


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        (
            modal(section("x"), title=plain("x" * 25)),
            "must be less than 25 characters [json-pointer:/view/title/text]",
        ),
        (
            modal(section("x"), private_metadata="x" * 3001),
            "must be less than 3001 characters [json-pointer:/view/private_metadata]",
        ),
        (
            modal(*[{"type": "divider"}] * 101),
            "no more than 100 items allowed [json-pointer:/view/blocks]",
        ),
        (
            modal(text_input("t"), submit=None),
            "missing required field: submit [json-pointer:/view]",
        ),
        ({"type": "popup"}, "must be one of: modal, home [json-pointer:/view/type]"),
    ],
)
def test_a_view_over_its_limit(view, complaint):
    with pytest.raises(SlackError) as refused:
        check_view(view)
    assert f"[ERROR] {complaint}" in refused.value.messages

"""Slack's limits on what a message or a view may hold. Pure: JSON in, complaints out.

A complaint has Slack's own wording, such as
`[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]`.
"""

from typing import Any

from bot.sandbox import elements
from bot.sandbox.elements import Findings
from bot.sandbox.errors import SlackError

POST_TEXT = 40_000  # characters of chat.postMessage
UPDATE_TEXT = 4_000  # characters of chat.update
ALL_BLOCKS = 13_200  # characters of text in all blocks of a message
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
_VIEW_TEXTS = {"title": 24, "submit": 24, "close": 24}
_ONLY_IN_VIEWS = {"input"}
_TABLE_ROWS, _TABLE_COLUMNS = 100, 20


def check_message(text: str, blocks: list[dict[str, Any]], *, update: bool) -> None:
    """Refuse a message that is too long or whose blocks are wrong.

    Args:
        text: Its top-level text.
        blocks: Its blocks, possibly none.
        update: Whether it is to replace an earlier one, which may be shorter only.

    Raises:
        SlackError: `msg_too_long`, `msg_blocks_too_long` or `invalid_blocks`.
    """
    if len(text) > (UPDATE_TEXT if update else POST_TEXT):
        raise SlackError("msg_too_long")
    complaints = check_blocks(blocks, at_most=MESSAGE_BLOCKS)
    if complaints:
        raise SlackError("invalid_blocks", complaints)
    if _characters(blocks) > ALL_BLOCKS:
        raise SlackError("msg_blocks_too_long")


def check_view(view: Any) -> None:
    """Refuse a view that Slack would refuse.

    Raises:
        SlackError: `invalid_arguments` with what is wrong, or `view_too_large`.
    """
    found = Findings()
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", ["[ERROR] must be an object [json-pointer:/view]"])
    kind = view.get("type")
    if kind not in {"modal", "home"}:
        found.add("must be one of: modal, home", "/view/type")
    if kind == "modal":
        for name, at_most in _VIEW_TEXTS.items():
            if name == "title" or view.get(name) is not None:
                elements.plain_text(found, view.get(name), f"/view/{name}", at_most)
    elements.length(found, view.get("private_metadata"), "/view/private_metadata", 3000)
    elements.length(found, view.get("callback_id"), "/view/callback_id", 255)
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        found.add("missing required field: blocks", "/view")
        blocks = []
    _blocks(found, blocks, "/view/blocks", VIEW_BLOCKS)
    has_input = any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if kind == "modal" and has_input and not view.get("submit"):
        found.add("missing required field: submit", "/view")
    if found.complaints:
        raise SlackError("invalid_arguments", found.complaints)
    if len(str(view).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")


def check_blocks(blocks: Any, *, at_most: int) -> list[str]:
    """What is wrong with a message's blocks; nothing, if they are right."""
    found = Findings()
    if not isinstance(blocks, list):
        return ["[ERROR] must be an array [json-pointer:/blocks]"]
    _blocks(found, blocks, "/blocks", at_most)
    return found.complaints


def _blocks(found: Findings, blocks: list[Any], at: str, at_most: int) -> None:
    if len(blocks) > at_most:
        found.add(f"no more than {at_most} items allowed", at)
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        here = f"{at}/{index}"
        if not isinstance(block, dict):
            found.add("must be an object", here)
            continue
        identity = block.get("block_id")
        elements.length(found, identity, f"{here}/block_id", 255)
        if isinstance(identity, str) and identity:
            if identity in seen:
                found.add(
                    f"`block_id` `{identity}` already exists for another block", f"{here}/block_id"
                )
            seen.add(identity)
        check = _CHECKS.get(str(block.get("type")))
        if "type" not in block:
            found.add("missing required field: type", here)
        elif check is None:
            found.add(f"unsupported type: {block['type']}", f"{here}/type")
        else:
            check(found, block, here)
            _action_ids(found, block, here)


def _header(found: Findings, block: dict[str, Any], at: str) -> None:
    elements.plain_text(found, block.get("text"), f"{at}/text", 150)


def _section(found: Findings, block: dict[str, Any], at: str) -> None:
    fields = block.get("fields")
    if block.get("text") is None and not fields:
        found.add("must provide either `text` or `fields`", at)
    if block.get("text") is not None:
        elements.text(found, block["text"], f"{at}/text", 3000)
    if fields is not None:
        for index, item in enumerate(elements.items(found, fields, f"{at}/fields", 1, 10)):
            elements.text(found, item, f"{at}/fields/{index}", 2000)
    if block.get("accessory") is not None:
        elements.element(found, block["accessory"], f"{at}/accessory", elements.IN_SECTION)


def _context(found: Findings, block: dict[str, Any], at: str) -> None:
    parts = elements.items(found, block.get("elements"), f"{at}/elements", 1, 10)
    for index, part in enumerate(parts):
        here = f"{at}/elements/{index}"
        if isinstance(part, dict) and part.get("type") == "image":
            elements.image(found, part, here)
        else:
            elements.text(found, part, here, 3000)


def _actions(found: Findings, block: dict[str, Any], at: str) -> None:
    parts = elements.items(found, block.get("elements"), f"{at}/elements", 1, 25)
    for index, part in enumerate(parts):
        elements.element(found, part, f"{at}/elements/{index}", elements.IN_ACTIONS)


def _image(found: Findings, block: dict[str, Any], at: str) -> None:
    elements.image(found, block, at)
    if block.get("title") is not None:
        elements.plain_text(found, block["title"], f"{at}/title", 2000)


def _input(found: Findings, block: dict[str, Any], at: str) -> None:
    elements.plain_text(found, block.get("label"), f"{at}/label", 2000)
    if block.get("hint") is not None:
        elements.plain_text(found, block["hint"], f"{at}/hint", 2000)
    elements.element(found, block.get("element"), f"{at}/element", elements.IN_INPUT)


def _markdown(found: Findings, block: dict[str, Any], at: str) -> None:
    if not isinstance(block.get("text"), str):
        found.add("missing required field: text", at)
    elements.length(found, block.get("text"), f"{at}/text", 12_000)


def _rich_text(found: Findings, block: dict[str, Any], at: str) -> None:
    known = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    parts = elements.items(found, block.get("elements"), f"{at}/elements", 1, 1000)
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in known:
            found.add(f"unsupported type: {kind}", f"{at}/elements/{index}/type")


def _table(found: Findings, block: dict[str, Any], at: str) -> None:
    rows = elements.items(found, block.get("rows"), f"{at}/rows", 1, _TABLE_ROWS)
    for index, row in enumerate(rows):
        elements.items(found, row, f"{at}/rows/{index}", 1, _TABLE_COLUMNS)


def _divider(_found: Findings, _block: dict[str, Any], _at: str) -> None:
    """A divider holds nothing that could be wrong."""


_CHECKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "rich_text": _rich_text,
    "table": _table,
}


def _action_ids(found: Findings, block: dict[str, Any], at: str) -> None:
    seen: set[str] = set()
    for index, part in enumerate(block.get("elements") or []):
        identity = part.get("action_id") if isinstance(part, dict) else None
        if isinstance(identity, str) and identity:
            if identity in seen:
                found.add(
                    f"`action_id` `{identity}` already exists for another element",
                    f"{at}/elements/{index}/action_id",
                )
            seen.add(identity)


def _characters(part: Any) -> int:
    if isinstance(part, list):
        return sum(_characters(item) for item in part)
    if not isinstance(part, dict):
        return 0
    own = part.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(
        _characters(value) for value in part.values()
    )

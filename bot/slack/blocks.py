"""Blocks: what a message is made of, built from markup and kept within Slack's limits.

Limits (docs.slack.dev, Block Kit reference): section 3,000 characters, button 75, its value
2,000, confirm title 100, text 300 and buttons 30, header 150, 50 blocks a message, and all its
text together about 13,200. `slack_sdk.models` checks most of them once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)

from bot.slack.mrkdwn import Markup, cut

SECTION: Final = 3_000
CONTEXT: Final = 2_000  # Slack says 3,000 for text objects; a context line is no place for more
HEADER: Final = 150
BUTTON: Final = 75
MESSAGE_BLOCKS: Final = 50
MESSAGE_CHARACTERS: Final = 12_500  # 13,200 are the limit; 700 are for what we count otherwise
VIEW_BLOCKS: Final = 100
TITLE: Final = 24
TEXT: Final = 3_000  # `chat.update` takes 4,000 of top-level text

BlockJson = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """A dialog before a click counts; all of it is plain text."""

    title: str
    text: str
    yes: str
    no: str = "Not now"

    def dialog(self, style: str | None) -> ConfirmObject:
        """The dialog as Slack takes it."""
        return ConfirmObject(
            title=_words(self.title, 100),
            text=_words(self.text, 300),
            confirm=_words(self.yes, 30),
            deny=_words(self.no, 30),
            style=style,
        )


@dataclass(frozen=True, kw_only=True)
class Button:
    """A button; `value` is all that a click brings along, also after a restart."""

    action: str
    label: str
    value: str
    style: Literal["primary", "danger"] | None = None
    confirm: Confirm | None = None

    def element(self) -> ButtonElement:
        """The button as Slack takes it."""
        return ButtonElement(
            text=_words(self.label, BUTTON),
            action_id=self.action,
            value=self.value,
            style=self.style,
            confirm=self.confirm.dialog(self.style) if self.confirm else None,
        )


def section(markup: Markup, button: Button | None = None) -> SectionBlock:
    """Text, with at most one button beside it."""
    element = button.element() if button else None
    return SectionBlock(text=_markup(markup, SECTION), accessory=element)


def context(markup: Markup) -> ContextBlock:
    """Small print."""
    return ContextBlock(elements=[_markup(markup, CONTEXT)])


def header(text: str) -> HeaderBlock:
    """A heading, in plain text."""
    return HeaderBlock(text=_words(text, HEADER))


def divider() -> DividerBlock:
    """A line across."""
    return DividerBlock()


def actions(*buttons: Button) -> ActionsBlock:
    """Buttons in a row."""
    return ActionsBlock(elements=[button.element() for button in buttons])


def message(blocks: Sequence[Block]) -> tuple[BlockJson, ...]:
    """The blocks of a message, cut to what one may hold; buttons are never cut."""
    return _fit(blocks, MESSAGE_BLOCKS, MESSAGE_CHARACTERS)


def view(blocks: Sequence[Block]) -> tuple[BlockJson, ...]:
    """The blocks of a modal, cut to what one may hold (100 blocks, 250 KB)."""
    return _fit(blocks, VIEW_BLOCKS, 60_000)


def title(text: str) -> str:
    """The title of a modal, in plain text."""
    return _words(text, TITLE).text


def characters(part: Any) -> int:
    """The characters of all text in a part of a message."""
    if isinstance(part, (list, tuple)):
        return sum(characters(item) for item in part)
    if not isinstance(part, dict):
        return 0
    own = part.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(characters(v) for v in part.values())


def _fit(blocks: Sequence[Block], most_blocks: int, most: int) -> tuple[BlockJson, ...]:
    made = [block.to_dict() for block in blocks]
    left = most - sum(characters(b) for b in made if b["type"] == "actions")
    kept: list[BlockJson] = []
    buttons = sum(b["type"] == "actions" for b in made)
    for block in made:
        if block["type"] == "actions":
            buttons -= 1
        elif left <= 0 or len(kept) + buttons >= most_blocks:
            continue
        elif block["type"] == "section" and characters(block) > left:
            block["text"]["text"] = cut(Markup(block["text"]["text"]), left)
            left = 0
        else:
            left -= characters(block)
        kept.append(block)
    return tuple(kept)


def _markup(markup: Markup, most: int) -> MarkdownTextObject:
    # Verbatim: Slack is not to look for mentions and channels in it by itself.
    return MarkdownTextObject(text=cut(markup, most) or " ", verbatim=True)


def _words(text: str, most: int) -> PlainTextObject:
    # Plain text needs no escapes; without angle brackets nobody has to rely on that.
    seen = " ".join(text.split()).replace("<", "‹").replace(">", "›") or "…"  # noqa: RUF001
    seen = seen if len(seen) <= most else seen[: most - 1] + "…"
    return PlainTextObject(text=seen.encode("utf-8", "replace").decode(), emoji=False)

"""Mrkdwn: Slack's markup. A `Markup` is text that is escaped already, and exactly once.

Everything that comes from people or from the cluster enters through `plain`, `code` or `bold`,
which escape `&`, `<` and `>`: otherwise `<!channel>` in a log line pings everybody
(docs.slack.dev, "Formatting message text"). The type checker keeps strings out of blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NewType

from bot.domain.sentence import Person, Sentence

Markup = NewType("Markup", str)

# A user's id as Slack writes it; anything else is never made a mention.
_USER = re.compile(r"[UW][A-Z0-9]{5,20}")
# What no reader wants in a line: controls, lone surrogates, overrides of the writing direction.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TORN = re.compile(r"(&[a-z]{0,4}|<[^<>]*)$")


def plain(text: str) -> Markup:
    """Text as it stands, safe in any place."""
    seen = _INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return Markup(seen.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def line(text: str) -> Markup:
    """Text on one line."""
    return plain(" ".join(text.split()))


def bold(text: str) -> Markup:
    """Text in bold on one line; an asterisk in it would end it."""
    return Markup(f"*{line(text).replace('*', '∗')}*")  # noqa: RUF001 - it is meant


def code(text: str) -> Markup:
    """Text as code on one line; a backtick in it would end it."""
    return Markup(f"`{line(text).replace('`', 'ˋ')}`")  # noqa: RUF001 - it is meant


def italic(text: str) -> Markup:
    """Text in italics on one line; an underscore in it would end it."""
    return Markup(f"_{line(text).replace('_', '‗')}_")


def person(user: str) -> Markup:
    """A user as a mention where it is a Slack id, by name otherwise."""
    return Markup(f"<@{user}>") if is_user(user) else line(user)


def is_user(user: str) -> bool:
    """Whether it looks like a Slack user's id."""
    return _USER.fullmatch(user) is not None


def people(users: Iterable[str]) -> Markup:
    """Some users, each named once."""
    return join(", ", (person(user) for user in dict.fromkeys(users)))


def said(sentence: Sentence) -> Markup:
    """A sentence, its persons mentioned."""
    parts = sentence.parts
    return Markup(
        "".join(
            person(part) if isinstance(part, Person) else plain(part.replace("\n", " "))
            for part in parts
        )
    )


def time_of_day(at: datetime) -> Markup:
    """A time in each reader's own time zone, in UTC where it cannot be shown so."""
    return Markup(f"<!date^{int(at.timestamp())}^{{time}}|{at.astimezone(UTC):%H:%M} UTC>")


def join(between: str, parts: Iterable[Markup]) -> Markup:
    """Parts with a separator of ours between them; empty ones are left out."""
    return Markup(between.join(part for part in parts if part))


def lines(*parts: Markup) -> Markup:
    """One thought a line."""
    return join("\n", parts)


def cut(markup: Markup, most: int) -> Markup:
    """At most `most` characters, with an ellipsis where something went; no entity is torn."""
    if len(markup) <= most:
        return markup
    return Markup(_TORN.sub("", markup[: most - 1]) + "…")


def named(text: str, users: Iterable[str]) -> Markup:
    """Text in which the ids of these users, and no others, become mentions."""
    escaped = plain(text)
    for user in {user for user in users if is_user(user)}:
        escaped = Markup(re.sub(rf"\b{user}\b", f"<@{user}>", escaped))
    return escaped

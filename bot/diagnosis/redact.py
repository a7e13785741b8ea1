"""Redaction: what must not leave the machine is taken out of a text before it goes anywhere.

Two things go: secrets, by their shapes (`domain/secrets.py`), and the names of chaos tools, which
would tell a model that somebody broke the cluster on purpose. A node that has such a name in its
own keeps it: it is what the cluster is called by.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from bot.domain.secrets import without_secrets

LONGEST: Final = 300  # characters of one item's text
_READ: Final = 4_000  # characters looked at: bounds the work on a line without an end
_TOOL: Final = "[tool]"

_TOOL_NAMES: Final = r"chaos[a-z]*(?:[ _-]?(?:mesh|blade|bot|monkey|toolkit))?|pumba|toxiproxy|litmus|gremlin|playground"
# Controls, zero-width and direction marks: nothing that a reader could be fooled with.
_INVISIBLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
_ANSI: Final = re.compile(r"\x1b\[[0-?]{0,30}[ -/]{0,5}[@-~]")


def cut(text: str, longest: int = LONGEST) -> str:
    """At most `longest` characters; what is cut off is shown as an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def visible(text: str) -> str:
    """The text on one line, without what cannot be seen."""
    text = text[:_READ]
    if not text.isprintable():  # rarely
        text = _INVISIBLE.sub(" ", _ANSI.sub("", text))
    return " ".join(text.split())


def redact(text: str) -> str:
    """The text on one line, without its secrets."""
    return without_secrets(visible(text))


def blind(text: str, names: Collection[str] = ()) -> str:
    """The redacted text, without the names of chaos tools but for those in `names` (of nodes)."""
    kept = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
    either = re.compile(rf"(?i)({kept or '(?!)'})|{_TOOL_NAMES}")
    return either.sub(lambda m: m.group(1) or _TOOL, redact(text))

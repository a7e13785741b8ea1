"""Redaction: what must not leave the machine is taken out of a text before it goes anywhere.

Two things go: secrets, by a few patterns that each know one shape, and the names of chaos
tools, which would tell a model that somebody broke the cluster on purpose. A node that has such
a name in its own keeps it: it is what the cluster is called by.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

LONGEST: Final = 300  # characters of one item's text
_READ: Final = 4_000  # characters looked at: bounds the work on a line without an end
_GONE: Final = "[redacted]"
_TOOL: Final = "[tool]"

_ASSIGNED: Final = (
    r"(?i)([\w-]{0,40}(?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|token|credentials?)"
    r"[\w-]{0,20}[\"']?\s?[:=]\s?)(?:\"[^\"]{1,400}\"|'[^']{1,400}'|[^\s\"',;&\]]+)"
)
_SECRETS: Final = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # A private key, whole or cut off.
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|$)", _GONE),
        # user:password@ in a URL keeps the user; "" too.
        (r"(?i)(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,200}):[^\s/@]{1,200}@", rf"\1:{_GONE}@"),
        # Authorization: Bearer x, Authorization=Basic x
        (
            r"(?i)(\b(?:proxy-)?authorization[\"']?\s?[:=]\s?[\"']?)(?:(?:bearer|basic|token)\s+)?[^\s\"',\]]+",
            rf"\1{_GONE}",
        ),
        (r"(?i)\b(bearer)\s+[a-z0-9._~+/=-]{8,}", rf"\1 {_GONE}"),
        # Tokens that say what they are: Slack, Anthropic and the like, GitHub, AWS, JWT.
        (r"\bxox[a-z]-[\w-]{6,}|\bxapp-[\w-]{6,}", _GONE),
        (r"\bsk-[A-Za-z0-9][\w-]{10,}", _GONE),
        (r"\bgh[oprsu]_\w{20,}|\bgithub_pat_\w{20,}", _GONE),
        (r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b", _GONE),
        (r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", _GONE),
        # password=x, "api_key": "x", secret-key: x, AWS_SECRET_ACCESS_KEY=x
        (
            _ASSIGNED,
            rf"\1{_GONE}",
        ),
    )
)
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
    clean = visible(text)
    for pattern, replacement in _SECRETS:
        clean = pattern.sub(replacement, clean)
    return clean


def blind(text: str, names: Collection[str] = ()) -> str:
    """The redacted text, without the names of chaos tools but for those in `names` (of nodes)."""
    kept = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if name)
    either = re.compile(rf"(?i)({kept or '(?!)'})|{_TOOL_NAMES}")
    return either.sub(lambda m: m.group(1) or _TOOL, redact(text))

"""Secrets: tokens, keys and passwords, which are in no journal, log, thread or report.

A secret is known by its shape, or because it was configured. What stands around it stays, and a
text without one comes back as it is. Nothing here raises, whatever the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

REDACTED: Final = "[redacted]"
SHORTEST: Final = 6  # characters; a shorter value that was configured is too common to be taken out
_NAMES: Final = r"passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|token|credentials?"
_NAMED: Final = re.compile(rf"(?i){_NAMES}")
_NEW: Final = r"(?!\[redacted\])"  # what was taken out already stays as it is
_QUOTE: Final = r"(?:\\{0,4}[\"'])"  # in JSON within JSON it has backslashes before it


class _Shape(NamedTuple):
    """How a secret looks. No text holds one that has none of the `hints` in lower case."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str


def _shape(*hints: str, pattern: str, replacement: str = REDACTED) -> _Shape:
    return _Shape(hints, re.compile(pattern), replacement)


_SHAPES: Final = (
    _shape(  # a private key, whole or cut off
        "private key-----",
        pattern=r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)",
    ),
    _shape(  # user:password@ in a URL keeps the user; "" too. A password may have an @ of its own.
        "@",
        pattern=r"(://[^\s:/@]{0,200}):[^\s/\"]{1,200}@",
        replacement=rf"\1:{REDACTED}@",
    ),
    _shape(  # Authorization: Bearer x, Authorization=Basic x, (b'authorization', b'Bearer x')
        "authorization",
        pattern=rf"(?i)(\bauthorization(?:{_QUOTE}?\s?[:=]|{_QUOTE}\s?,)\s?+(?:b?{_QUOTE})?+)"
        rf"{_NEW}(?:(?:bearer|basic|token)[ \t]+)?+{_NEW}[^\s\"',\]\\]+",
        replacement=rf"\1{REDACTED}",
    ),
    _shape("bearer", pattern=r"(?i)(\bbearer\s+)[a-z0-9._~+/=-]{8,}", replacement=rf"\1{REDACTED}"),
    _shape(  # the rest of a Slack URL that works without a token
        "hooks.slack",
        pattern=r"(?i)(\bhooks\.slack(?:-gov)?\.com/[a-z]{1,20}/)[\w/-]+",
        replacement=rf"\1{REDACTED}",
    ),
    _shape(  # what opens a socket to Slack
        "ticket=", pattern=rf"(?i)([?&]ticket=){_NEW}[^\s&\"']+", replacement=rf"\1{REDACTED}"
    ),
    # Tokens that say what they are: Slack, Anthropic and the like, GitHub, GitLab, AWS, JWT.
    _shape("xox", "xapp-", pattern=r"(?<![A-Za-z0-9])(?:xox[a-z]|xapp)-[\w-]{6,}"),
    _shape("sk-", pattern=r"\bsk-[A-Za-z0-9][\w-]{10,}"),
    _shape("ghp_", "gho_", "ghs_", "ghu_", "ghr_", pattern=r"\bgh[oprsu]_\w{20,}"),
    _shape("hub_pat_", "glpat-", pattern=r"\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}"),
    _shape(
        *("akia", "asia", "agpa", "aida", "aroa"),
        pattern=r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b",
    ),
    _shape("eyj", pattern=r"\beyJ[\w-]{8,4000}\.[\w-]{8,4000}\.[\w-]*"),
    _shape(  # password=x, "api_key": "x", secret-key: x, AWS_SECRET_ACCESS_KEY=x
        *("passw", "passphrase", "secret", "token", "credential", "apikey", "api_key", "api-key"),
        *("accesskey", "access_key", "access-key"),
        pattern=rf"(?i)((?:{_NAMES})[\w-]{{0,20}}{_QUOTE}?[ \t]?[:=][ \t]?){_NEW}(?:"
        r"\\{1,4}\"[^\"\\]{1,400}\\{1,4}\"|\"[^\"]{1,400}\"|'[^']{1,400}'|[^\s\"',;&\]\\]+)",
        replacement=rf"\1{REDACTED}",
    ),
)
_HINTS: Final = tuple(hint for shape in _SHAPES for hint in shape.hints)


def names_a_secret(key: str) -> bool:
    """Whether what goes by that name is secret: "db.password", "X-Api-Key"."""
    return _NAMED.search(key) is not None


def without_secrets(text: str, known: Collection[str] = ()) -> str:
    """The text with "[redacted]" in the place of every secret.

    Args:
        text: Any text; its lines stay lines.
        known: Secrets that were configured, which have no shape that tells. Those that are
            shorter than `SHORTEST` characters are taken for common words.
    """
    values = _exact(frozenset(known))
    if values and any(value in text for value in values):
        text = _any_of(values).sub(REDACTED, text)
    folded = text.casefold()
    for shape in _SHAPES:
        for hint in shape.hints:
            if hint in folded:
                text = shape.pattern.sub(shape.replacement, text)
                break
    return text


def json_without_secrets(
    body: str, known: Collection[str] = (), *, keep: Collection[str] = ()
) -> str:
    """JSON text without the secrets in its strings; the very same text where there are none.

    The keys of objects stay; the string under a key that names a secret goes. What stands under one
    of the keys `keep` is left as it is: a receipt has to undo a fault even where somebody's
    password is the name of a node; a word of ours has to be read again. What is no JSON is
    taken for any other text. Typically 25 us for an event of 1 kB that holds none.
    """
    values = _exact(frozenset(known))
    escaped = "\\u" in body or "\\/" in body  # then a secret may be spelt in another way
    if not escaped and not _hints_at_a_shape(body) and not any(v in body for v in _spelt(values)):
        return body
    try:
        parsed = json.loads(body)
        clean = _walked(parsed, values, keep)
        if clean == parsed:
            return body
        return json.dumps(clean, ensure_ascii=escaped, separators=(",", ":"))
    except (ValueError, RecursionError):  # no JSON, or JSON that nobody could read
        return without_secrets(body, values)


def _walked(value: object, known: Collection[str], keep: Collection[str]) -> object:
    match value:
        case str():
            return without_secrets(value, known)
        case list():
            return [_walked(one, known, keep) for one in value]
        case dict():
            return {key: _under(key, one, known, keep) for key, one in value.items()}
        case _:
            return value


def _under(key: str, value: object, known: Collection[str], keep: Collection[str]) -> object:
    if key in keep:
        return value
    if isinstance(value, str) and value and names_a_secret(key):
        return REDACTED
    return _walked(value, known, keep)


def _hints_at_a_shape(text: str) -> bool:
    folded = text.casefold()
    return any(hint in folded for hint in _HINTS)


@lru_cache(maxsize=8)
def _exact(known: frozenset[str]) -> tuple[str, ...]:
    """The values to look for, the longest first."""
    found = [v for v in known if len(v) >= SHORTEST and v not in REDACTED]
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


@lru_cache(maxsize=8)
def _spelt(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values as they stand in JSON."""
    return tuple(json.dumps(value, ensure_ascii=False)[1:-1] for value in values)


@lru_cache(maxsize=8)
def _any_of(values: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(value) for value in values))

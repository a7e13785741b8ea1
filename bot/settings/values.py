"""Values: what single settings may be. Each raises a ValueError that says what would be right."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from pydantic import AfterValidator, SecretStr

from bot.domain.limits import Hours, pattern

_TOKEN: Final = 16  # characters


def prefixed(prefix: str) -> AfterValidator:
    """Checks that a secret begins so."""

    def check(secret: SecretStr) -> SecretStr:
        if not secret.get_secret_value().startswith(prefix):
            raise ValueError(f'Input should begin with "{prefix}"')
        return secret

    return AfterValidator(check)


def url(text: str) -> str:
    """A URL of a server, with a slash at its end."""
    scheme, _, rest = text.partition("://")
    if scheme not in {"http", "https"} or not rest.strip("/") or any(c.isspace() for c in text):
        raise ValueError("Input should look like https://slack.com/api/")
    return text.rstrip("/") + "/"


def one_word(text: str) -> str:
    """One word that people can type."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", text):
        raise ValueError("Input should be one word of letters, digits, dots and dashes")
    return text


def users(value: object) -> object:
    """Slack user ids with commas between them."""
    if not isinstance(value, str):
        return value
    users = tuple(word.strip() for word in value.split(",") if word.strip())
    for user in users:
        if user[0] not in "UW" or not user.isalnum() or not user.isascii() or not user.isupper():
            raise ValueError(f'Input should be Slack user ids like U024BE7LH, not "{user}"')
    return users


def groups(value: object) -> object:
    """Slack user group ids with commas between them."""
    found = listed(value)
    for group in found if isinstance(found, tuple) else ():
        if not re.fullmatch(r"S[A-Z0-9]+", group):
            raise ValueError(f'Input should be Slack user group ids like S0614TZR7, not "{group}"')
    return found


def true_or_false(value: object) -> object:
    """A truth, in any of the words for it."""
    if not isinstance(value, str):
        return value
    word = value.strip().lower()
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0"}:
        return False
    raise ValueError("Input should be true or false")


def patterns(value: object) -> object:
    """Patterns of what is protected, with commas between them."""
    found = listed(value)
    return tuple(pattern(word) for word in found) if isinstance(found, tuple) else found


def windows(value: object) -> object:
    """Hours in which runs are allowed, with commas between them."""
    found = listed(value)
    if not isinstance(value, str) or not isinstance(found, tuple):
        return value
    return tuple(Hours.parse(word) for word in found)


def host(text: str) -> str:
    """The address of this machine, or its name, to listen at; without a port."""
    if ":" in text:
        try:
            ip_address(text)
        except ValueError:
            raise ValueError("Input should be a host without a port, like 127.0.0.1") from None
    elif not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})", text):
        raise ValueError("Input should be a host like 127.0.0.1 or localhost")
    return text


def in_url(url: str) -> tuple[str, ...]:
    """What is secret in a URL, in each way in which it may be written; () for nothing.

    The password as it stands, as it is meant, and together with the user as a header has them;
    a long user without a password is a token.
    """
    authority = re.split(r"[/?#]", url.rpartition("://")[2], maxsplit=1)[0]
    known, at, _ = authority.rpartition("@")
    if not at:
        return ()
    user, colon, password = known.partition(":")
    secret = password if colon or len(user) < _TOKEN else user
    basic = b64encode(f"{unquote(user)}:{unquote(password)}".encode(errors="replace")).decode()
    return (secret, unquote(secret), basic) if secret else ()


def words(value: object) -> object:
    """A command line, split as a shell would."""
    if not isinstance(value, str):
        return value
    try:
        words = tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError("Input should be a command line with its quotes closed") from error
    if not words:
        raise ValueError("Input should be a command line")
    return words


def folder(value: object) -> object:
    """A path, made absolute."""
    return Path(value).expanduser().absolute() if isinstance(value, str) else value


def listed(value: object) -> object:
    """Words with commas between them."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def addresses(value: object) -> object:
    """Hosts with their ports, or URLs, with commas between them."""
    found = listed(value)
    for word in found if isinstance(found, tuple) else ():
        host, _, port = word.rpartition("//")[2].rstrip("/").rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or any(c.isspace() for c in word):
            raise ValueError(f'Input should be addresses like 127.0.0.1:2379, not "{word}"')
    return found

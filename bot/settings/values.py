"""Values: what single settings may be. Each raises a ValueError that says what would be right."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from pydantic import AfterValidator, SecretStr


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

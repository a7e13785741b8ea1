"""Settings: what the environment and `.env` say. The environment wins; an empty value is none.

All are named in `.env.example`. What cannot be used raises a SettingsError that names the
variable, its value unless it is secret, and what would be right.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from bot.domain.errors import SettingsError
from bot.domain.secrets import without_secrets
from bot.settings.env_file import read
from bot.settings.settings import FAST, PLAYGROUND_LOAD, YCSB_IMAGE, YCSB_LOAD, Settings

__all__ = ["FAST", "PLAYGROUND_LOAD", "YCSB_IMAGE", "YCSB_LOAD", "Settings", "load", "names"]

_LONGEST_SOCKET: Final = 103  # bytes; Linux allows 107, macOS 103
_PREFIX: Final = "CHAOSBOT_"
_SECRET: Final = frozenset(
    {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ANTHROPIC_API_KEY"}
)
_URLS: Final = frozenset(  # may hold a password
    {"SLACK_API_URL", "ANTHROPIC_BASE_URL", "CHAOSBOT_PD", "CHAOSBOT_PROMETHEUS_URL"}
)


def names() -> list[str]:
    """The variables, in the order of `.env.example`."""
    return [str(field.alias) for field in Settings.model_fields.values()]


def load(env_file: Path = Path(".env")) -> Settings:
    """The settings of the environment and the file, which may be missing.

    Raises:
        SettingsError: one of them cannot be used.
    """
    lines = read(env_file)
    known = names()
    for name in (*os.environ, *lines):
        if name.startswith(_PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise SettingsError(
                f"There is no setting {name} ({_origin(name, env_file, lines)}).",
                mend=f"Did you mean {near[0]}?",
            )
    given = {n: value for n, (value, _) in lines.items() if value and n in known}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        value = os.environ.get(name) or given.get(name, "")
        should = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        if name in _SECRET or (name in _URLS and "@" in value):
            shown = "has a value that cannot be"
            should = should.partition(", not ")[0]  # what follows is of the value
        else:
            shown = f'cannot be "{without_secrets(value)[:80]}"'
            should = without_secrets(should)
        raise SettingsError(
            f"{name} ({_origin(name, env_file, lines)}) {shown}: {should}."
        ) from None
    if not settings.approver_groups and 0 < len(settings.approvers) < settings.approvals:
        raise SettingsError(
            f"CHAOSBOT_APPROVALS asks for {settings.approvals} approvals, and CHAOSBOT_APPROVERS "
            f"names {len(settings.approvers)} who may give one.",
            mend="Name more approvers, or ask for fewer approvals.",
        )
    if len(os.fsencode(settings.socket)) > _LONGEST_SOCKET:
        raise SettingsError(
            f"The path of a socket has at most {_LONGEST_SOCKET} bytes; {settings.socket} is longer.",
            mend="Name a shorter one in CHAOSBOT_PLAYGROUND_SOCKET.",
        )
    return settings


def _origin(name: str, env_file: Path, lines: Mapping[str, tuple[str, int]]) -> str:
    if os.environ.get(name) or name not in lines:
        return "in the environment"
    return f"{env_file}, line {lines[name][1]}"

"""A `.env` file: lines of NAME=value, each with its number, so that a complaint can say where."""

from __future__ import annotations

import io
import re
from pathlib import Path

from dotenv.parser import parse_stream

from bot.domain.errors import SettingsError


def read(env_file: Path) -> dict[str, tuple[str, int]]:
    """Variable -> its value and its line; {} where there is no such file. Raises SettingsError."""
    try:
        text = env_file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{env_file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{env_file} cannot be read: it is not UTF-8 text.") from error
    found = {}
    for binding in parse_stream(io.StringIO(text)):
        line, written = binding.original.line, binding.original.string
        if binding.error or (binding.key and binding.value is None):
            skipped = len(written) - len(written.lstrip("\n"))
            word = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)", written)
            name = word.group(1) if word else "this line"
            raise SettingsError(
                f"{env_file}, line {line + skipped}, cannot be read: {name} has no value, or no end.",
                mend='A line looks like NAME=value or NAME="a value".',
            )
        if binding.key:
            skipped = len(written) - len(written.lstrip("\n"))
            found[binding.key] = (binding.value or "", line + skipped)
    return found

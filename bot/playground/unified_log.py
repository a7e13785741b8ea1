"""The log of a node: one line an event, in TiKV's and PD's own unified format."""

import json
import sys
from datetime import UTC, datetime
from typing import Any, TextIO


class UnifiedLog:
    """Writes lines like `[2026/11/22 12:33:30.737 +00:00] [INFO] [server.rs:123] ["..."] [k=v]`."""

    def __init__(self, file: TextIO | None = None) -> None:
        """Writes to standard output when no file is given."""
        self._file = file or sys.stdout

    def __call__(self, level: str, source: str, message: str, **fields: Any) -> None:
        """Writes an event; `level` is INFO, WARN or ERROR, `source` like `server.rs:123`."""
        line = format_line(datetime.now(UTC), level, source, message, fields)
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except OSError:  # a full disk or a closed pipe must not stop a node
            return


def format_line(at: datetime, level: str, source: str, message: str, fields: dict[str, Any]) -> str:
    """One line without its end; an underscore in a field's name is written as TiKV writes it."""
    stamp = at.strftime("%Y/%m/%d %H:%M:%S.") + f"{at.microsecond // 1000:03} +00:00"
    text = message if message.isalnum() else json.dumps(message)
    words = [f"[{stamp}]", f"[{level}]", f"[{source}]", f"[{text}]"]
    for name, value in fields.items():
        shown = str(value)
        plain = not any(c in shown for c in ' "[]=\n')
        words.append(f"[{name}={shown if plain else json.dumps(shown)}]")
    return " ".join(words)


def line_time(line: str) -> datetime | None:
    """When a line was written, or None when it does not begin like one."""
    try:
        return datetime.strptime(line[1:31], "%Y/%m/%d %H:%M:%S.%f %z")
    except ValueError:
        return None

"""Logs: what goes wrong beside the work, on standard error, without secrets.

Whatever a library or we ourselves log is redacted as it is written: the whole formatted text, with
its traceback. So is the traceback of an error that nobody caught.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType

from bot.domain.secrets import without_secrets


def set_up(secrets: Collection[str] = ()) -> None:
    """Log warnings and worse to standard error, without `secrets` and what looks like one.

    Idempotent; called again, it knows the new secrets and those that it knew.
    """
    root = logging.getLogger()
    ours = next((h for h in root.handlers if isinstance(h, _StandardError)), None)
    if ours is None:
        ours = _StandardError()
        root.addHandler(ours)
        root.setLevel(logging.WARNING)
        sys.excepthook = _uncaught
    ours.redaction.known |= frozenset(secrets)


class _Redaction(logging.Formatter):
    """Formats a record, and takes the secrets out of all of it."""

    def __init__(self) -> None:
        super().__init__("%(message)s")
        self.known: frozenset[str] = frozenset()

    def format(self, record: logging.LogRecord) -> str:
        try:
            text = super().format(record)
        except Exception:  # noqa: BLE001 - a library's message that does not fit its arguments
            text = f"{record.name}: {record.msg!s}"  # else logging would print them as they are
        return without_secrets(text, self.known)


class _StandardError(logging.Handler):
    """Writes to what standard error is at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.redaction = _Redaction()
        self.setFormatter(self.redaction)

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError, ValueError):  # it is closed, and there is nowhere to say so
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger(__name__).critical("Nobody expected this:", exc_info=(kind, error, trace))

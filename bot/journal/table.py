"""A table: what the journal's parts have in common: the file, and that no secret gets into it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pydantic import ValidationError

from bot.domain.errors import JournalError
from bot.domain.secrets import json_without_secrets
from bot.journal.file import File

# What a history is read back by, and a receipt undone with, stays as it is, whatever it looks like.
KEPT: Final = frozenset(
    {
        *("at_deadline", "component", "confidence", "decision", "event", "fault", "injection"),
        *("kind", "missing", "outcome", "role", "severity", "signal", "stage", "state", "verdict"),
    }
)


class Table:
    """A part of the journal, over its file. All methods raise JournalError.

    No secret is ever written: those that are known, and whatever has the shape of one.
    """

    def __init__(self, file: File, secrets: Collection[str] = ()) -> None:
        self._file = file
        self._secrets = frozenset(secrets)

    def _clean(self, body: bytes) -> str:
        """JSON as it may be kept."""
        return json_without_secrets(body.decode(), self._secrets, keep=KEPT)

    def _odd(self, what: str, error: ValidationError) -> JournalError:
        """A row that somebody has changed, or that a newer Chaosbot wrote, in a sentence."""
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        return JournalError(
            f"{what} in the journal {self._file.path} cannot be read: {place}: {first['msg']}.",
            mend="Use the Chaosbot that wrote it.",
        )

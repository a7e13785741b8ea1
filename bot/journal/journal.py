"""The journal (engine.ports.Journal): histories, tickets, messages and control, in one SQLite file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.journal.control import Controls
from bot.journal.file import File
from bot.journal.histories import Histories
from bot.journal.messages import Messages
from bot.journal.tickets import Tickets


class Journal(Histories, Tickets, Messages, Controls):
    """An open journal. Made by `Journal.open`; close it, or use `async with`.

    All methods raise JournalError.
    """

    @classmethod
    async def open(
        cls, path: Path, *, read_only: bool = False, secrets: Collection[str] = ()
    ) -> Self:
        """Open the journal at `path`; its folder and the file are made when they are missing.

        `read_only` makes nothing and changes nothing: to follow a journal that another process
        writes. `secrets` are taken out of whatever is written, beside all that looks like one.

        Raises:
            JournalError: it cannot be opened, is damaged, or was written by a newer Chaosbot.
        """
        return cls(await File.open(path, read_only=read_only), secrets)

    async def close(self) -> None:
        """Carry the writes that have begun to their end, and close the file. Idempotent."""
        await self._file.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

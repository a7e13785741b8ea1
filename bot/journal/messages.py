"""Messages: where the views' messages of a run stand, or are meant to stand."""

from __future__ import annotations

from bot.journal.table import Table


class Messages(Table):
    """One row for each message that was meant to be posted; its `ts` is empty until it stands."""

    async def message(self, run: int, key: str) -> tuple[str, str] | None:
        """Where a view's message stands (channel, timestamp), None if nobody knows that it does."""
        rows = await self._file.rows(
            "SELECT channel, ts FROM messages WHERE run = ? AND key = ? AND ts <> ''", (run, key)
        )
        return (rows[0]["channel"], rows[0]["ts"]) if rows else None

    async def messages(self, run: int) -> dict[str, tuple[str, str]]:
        """Key -> channel and timestamp; "" for one that was meant to be posted, and may have been."""
        rows = await self._file.rows("SELECT key, channel, ts FROM messages WHERE run = ?", (run,))
        return {row["key"]: (row["channel"], row["ts"]) for row in rows}

    async def run_at(self, channel: str, ts: str) -> int | None:
        """The run whose message stands there."""
        rows = await self._file.rows(
            "SELECT run FROM messages WHERE channel = ? AND ts = ?", (channel, ts)
        )
        return rows[0]["run"] if rows else None

    async def intend_message(self, run: int, key: str, channel: str) -> None:
        """Note that a message is about to be posted; where it stands, if that is known, is kept."""
        await self._file.carried_out(
            self._file.rows(
                "INSERT INTO messages VALUES (?, ?, ?, '') ON CONFLICT (run, key) DO NOTHING",
                (run, key, channel),
            )
        )

    async def remember_message(self, run: int, key: str, channel: str, ts: str) -> None:
        """Note where a view's message stands."""
        await self._file.carried_out(
            self._file.rows(
                "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT (run, key) "
                "DO UPDATE SET channel = excluded.channel, ts = excluded.ts",
                (run, key, channel, ts),
            )
        )

    async def unsettled(self) -> list[int]:
        """The runs with a thread of which nobody has noted that it says its last word."""
        rows = await self._file.rows(
            "SELECT run FROM runs WHERE settled = 0 AND channel IS NOT NULL ORDER BY run"
        )
        return [row["run"] for row in rows]

    async def settle(self, run: int, seq: int) -> None:
        """Note that a run's thread says all that its events up to `seq` (the last one) tell."""
        await self._file.carried_out(
            self._file.rows(
                "UPDATE runs SET settled = 1 WHERE run = ? AND last_seq = ?", (run, seq)
            )
        )

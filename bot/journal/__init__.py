"""The journal: the histories of all runs, the tickets and the views' messages, in one SQLite file."""

from bot.journal.journal import Journal

__all__ = ["Journal"]

"""The terminal: a run, an overview or a preview, for somebody at a shell or for a log.

A pure function of reports and the time; on a terminal with colours, banners and a countdown that
ticks, elsewhere as plain lines. Progress goes to one stream, results to another.
"""

from __future__ import annotations

from bot.terminal.pages import print_overview, print_preview, print_result
from bot.terminal.view import TerminalView

__all__ = ["TerminalView", "print_overview", "print_preview", "print_result"]

"""The pen: writes lines to a stream; panels and rules on a terminal, their plain text elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Final, TextIO

from rich.box import HEAVY, ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream, through something that can move a cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


_LEAD: Final = re.compile(r" *(?:[^\w\s\"'(] )?")


class Pen:
    """Writes to one stream. `lively`: with colours (unless NO_COLOR is set), rules and panels."""

    def __init__(self, stream: TextIO, *, lively: bool | None = None) -> None:
        self._stream = stream
        self.lively = is_terminal(stream) if lively is None else lively
        self.console = Console(
            file=stream, force_terminal=self.lively, highlight=False, emoji=False, markup=False
        )

    def lines(self, lines: Sequence[Text], *, indent: int = 0) -> None:
        """Each on a line of its own."""
        for line in lines:
            if self.lively:
                self._show(self.wrapped(line, self.console.width))
            else:
                self._write(" " * indent + line.plain)

    def rule(self, line: Text) -> None:
        """A line that begins something."""
        if self.lively:
            title = Text("── ", "cyan").append_text(line)
            self.console.print()
            self._show(Rule(title, align="left", style="cyan"))
        else:
            self._write(line.plain)

    def panel(self, title: str, lines: Sequence[Text], *, style: str, loud: bool = False) -> None:
        """Lines that belong together, under a title."""
        if self.lively:
            box = HEAVY if loud else ROUNDED
            head = Text(title, f"bold {style}")
            self.console.print()
            body = Group(*(self.wrapped(line, self.console.width - 4) for line in lines))
            self._show(Panel(body, title=head, title_align="left", border_style=style, box=box))
        else:
            self._write(title)
            self.lines(lines, indent=2)

    def _show(self, renderable: RenderableType) -> None:
        self.console.print(renderable)
        self._stream.flush()

    def _write(self, line: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = line.encode(encoding, "replace").decode(encoding)
        self._stream.write(text + "\n")
        self._stream.flush()

    def wrapped(self, line: Text, width: int) -> Text:
        """The line, whose further lines begin where its words begin: behind the mark."""
        lead = _LEAD.match(line.plain)
        behind = lead.end() if lead else 0
        rows = line[behind:].wrap(self.console, max(20, width - behind))
        first, rest = line[:behind], Text("\n" + " " * behind)
        return first.append_text(rest.join(rows)) if behind else Text("\n").join(rows)

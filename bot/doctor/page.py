"""The page: the findings as lines for a terminal or a log, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, TextIO

from rich.text import Text

from bot.doctor.finding import Finding, State
from bot.domain.progress import Glyph
from bot.domain.sentence import raised
from bot.terminal.pen import Pen
from bot.terminal.wording import clean, marked

_GLYPHS: Final = {
    State.WORKS: Glyph.DONE,
    State.BROKEN: Glyph.FAILED,
    State.NOT_SET: Glyph.SKIPPED,
}
_WORDS: Final = {
    State.WORKS: "works",
    State.BROKEN: "broken",
    State.NOT_SET: "not set: optional",
}


def print_findings(
    findings: Sequence[Finding], file: TextIO, *, lively: bool | None = None
) -> None:
    """A line for each, with the remedy under what is broken, and what it all comes to."""
    pen = Pen(file, lively=lively)
    in_the_way = [finding.check for finding in findings if finding.stands_in_the_way]
    lines = [line for finding in findings for line in _lines(finding)]
    if in_the_way:
        what = "1 thing" if len(in_the_way) == 1 else f"{len(in_the_way)} things"
        said = f"{what} that must work does not: " if what == "1 thing" else ""
        said = said or f"{what} that must work do not: "
        lines.append(Text(clean(f"{raised(said)}{', '.join(in_the_way)}."), "bold red"))
    else:
        lines.append(Text("All that is needed works.", "bold green"))
    pen.panel("What works, and what to do", lines, style="red" if in_the_way else "green")


def json_text(findings: Sequence[Finding]) -> str:
    """A list of objects with check, state, text, mend and needed."""
    return json.dumps([f.model_dump(mode="json") for f in findings], indent=2, ensure_ascii=False)


def _lines(finding: Finding) -> list[Text]:
    word = _WORDS[finding.state]
    if finding.state is State.BROKEN and not finding.needed:
        word = "broken, not needed"
    head = marked(
        Glyph.WAITING if word == "broken, not needed" else _GLYPHS[finding.state],
        f"{raised(finding.check)}: {word}",
        detail=finding.text,
    )
    if not finding.mend:
        return [head]
    return [
        head,
        Text("    ").append("What to do: ", "bold").append(clean(finding.mend), "not bold"),
    ]

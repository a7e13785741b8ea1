"""The page: a report as one HTML file that needs no network, no script and no second file."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.domain.hypothesis import Verdict
from bot.domain.narrative import alarm, decision_sentence, headline, title
from bot.domain.progress import Glyph, signal_lines
from bot.domain.report import Report
from bot.domain.sentence import exact, raised
from bot.publish import facts
from bot.publish.chart import chart

_MARKS = {
    Verdict.HELD: Glyph.DONE.value,
    Verdict.DEVIATED: Glyph.FAILED.value,
    Verdict.UNKNOWN: "?",
}


def html(report: Report) -> str:
    """The report as one HTML page; everything in it is escaped."""
    said = headline(report, None).removeprefix(f"Run {report.run} ({report.command}): ")
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            report=report,
            title=title(report),
            state=raised(said),
            mood=facts.mood(report),
            alarm=alarm(report),
            decision=decision_sentence(report),
            ballot=facts.ballot(report),
            figures=facts.headline_figures(report),
            summary=facts.summary(report),
            signals=signal_lines(report),
            chart=chart(report),
        )
    )


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("bot.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= {
        "clock": facts.clock,
        "exact": exact,
        "raised": raised,
        "mark": _MARKS.__getitem__,
        "graded": facts.graded,
        "diagnosed_by": facts.diagnosed_by,
    }
    return made


def _shown(value: object) -> object:
    """Text without control characters; markup that a template made stays as it is."""
    return value if hasattr(value, "__html__") else facts.clean(str(value))

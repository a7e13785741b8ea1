"""Publishing: a report for people who were not there, as Markdown, as one HTML page, as JSON."""

from __future__ import annotations

from bot.domain.report import Report
from bot.publish.markdown import markdown
from bot.publish.page import html

__all__ = ["html", "json_text", "markdown"]


def json_text(report: Report) -> str:
    """The report as JSON that fits the published schema; no line break at its end."""
    return report.model_dump_json(indent=2)

"""A report for people who were not there: Markdown, one HTML page, JSON."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.domain import events as e
from bot.domain.diagnosis import Claim
from bot.domain.events import Record
from bot.domain.evidence import Evidence
from bot.domain.experiment import Stage
from bot.domain.fold import fold
from bot.domain.report import Report, schema
from bot.publish import html, json_text, markdown
from bot.publish.chart import chart
from bot.publish.facts import clean
from bot.publish.markdown import escaped
from tests import histories

RUNS = sorted(histories.RUNS)
VOID = {"meta", "link", "br", "hr", "img"}
COMMONMARK = MarkdownIt("commonmark", {"html": True}).enable("table")
HOSTILE = (
    '<script>alert(1)</script> </style> "&{{7*7}} | `x` *b* [l](javascript:1) <!-- @all \x1b[2J'
)


@cache
def report(name: str) -> Report:
    return fold(histories.RUNS[name]())


def hostile() -> Report:
    """A run in which all that can come from outside is meant ill."""
    records: list[Record] = []
    for record in histories.recovered(reason=HOSTILE):
        event = record.event
        match event:
            case e.Diagnosed(diagnosis=said):
                claim = Claim(text=HOSTILE, evidence=(HOSTILE,))
                ill = {"summary": HOSTILE, "claims": (claim,), "next_step": HOSTILE, "by": HOSTILE}
                event = e.Diagnosed(diagnosis=said.model_copy(update=ill))
            case e.SignalSeen():
                event = event.model_copy(update={"detail": HOSTILE})
            case e.EvidenceGathered():
                item = Evidence(id=HOSTILE, source=HOSTILE, at=record.at, text=HOSTILE)
                event = e.EvidenceGathered(evidence=(item,))
            case e.LoadStarted():
                event = e.LoadStarted(load=HOSTILE)
            case e.TargetChosen(node=node):
                ill_named = node.model_copy(update={"name": HOSTILE})
                event = e.TargetChosen(node=ill_named, address=HOSTILE)
            case _:
                pass
        records.append(record.model_copy(update={"event": event}))
    noted = e.Noted(note=HOSTILE)
    return fold([*records[:-2], records[-2].model_copy(update={"event": noted}), *records[-2:]])


class Page(HTMLParser):
    """The elements of a page; fails where one is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.said.append(data)


def tokens(text: str) -> Iterator[Token]:
    for token in COMMONMARK.parse(text):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("name", RUNS)
def test_json_fits_the_published_schema(name: str) -> None:
    Draft202012Validator(schema()).validate(json.loads(json_text(report(name))))


def test_json_says_null_and_leaves_nothing_out() -> None:
    printed = json.loads(json_text(report("refused")))
    assert set(printed) == set(schema()["properties"])
    assert printed["diagnosis"] is None
    assert printed["fault"]["injected_at"] is None
    assert printed["started_at"] == "2026-11-22T12:33:30.102Z"


@pytest.mark.parametrize("name", RUNS)
def test_a_page_is_whole_and_needs_nothing_else(name: str) -> None:
    text = html(report(name))
    page = Page(text)
    assert "Run 17: kill tikv" in "".join(page.said)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "img", "object", "embed", "form"}
    for _, attributes in page.elements:
        for key in ("src", "href"):
            assert (attributes.get(key) or "#").startswith(("#", "data:,"))
        assert not [key for key in attributes if key.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", text)


@pytest.mark.parametrize("name", RUNS)
def test_every_stage_of_a_run_still_going_can_be_published(name: str) -> None:
    for stage in Stage:
        records = histories.RUNS[name]()
        if any(getattr(r.event, "stage", None) is stage for r in records):
            so_far = fold(histories.until(records, stage))
            Page(html(so_far))
            assert markdown(so_far).startswith("# Run 17")


def test_a_page_tells_the_run() -> None:
    said = " ".join(Page(html(report("recovered"))).said)
    for words in (
        "Recovered in 10.5 s",
        "PD says Disconnected",
        "+12.8 s",
        "tikv-1 (store 4) died abruptly",
        "component right, fault right, 4 of 4 claims grounded",
        "exited with 137",
        "approved by U0APPROVE",
        "98%",
        "All times are UTC",
    ):
        assert words in said


def test_a_page_of_a_broken_node_shows_how_to_mend_it() -> None:
    page = Page(html(report("not_recovered")))
    assert histories.MEND in page.said
    assert ("div", {"class": "alarm", "role": "alert"}) in page.elements


def test_a_page_escapes_all_that_comes_from_outside() -> None:
    text = html(hostile())
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "\x1b" not in text
    assert "".join(page.said).count("<script>alert(1)</script>") >= 10


def test_the_chart_is_a_picture_by_itself() -> None:
    text = html(report("recovered"))
    svg = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    assert len(svg.findall("./g[@class='signal']")) == 5
    assert svg.get("aria-label")


def test_the_geometry_of_the_chart() -> None:
    drawn = chart(report("recovered"))
    assert drawn is not None
    assert [b.label for b in drawn.bands if b.label] == [
        "Loading",
        "Detecting",
        "Approval",
        "Verifying",
    ]
    assert "0" in [tick.label for tick in drawn.across]
    places = [mark.at for mark in drawn.marks]
    assert all(b - a >= 16.9 for a, b in pairwise(places))
    assert drawn.broken is not None
    assert drawn.baseline is not None
    numbers = [float(n) for n in re.findall(r"[\d.]+", drawn.area)]
    assert max(numbers) <= drawn.right
    assert min(numbers) >= drawn.top


def test_signals_at_the_end_of_a_chart_keep_their_numbers_on_it() -> None:
    ended = [r for r in histories.recovered() if not isinstance(r.event, e.LoadSampled)]
    late = histories.until(ended, Stage.DIAGNOSING)
    loaded = [r for r in histories.recovered() if isinstance(r.event, e.LoadSampled)][:24]
    drawn = chart(fold([*late, *loaded]))
    assert drawn is not None
    assert len(drawn.marks) == 5
    assert all(mark.at <= drawn.width - 10 for mark in drawn.marks)
    assert all(b.at - a.at >= 16.9 for a, b in pairwise(drawn.marks))


def test_without_load_there_is_no_chart() -> None:
    assert chart(report("refused")) is None


@pytest.mark.parametrize("name", RUNS)
def test_markdown_has_no_html_and_no_control_characters(name: str) -> None:
    text = markdown(report(name))
    assert not [t for t in tokens(text) if t.type.startswith("html")]
    assert all(c in "\n\u200b" or c.isprintable() for c in text)
    assert text.endswith("\n")
    assert "\n\n\n" not in text


def test_markdown_tells_the_run() -> None:
    text = markdown(report("recovered"))
    assert text.startswith("# Run 17: kill tikv\n\n**Recovered in 10.5 s")
    for heading in ("Signals", "Diagnosis", "Stages", "Steady state", "Timeline (UTC)"):
        assert f"\n## {heading}\n" in text
    assert "(E2, E7)" in text
    assert "| PD says Disconnected | \\+12.8 s | store 4 |" in text


def test_markdown_of_a_broken_node_shows_how_to_mend_it() -> None:
    text = markdown(report("not_recovered"))
    assert f"Mend it by hand:\n\n    {histories.MEND}\n" in text


def test_markdown_escapes_all_that_comes_from_outside() -> None:
    found = list(tokens(markdown(hostile())))
    kinds = {t.type for t in found}
    assert not kinds & {"html_block", "html_inline", "link_open", "code_inline", "image"}
    said = "".join(t.content for t in found if t.type in {"text", "text_special"})
    assert "<script>alert(1)</script>" in said
    assert "@all" not in said


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_escaped_text_is_a_paragraph_that_says_what_it_said(text: str) -> None:
    found = [t.type for t in COMMONMARK.parse(escaped(text))]
    assert found in ([], ["paragraph_open", "inline", "paragraph_close"])
    inline = [c for t in COMMONMARK.parse(escaped(text)) for c in t.children or ()]
    assert {c.type for c in inline} <= {"text", "text_special"}
    said = "".join(c.content for c in inline)
    assert re.sub(r"[\s\u200b]", "", said) == re.sub(r"\s", "", clean(text))


@pytest.mark.parametrize("made", [markdown, html])
def test_votes_and_refused_votes_are_told_with_their_times(made: Callable[[Report], str]) -> None:
    told = fold(histories.voted_once())
    page = made(told).replace("\\", "")
    assert re.search(r"12:34:01\.\d U0APPROVE voted: approved", page)
    assert "Refused to U0ONLOOKE (approved): U0ONLOOKE may not decide this." in page
    assert "approved by U0APPROVE and U0SECOND1" in made(report("approved_by_two"))


@pytest.mark.parametrize("made", [markdown, html])
def test_a_halt_and_a_restart_are_told(made: Callable[[Report], str]) -> None:
    assert "U0ONLOOKE, who halted everything: the shop is slow." in made(report("halted"))
    assert "Chaosbot was away for 12 s, and goes on." in made(report("taken_up"))

"""No text of the cluster or of a user breaks a message, or pings anybody."""

import re
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.experiment import Stage
from bot.domain.fold import fold
from bot.sandbox.limits import check_message, check_view
from bot.slack.modals import evidence_modal, report_modal
from bot.slack.mrkdwn import bold, code, cut, plain
from bot.slack.thread import messages
from tests import histories

PEOPLE = frozenset({"U024BE7LH", "U0APPROVE"})
PIECES = (
    "<!channel>",
    "<!here|x>",
    "<@U0STRANGER>",
    "<#C01CHAOS|general>",
    "<https://evil.example|click>",
    "&amp;<&>",
    "```",
    "`*_~*`",
    "\n\n",
    "\u202e",
    "\x00",
    "🦀",
)
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=30), max_size=8).map("".join)
LONG = st.builds(lambda text, times: text * times, TEXT, st.integers(1, 400))
HOSTILE = TEXT | LONG
# The only markup with angle brackets that we write ourselves.
OURS = re.compile(r"<@(U024BE7LH|U0APPROVE)>|<!date\^\d+\^\{time\}\|\d\d:\d\d UTC>")


def poisoned(value, texts, path=()):
    """A report's JSON with every text that comes from people or the cluster replaced by the next."""
    if isinstance(value, dict):
        return {k: poisoned(v, texts, (*path, k)) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(v, texts, path) for v in value]
    free = {
        *("command", "reason", "cluster", "why", "mend", "target", "node", "address", "text"),
        *("detail", "described", "subject", "invariant", "component", "fault", "summary", "notes"),
        *("next_step", "observed", "tolerance", "probe", "source", "id"),
    }
    if isinstance(value, str) and path and path[-1] in free and path[-2:] != ("grade", "fault"):
        if path[0] == "injection" or path[-2:] == ("grade", "component"):
            return value
        return next(texts)
    return value


@st.composite
def reports(draw):
    records = draw(st.sampled_from(list(histories.RUNS.values())))()
    if draw(st.booleans()):
        records = histories.until(histories.recovered(), Stage.AWAITING_APPROVAL)
    pool = draw(st.lists(HOSTILE, min_size=2, max_size=5))
    report = fold(records)
    kept = report.model_dump(mode="json")
    return type(report).model_validate(poisoned(kept, cycle(pool))), records[-1].at


def markups(part):
    """Every mrkdwn text in a part of a message."""
    if isinstance(part, (list, tuple)):
        for item in part:
            yield from markups(item)
    elif isinstance(part, dict):
        if part.get("type") == "mrkdwn":
            yield part["text"]
        for value in part.values():
            yield from markups(value)


def harmless(text):
    rest = OURS.sub("", text)
    assert "<" not in rest
    assert ">" not in rest
    # Escaped once: an escaped ampersand is never followed by what would be a second escape of ours.
    assert re.sub(r"&(amp|lt|gt);", "", rest).count("&") == 0


@settings(max_examples=60, deadline=None)
@given(reports())
def test_any_report_makes_messages_that_slack_takes_and_that_ping_nobody(given_report):
    report, now = given_report
    for desired in messages(report, now, PEOPLE).values():
        check_message(desired.text, list(desired.blocks), update=True)
        for text in (desired.text, *markups(desired.blocks)):
            harmless(text)


@settings(max_examples=40, deadline=None)
@given(reports())
def test_any_report_makes_modals_that_slack_takes(given_report):
    report, _ = given_report
    for view in (evidence_modal(report), report_modal(report)):
        check_view(view)
        for text in markups(view["blocks"]):
            harmless(text)


@given(HOSTILE, st.integers(1, 60))
def test_a_cut_tears_no_entity_and_keeps_the_limit(text, most):
    short = cut(plain(text), most)
    assert len(short) <= most
    harmless(short)


@given(TEXT)
def test_bold_and_code_end_where_they_should(text):
    assert bold(text).count("*") == 2
    assert code(text).count("`") == 2


def test_what_was_escaped_reads_as_it_was_written():
    assert plain("a < b && c > d") == "a &lt; b &amp;&amp; c &gt; d"

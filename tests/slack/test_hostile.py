"""No text of the cluster or of a user breaks a message, or pings anybody."""

import re
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.approval import Policy
from bot.domain.control import Halt
from bot.domain.experiment import Stage
from bot.domain.fold import fold
from bot.engine.overview import Overview
from bot.sandbox.limits import check_message, check_view
from bot.slack.answers import Asked
from bot.slack.buttons import run_of
from bot.slack.modals import evidence_modal, report_modal
from bot.slack.mrkdwn import bold, code, cut, plain
from bot.slack.sentences import history_blocks, status_blocks
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
LINKS = re.compile(
    r"<https://sandbox\.slack\.com/archives/C1/p1\|[^<>]*>"
    r"|<!date\^\d+\^\{date_short_pretty\}, \{time\}\|[\d: -]+ UTC>"
)
# The only markup with angle brackets that we write ourselves.
OURS = re.compile(
    r"<@(U024BE7LH|U0APPROVE|U0SECOND1|U0ONLOOKE)>|<!subteam\^S0ONCALL1>|<!date\^\d+\^\{time\}\|\d\d:\d\d UTC>"
)


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
    if draw(st.booleans()):
        report = report.model_copy(update={"policy": Policy(approvers=PEOPLE, needed=2)})
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
    for desired in messages(report, now).values():
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


NAMES = st.sampled_from(
    (
        *("user", "user_id", "channel", "channel_id", "text", "response_url", "trigger_id"),
        *("actions", "container", "message", "event", "view", "id", "ts", "value", "thread_ts"),
        *("private_metadata", "message_ts"),
    )
)
LEAF = st.sampled_from(
    (None, True, 17, "17", "U0STARTER1", "{}", "[1]", '{"words": 1}', "\x00<!x>")
)
PAYLOAD = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=5)
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, PAYLOAD, max_size=6))
def test_any_payload_says_who_asked_or_nobody(body):
    asked = Asked.by(body)
    assert isinstance(asked.user, str)
    assert run_of(asked.text) is None or int(asked.text) > 0


@settings(max_examples=50, deadline=None)
@given(reports(), HOSTILE, st.booleans())
def test_any_report_makes_answers_that_slack_takes(given_report, text, running):
    report, _ = given_report
    if running:
        report = report.model_copy(update={"outcome": None, "finished_at": None})
    halt = Halt(since=report.started_at, by=text[:40], why=text)
    made = [
        status_blocks(Overview(clusters=(), latest=(report,) * 5, halted=halt), {}),
        history_blocks((report,) * 10, {17: "https://sandbox.slack.com/archives/C1/p1"}),
    ]
    for said, blocks in made:
        check_message(said, list(blocks), update=False)
        for markup in (said, *markups(blocks)):
            harmless(LINKS.sub("", markup))


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

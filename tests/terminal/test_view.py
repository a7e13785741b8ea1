"""A run on a terminal and in a log."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Sequence

import pytest
from rich.cells import cell_len

from bot.domain import events as e
from bot.domain.diagnosis import Claim
from bot.domain.events import Record
from bot.domain.experiment import Outcome, Stage
from bot.domain.fold import fold
from bot.terminal import TerminalView
from tests import histories
from tests.terminal.clocks import Hurried, Still, replay

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
RUNS = sorted(histories.RUNS)


async def told(records: Sequence[Record], *, interactive: bool = False) -> str:
    """All that a view writes of a run, progress and result."""
    clock, out = Still(), io.StringIO()
    view = TerminalView(clock=clock, progress=out, interactive=interactive)
    assert await view.show(replay(records, clock)) == fold(records)
    return out.getvalue()


@pytest.mark.parametrize("name", RUNS)
async def test_a_log_has_plain_lines_each_once(name: str) -> None:
    text = await told(histories.RUNS[name]())
    assert all(c == "\n" or c.isprintable() for c in text)
    lines = text.splitlines()
    assert lines[0].startswith('Run 17: kill tikv in staging, started by U024BE7LH: "quarterly')
    assert all(line.strip() for line in lines)
    assert not [line for line in lines if " left of " in line]
    stages = [line for line in lines if re.match(r"\d/8 ", line)]
    assert len(stages) == len(fold(histories.RUNS[name]()).stages)


async def test_votes_are_counted_where_it_takes_several() -> None:
    text = await told(histories.approved_by_two())
    assert "1 of 2: approved by U0APPROVE.\n" in text
    assert "approved by U0APPROVE and U0SECOND1" in text
    assert "1 of 1" not in await told(histories.recovered())


async def test_a_halt_and_a_restart_are_told() -> None:
    halted = await told(histories.halted())
    assert "Aborted by U0ONLOOKE, who halted everything: the shop is slow." in halted
    assert "Chaosbot was away for 12 s, and goes on." in await told(histories.taken_up())


async def test_a_log_tells_the_whole_story_in_its_order() -> None:
    text = await told(histories.recovered())
    story = (
        "1/8 Checking",
        "✓ Checking 0.2",
        "✓ Loading 10.0 s · 1,020 ops/s baseline",
        "SIGKILL to tikv-1 (store 4)",
        "4/8 Detecting · up to 30 s",
        "✓ node exit +0.07 s · exit 137",
        "✓ leaders moved +13.8 s",
        "tikv-1 (store 4) died abruptly.",
        "Against it: Had it been out of memory",
        "component right, fault right, 4 of 4 claims grounded.",
        "6/8 Approval · up to 10 min",
        "approved by U0APPROVE",
        "8/8 Verifying",
        "✓ Recovered in 10.5 s",
        "chaosbot report 17",
    )
    places = [text.index(line) for line in story]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("refused", "Refused, nothing was harmed."),
        ("refused_unknown", "no answer in 3 s"),
        ("aborted", "Aborted by U0APPROVE: wrong cluster. tikv-1 (store 4) is being restored."),
        ("kept_down", "/chaos restore 17, or by hand: "),
        ("not_recovered", "NOT RECOVERED: TIKV-1 (STORE 4) IS STILL DOWN."),
        ("not_recovered", f"  {histories.MEND}\n"),
        ("not_steady", "NOT RECOVERED: TIKV-1 (STORE 4) EXITED AGAIN"),
        ("not_detected", "Not noticed within 30 s: client impact, leaders moved"),
        ("expired", "nobody decided, so"),
        ("failed", "PD answers rubbish"),
    ],
)
async def test_how_it_ends_is_said(name: str, says: str) -> None:
    assert says in await told(histories.RUNS[name]())


@pytest.mark.parametrize(
    ("name", "columns"), [("recovered", 132), ("recovered", 80), *((name, 60) for name in RUNS)]
)
async def test_a_terminal_of_any_width_holds_every_line(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    text = ANSI.sub("", await told(histories.RUNS[name](), interactive=True))
    assert max(cell_len(line) for line in re.split(r"[\r\n]+", text)) <= columns


async def test_without_colour_the_words_and_marks_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = await told(histories.not_recovered(), interactive=True)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", text)
    assert "✗ Restoring" in ANSI.sub("", text)


async def test_a_terminal_counts_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = ANSI.sub("", await told(histories.recovered(), interactive=True))
    for left in ("30 s left of 30 s", "17 s left of 30 s", "9 min 30 s left of 10 min"):
        assert left in text
    assert "0 of 1,020 ops/s" in text


async def test_between_records_the_countdown_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    clock, out = Hurried(), io.StringIO()
    view = TerminalView(clock=clock, progress=out, interactive=True)
    records = histories.until(histories.recovered(), Stage.DETECTING)

    async def silence() -> AsyncIterator[Record]:
        for record in records:
            clock.at = record.at
            yield record
        for _ in range(200):
            await asyncio.sleep(0)

    await view.show(silence())
    assert " 12 s left of 30 s" in ANSI.sub("", out.getvalue())


async def test_results_go_elsewhere_than_progress() -> None:
    clock, progress, results = Still(), io.StringIO(), io.StringIO()
    view = TerminalView(clock=clock, progress=progress, results=results)
    await view.show(replay(histories.recovered(), clock), 17)
    assert results.getvalue().startswith("Run 17: kill tikv\n  ✓ Recovered in 10.5 s")
    assert "Recovered in" not in progress.getvalue()
    assert "1/8 Checking" in progress.getvalue()


async def test_it_comes_back_as_soon_as_its_run_is_over() -> None:
    clock = Still()
    records = [*histories.recovered(16), *histories.refused(17), *histories.recovered(18)]
    out = io.StringIO()
    view = TerminalView(clock=clock, progress=out)
    report = await view.show(replay(records, clock), 17)
    assert report is not None
    assert (report.run, report.outcome) == (17, Outcome.REFUSED)
    assert "Run 16" not in out.getvalue()
    assert "Run 18" not in out.getvalue()


async def test_a_mirror_shows_every_run() -> None:
    clock, out = Still(), io.StringIO()
    view = TerminalView(clock=clock, progress=out)
    records = [*histories.recovered(16), *histories.aborted(17)]
    report = await view.show(replay(records, clock))
    assert report == fold(histories.aborted(17))
    assert out.getvalue().count("8/8 Verifying") == 2


async def test_a_run_that_began_before_is_taken_up_from_its_history() -> None:
    whole = histories.kept_down_then_restored()
    clock, out = Still(), io.StringIO()
    view = TerminalView(clock=clock, progress=out)

    async def history(run: int) -> Sequence[Record]:
        return whole[:99] if run == 17 else []

    strange = histories.recovered(16)[1:]
    report = await view.show(replay([*strange, *whole[93:]], clock), history=history)
    assert report == fold(whole)
    assert "Run 16" not in out.getvalue()
    assert "1/8" not in out.getvalue()
    assert "7/8 Restoring" in out.getvalue()


async def test_no_record_is_no_report() -> None:
    assert (
        await TerminalView(clock=Still(), progress=io.StringIO()).show(replay([], Still())) is None
    )


HOSTILE = "\x1b[2J\x1b]0;owned\x07[red]x[/red]\r\nfake line \u202eevil\u2028 <b> :smile: "


@pytest.mark.parametrize("interactive", [True, False])
async def test_text_from_the_cluster_commands_no_terminal(
    *, interactive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "300")
    records = []
    for record in histories.recovered(reason=HOSTILE):
        event = record.event
        if isinstance(event, e.Diagnosed):
            claim = Claim(text=HOSTILE, evidence=(HOSTILE,))
            said = event.diagnosis.model_copy(update={"summary": HOSTILE, "claims": (claim,)})
            event = event.model_copy(update={"diagnosis": said})
        if isinstance(event, e.SignalSeen):
            event = event.model_copy(update={"detail": HOSTILE})
        records.append(record.model_copy(update={"event": event}))
    text = await told(records, interactive=interactive)
    for command in ("\x1b[2J", "\x1b]", "\x07", "\u202e", "\u2028", "\nfake"):
        assert command not in text
    assert "[red]x[/red]" in text
    assert ":smile:" in text


async def test_a_stream_that_knows_no_marks_still_gets_the_words() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    clock = Still()
    await TerminalView(clock=clock, progress=out).show(replay(histories.recovered(), clock), 17)
    assert b"? Recovered in 10.5 s" in raw.getvalue()

"""An overview, a preview, a result: printed at once."""

from __future__ import annotations

import io

from bot.domain.blast_radius import Guard
from bot.domain.control import Halt
from bot.domain.fold import fold
from bot.domain.hypothesis import Verdict, overall, steady_state
from bot.domain.ticket import Severity, Ticket
from bot.engine.overview import ClusterStatus, Overview, Preview
from bot.terminal import print_overview, print_preview, print_result
from tests import histories
from tests.domain.views import WELL, view

PROBES = steady_state(WELL, oldest_heartbeat=30)
RECEIPT = fold(histories.recovered()).injection
TICKET = Ticket(
    id=3,
    cluster="staging",
    invariant="stores_up",
    subject="tikv-1",
    severity=Severity.CRITICAL,
    text="PD calls store 4 Disconnected.",
    occurrences=7,
    first_seen=histories.START,
    last_seen=histories.START,
)


def previewed(**changed: object) -> str:
    preview = Preview(
        command="kill tikv",
        cluster="staging",
        node=histories.NODE,
        probes=PROBES,
        guards=(Guard(guard="pd_quorum", verdict=Verdict.HELD, text="PD keeps 3 of 3 members."),),
        injection=RECEIPT.model_copy(update={"does": "kill -KILL 4711"}),
    )
    out = io.StringIO()
    print_preview(preview.model_copy(update=changed), out)
    return out.getvalue()


def test_a_preview_says_what_would_be_done_and_how_it_is_undone() -> None:
    text = previewed()
    assert text.startswith("Dry run: kill tikv in staging\n")
    assert "Target: tikv-1 (store 4)" in text
    assert "✓ stores up · held: 3 of 3 (tolerated: all)" in text
    assert "It would do: SIGKILL to tikv-1 (store 4)" in text
    assert "By hand that is: kill -KILL 4711" in text
    assert histories.MEND in text
    assert text.endswith("Nothing was touched.\n")


def test_a_preview_says_why_it_would_not_be_done() -> None:
    text = previewed(refused="PD keeps 1 of 3 members; it needs 2.", injection=None)
    assert "✗ It would be refused: PD keeps 1 of 3 members; it needs 2." in text
    assert "It would do" not in text


def test_an_overview() -> None:
    silent = view(stores=None, unanswered={"stores": "PD answered 503"})
    probes = steady_state(silent, oldest_heartbeat=30)
    running = fold(histories.recovered()[:40])
    status = ClusterStatus(
        name="staging",
        view=silent,
        verdict=overall(p.verdict for p in probes),
        probes=probes,
        tickets=(TICKET,),
        run=running,
    )
    out = io.StringIO()
    latest = (running, fold(histories.not_recovered(16)))
    print_overview(Overview(clusters=(status,), latest=latest), out)
    text = out.getvalue()
    assert text.startswith("Cluster staging: not known to be well\n")
    assert "stores could not be asked · PD answered 503" in text
    assert "pd-1 · running, leads PD" in text
    assert "Ticket 3: PD calls store 4 Disconnected. · critical, seen 7 times" in text
    assert "✗ Run 16: kill tikv · Not recovered: tikv-1 (store 4) is still down." in text


def test_a_halt_stands_first_in_an_overview() -> None:
    out = io.StringIO()
    halt = Halt(since=histories.START, by="U0ONLOOKE", why="the shop is \x1b[2Jslow")
    print_overview(Overview(clusters=(), latest=(), halted=halt), out)
    first, second, third, *_ = out.getvalue().splitlines()
    assert first == "Halted"
    assert "halted since 12:33:30 UTC by U0ONLOOKE: the shop is  [2Jslow." in second
    assert "until an approver resumes" in third


def test_an_overview_of_nothing_says_so() -> None:
    out = io.StringIO()
    print_overview(Overview(clusters=(), latest=()), out)
    assert out.getvalue() == "There is no cluster, and there was no run.\n"


def test_a_result_on_a_terminal_stands_in_a_box() -> None:
    out = io.StringIO()
    print_result(fold(histories.not_recovered()), out, lively=True)
    assert "┏" in out.getvalue()
    assert histories.MEND in out.getvalue()

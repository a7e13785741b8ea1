"""The page: what is printed, and what `chaosbot doctor` ends with."""

from __future__ import annotations

import io
import json

from bot.doctor import Finding, json_text, print_findings
from bot.doctor.finding import broken, not_set, works
from bot.domain.errors import Unreachable
from bot.domain.progress import Glyph

FINDINGS = [
    works("state folder", "It can be written."),
    broken("PD leader", Unreachable("pd at a:1 is away", mend="Start it.")),
    broken("Claude", "The key is wrong\x1b[31m.", needed=False),
    not_set("Prometheus", "CHAOSBOT_PROMETHEUS_URL.", mend="Set it."),
]


def printed(findings: list[Finding], *, lively: bool = False) -> str:
    out = io.StringIO()
    print_findings(findings, out, lively=lively)
    return out.getvalue()


def test_each_line_has_a_mark_and_a_word_and_says_what_to_do():
    assert printed(FINDINGS).splitlines() == [
        "What works, and what to do",
        "  ✓ State folder: works · It can be written.",
        "  ✗ PD leader: broken · Pd at a:1 is away.",
        "      What to do: Start it.",
        "  … Claude: broken, not needed · The key is wrong [31m.",
        f"  {Glyph.SKIPPED} Prometheus: not set: optional · CHAOSBOT_PROMETHEUS_URL.",
        "      What to do: Set it.",
        "  1 thing that must work does not: PD leader.",
    ]


def test_when_all_is_well_it_says_so():
    assert printed([FINDINGS[0]]).splitlines()[-1] == "  All that is needed works."


def test_on_a_terminal_it_is_a_panel():
    assert "╭" in printed(FINDINGS, lively=True)


def test_json_is_a_list_of_findings():
    said = json.loads(json_text(FINDINGS))
    assert said[1] == {
        "check": "PD leader",
        "state": "broken",
        "text": "Pd at a:1 is away.",
        "mend": "Start it.",
        "needed": True,
    }
    assert [f["state"] for f in said] == ["works", "broken", "broken", "not set"]
    assert [f["needed"] for f in said] == [True, True, False, False]

"""The doctor: looks at all that a bot needs, and says what works or what to do about it.

It harms nothing, starts nothing and keeps nothing.
"""

from __future__ import annotations

from bot.doctor.examination import examine, stands_in_the_way
from bot.doctor.finding import Finding, State
from bot.doctor.page import json_text, print_findings

__all__ = ["Finding", "State", "examine", "json_text", "print_findings", "stands_in_the_way"]

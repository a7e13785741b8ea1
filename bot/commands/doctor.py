"""`chaosbot doctor`."""

from __future__ import annotations

import argparse
import sys

from bot.commands.process import DONE, FAILED, settings
from bot.doctor import examine, json_text, print_findings, stands_in_the_way


async def doctor(options: argparse.Namespace) -> int:
    """Say what works and what does not; failed if something needed does not."""
    findings = await examine(settings(), ask_claude=options.claude, channel=options.channel)
    if options.json:
        sys.stdout.write(json_text(findings) + "\n")
    else:
        print_findings(findings, sys.stdout)
    return FAILED if stands_in_the_way(findings) else DONE

"""The commands of chaosbot. Each is a thin door: parse the words, call one part, give the status.

Exit status: 0 done (recovered), 1 failed or not recovered, 2 usage or settings, 3 refused by a
guard, 130 aborted. Results go to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Do one command. Imports wait until a command needs them, so that `--help` is quick."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["sandbox"]:
        from bot.sandbox.__main__ import main as sandbox

        return sandbox(given[1:])
    if given[:1] == ["playground"]:
        from bot.commands import playground

        return playground(given[1:])
    options = parser().parse_args(given)
    if options.command == "guardian":
        return _guardian(options)
    from bot import commands

    return commands.perform(options)


def _guardian(options: argparse.Namespace) -> int:
    """Watch over a bot. It takes little memory: the rest is imported when it has to restore."""
    from bot.guardian import watch

    def restore() -> bool:
        from bot.commands.recover import restore_for_guardian

        return restore_for_guardian(options.home)

    return watch(options.home, options.bot, options.seconds, restore)


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence and a way on."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with status 2."""
        self.exit(USAGE, f"{self.prog}: {message}. See: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """All commands with their flags; docs/commands.md is held against this."""
    top = _Parser(
        prog="chaosbot", description="Chaos engineering for TiKV, run by a team from Slack."
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    demo = commands.add_parser(
        "demo", help="the whole thing on this machine: a local Slack, a local cluster, the bot"
    )
    demo.add_argument("--port", type=_port, default=3000, help="of the page (3000)")
    demo.add_argument("--no-browser", action="store_true", help="do not open the page")
    demo.add_argument("--no-first-run", action="store_true", help="do not start a run by itself")
    demo.add_argument(
        "--real-time", action="store_true", help="as slow as a real cluster, not faster"
    )
    demo.add_argument(
        "--stay",
        action="store_true",
        help="stay up after the first run even where standard output is no terminal",
    )

    serve = commands.add_parser(
        "serve", help="the bot against Slack, with settings from the environment or .env"
    )
    serve.add_argument("--stop-on-eof", action="store_true", help="stop when standard input ends")
    serve.add_argument(
        "--http", type=_port, metavar="PORT", help="listen for Slack here, in place of Socket Mode"
    )

    run = commands.add_parser("run", help="one run in this terminal")
    run.add_argument("experiment", help='what to do: "kill tikv"')
    run.add_argument(
        "--cluster", choices=("playground", "docker"), help="what the nodes are (playground)"
    )
    run.add_argument("--approve", action="store_true", help="approve the restore without asking")
    run.add_argument("--dry-run", action="store_true", help="show what it would do; touch nothing")
    run.add_argument("--json", action="store_true", help="print the report alone, as JSON")

    recover = commands.add_parser(
        "recover", help="undo whatever the journal says is still injected"
    )
    recover.add_argument("--dry-run", action="store_true", help="show it; touch nothing")

    halt = commands.add_parser(
        "halt", help="abort every run, restore every node, and let nothing be started"
    )
    halt.add_argument("reason", nargs="*", metavar="REASON", help="why, for everybody to read")

    commands.add_parser("resume", help="let runs be started again after a halt")

    doctor = commands.add_parser("doctor", help="what works, and how to mend the rest")
    doctor.add_argument("--json", action="store_true", help="print a list, as JSON")
    doctor.add_argument(
        "--claude", action="store_true", help="ask Claude too: one call, a few tokens"
    )
    doctor.add_argument("--channel", metavar="ID", help="see that the bot is in this Slack channel")

    report = commands.add_parser("report", help="print a run's report")
    report.add_argument("run", nargs="?", type=_run, metavar="RUN", help="its number")
    report.add_argument(
        "--format", choices=("markdown", "html", "json"), default="markdown", help="(markdown)"
    )
    report.add_argument("--schema", action="store_true", help="print the schema of the JSON")

    history = commands.add_parser("history", help="list the newest runs")
    history.add_argument("--limit", type=_count, default=10, metavar="N", help="so many (10)")

    guardian = commands.add_parser(
        "guardian", help='restore what is broken when the bot is gone; "serve" starts it'
    )
    guardian.add_argument("--home", type=Path, required=True, help="the state folder")
    guardian.add_argument("--bot", type=_process, required=True, metavar="PID", help="the bot")
    guardian.add_argument(
        "--seconds", type=_seconds, required=True, help="how long the bot may be gone"
    )

    commands.add_parser("sandbox", help="the local Slack alone", add_help=False)
    commands.add_parser("playground", help="the local cluster alone", add_help=False)
    return top


def _port(word: str) -> int:
    if word.isascii() and word.isdigit() and int(word) < 65536:  # noqa: PLR2004 - TCP's own limit
        return int(word)
    raise argparse.ArgumentTypeError(f'"{word}" is no port; a port is a number from 0 to 65535')


def _run(word: str) -> int:
    digits = word.lstrip("#")
    if digits.isascii() and digits.isdigit() and len(digits) <= 12:  # noqa: PLR2004 - fits SQLite
        return int(digits)
    raise argparse.ArgumentTypeError(f'"{word}" is no run number; for example: 17')


def _count(word: str) -> int:
    if word.isascii() and word.isdigit() and int(word[:6]) > 0 and len(word) <= 5:  # noqa: PLR2004 - a screenful, many times
        return int(word)
    raise argparse.ArgumentTypeError(f'"{word}" is no number of runs; for example: 10')


def _process(word: str) -> int:
    if word.isascii() and word.isdigit() and len(word) <= 10:  # noqa: PLR2004 - a pid is smaller
        return int(word)
    raise argparse.ArgumentTypeError(f'"{word}" is no process id')


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = -1.0
    if 0 <= seconds < float("inf"):
        return seconds
    raise argparse.ArgumentTypeError(f'"{word}" is no time in seconds')


if __name__ == "__main__":
    sys.exit(main())

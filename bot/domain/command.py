"""A command: what somebody typed after `/chaos` (or `chaosbot run`), parsed into a type.

    FAULT TARGET [in CLUSTER] ["why"]    FAULT is kill, stop, pause, restart or partition,
                                         TARGET is tikv, pd, pd leader or a node's name
    status
    abort [RUN]
    restore RUN
    help [anything]

Words that make no command raise a CommandError that names the word and what would be right.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from bot.domain.cluster import Role
from bot.domain.errors import CommandError
from bot.domain.experiment import Experiment
from bot.domain.fault import Fault
from bot.domain.model import Value
from bot.domain.target import PD_LEADER, Target


class Status(Value):
    """Show the clusters, the runs and the open tickets."""


class Abort(Value):
    """Stop a run and restore its node; None: the only run there is."""

    run: int | None = None


class Restore(Value):
    """Bring back a node that was kept down."""

    run: int


class Help(Value):
    """Show what can be typed."""


Command = Experiment | Status | Abort | Restore | Help

# What can be typed, and what it does: the help texts of all views, and a test, read this.
USAGE: Final = (
    ("kill tikv", "kill a TiKV node, chosen at random, and watch what happens"),
    ("kill tikv-1", "kill that very node"),
    ("kill pd", "kill a PD member, chosen at random"),
    ("kill pd leader", "kill the PD member that leads now"),
    ("stop tikv-1", "shut a node down in good order; any target will do"),
    ("pause tikv-1", "freeze a node: it is there and does nothing"),
    ("restart tikv-1", "stop a node and start it again at once"),
    ("partition tikv-1", "take a node off its networks; containers only"),
    ('kill tikv in staging "why"', "name the cluster, where there are several, and the reason"),
    ("status", "show the cluster, the runs and the open tickets"),
    ("abort", "stop the run and restore its node; with several runs: abort 17"),
    ("restore 17", "bring back a node that was kept down"),
    ("help", "show this"),
)
_VERBS: Final = (*(f.value for f in Fault), "status", "abort", "restore", "help")
_LONGEST: Final = 300
_TOKEN: Final = re.compile(r'["“”]([^"“”]*)["“”]|(\S+)')


def parse(text: str) -> Command:
    """The command that a text makes.

    Raises:
        CommandError: it makes none.
    """
    if len(text) > _LONGEST:
        raise CommandError(
            f"That is {len(text):,} characters long; a command has at most {_LONGEST}.",
            mend='For example: "kill tikv".',
        )
    words, quoted = _split(text)
    if not words:
        raise CommandError(
            "There is no command in that.", mend='For example: "kill tikv". "help" lists them all.'
        )
    verb, rest = words[0].lower(), words[1:]
    if verb in set(Fault):
        return _experiment(Fault(verb), rest, quoted)
    if quoted:
        raise CommandError(f'"{verb}" takes no reason.', word=quoted[0])
    match verb:
        case "status" | "help":
            if verb == "status":
                _no_more(verb, rest)
            return Status() if verb == "status" else Help()
        case "abort":
            _no_more(verb, rest[1:])
            return Abort(run=_run_number(rest[0]) if rest else None)
        case "restore":
            _no_more(verb, rest[1:])
            if not rest:
                raise CommandError('"restore" needs a run.', mend='For example: "restore 17".')
            return Restore(run=_run_number(rest[0]))
    raise CommandError(
        f'I know no command called "{_short(words[0])}".',
        word=words[0],
        mend=_did_you_mean(verb, _VERBS) + '"help" lists them all.',
    )


def experiment(text: str) -> Experiment:
    """The experiment that a text makes, for who can do nothing but run one.

    Raises:
        CommandError: it makes none.
    """
    command = parse(text)
    if isinstance(command, Experiment):
        return command
    word = text.split(maxsplit=1)[0]
    raise CommandError(f'"{word}" is no experiment.', word=word, mend='For example: "kill tikv".')


def _split(text: str) -> tuple[list[str], list[str]]:
    words, quoted = [], []
    for reason, word in _TOKEN.findall(text):
        if word:
            words.append(word)
        else:
            quoted.append(reason.strip())
    return words, quoted


def _experiment(fault: Fault, words: list[str], quoted: list[str]) -> Experiment:
    example = f'For example: "{fault.value} tikv" or "{fault.value} tikv-1".'
    if len(quoted) > 1:
        raise CommandError("There are two reasons in that.", word=quoted[1], mend="Give one.")
    cluster = None
    if "in" in words:
        at = words.index("in")
        if len(words) != at + 2:
            raise CommandError(
                '"in" is followed by the name of one cluster.', word="in", mend=example
            )
        cluster, words = words[at + 1], words[:at]
    if not words:
        raise CommandError(f'"{fault.value}" needs a target.', mend=example)
    if len(words) > 1 and words[1].lower() == "leader" and words[0].lower() != Role.PD:
        raise CommandError(
            f'"{_short(words[0])}" has no leader: only PD has one.',
            word=words[1],
            mend=f'For example: "{fault.value} {PD_LEADER}".',
        )
    if " ".join(words[:2]).lower() == PD_LEADER:
        words = [PD_LEADER, *words[2:]]
    if len(words) > 1:
        raise CommandError(
            f'One node at a time: "{_short(words[0])}" and "{_short(words[1])}" are two targets.',
            word=words[1],
            mend=f'A reason goes in quotes: {fault.value} {_short(words[0])} "why".',
        )
    if words[0] != PD_LEADER and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", words[0]):
        raise CommandError(
            f'"{_short(words[0])}" cannot be the name of a node.', word=words[0], mend=example
        )
    target = Target.parse(words[0])
    near = get_close_matches(words[0].lower(), [r.value for r in Role], n=1, cutoff=0.6)
    if target.name and near and "-" not in target.name and not target.name[-1].isdigit():
        raise CommandError(
            f'I know no target called "{_short(words[0])}".',
            word=words[0],
            mend=f'Did you mean "{near[0]}"? {example}',
        )
    return Experiment(
        fault=fault, target=target, cluster=cluster, reason=quoted[0] if quoted else ""
    )


def _run_number(word: str) -> int:
    digits = word.lstrip("#")
    if digits.isascii() and digits.isdigit() and 0 < len(digits) <= 12:  # noqa: PLR2004 - fits SQLite
        return int(digits)
    raise CommandError(
        f'"{_short(word)}" is no run number.', word=word, mend='For example: "abort 17".'
    )


def _no_more(verb: str, rest: list[str]) -> None:
    if rest:
        raise CommandError(
            f'"{verb}" does not take "{_short(rest[0])}".', word=rest[0], mend='See "help".'
        )


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    if not near:
        return ""
    example = f'For example: "{near[0]} tikv". ' if near[0] in set(Fault) else ""
    return f'Did you mean "{near[0]}"? {example}'


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"  # noqa: PLR2004 - a line on a phone

"""A command: what somebody typed after `/chaos` (or `chaosbot run`), parsed into a type.

    FAULT TARGET [in CLUSTER] ["why"] [--dry-run]
                         FAULT is kill, stop, pause, restart or partition,
                         TARGET is tikv, pd, pd leader or a node's name
    approve [RUN]        restore the node, or vote for it
    keep [RUN]           keep the node down, or vote for it
    abort [RUN]
    restore [RUN]
    halt [why]           why with quotes or without
    resume
    status
    history
    help [anything]

A RUN that is left out is the only one that can be meant; who carries the command out knows it.
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


class History(Value):
    """Show the newest runs and how they ended."""


class DryRun(Value):
    """Show what an experiment would do, and touch nothing."""

    experiment: Experiment


class OfRun(Value):
    """A command about one run; None: the only one that can be meant."""

    run: int | None = None


class Approve(OfRun):
    """Restore the node of a run that waits for it, or vote for that."""


class Keep(OfRun):
    """Keep the node of a run down, or vote for that."""


class Abort(OfRun):
    """Stop a run and restore its node."""


class Restore(OfRun):
    """Bring back a node that was kept down."""


class Halt(Value):
    """Abort every run, restore every node, and start nothing new."""

    why: str = ""


class Resume(Value):
    """Let runs be started again."""


class Help(Value):
    """Show what can be typed."""


Command = (
    Experiment | DryRun | Approve | Keep | Abort | Restore | Halt | Resume | Status | History | Help
)

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
    ("kill tikv --dry-run", "show target, guards, commands and rollback, and touch nothing"),
    ("approve 17", "restore the node, as the button does; without 17: the run that waits"),
    ("keep 17", "keep the node down, as the button does"),
    ("abort", "stop the run and restore its node; with several runs: abort 17"),
    ("restore 17", "bring back a node that was kept down"),
    ("halt why it must stop", "abort every run, restore every node, and start nothing new"),
    ("resume", "let runs be started again, after a halt"),
    ("status", "show the cluster, the runs and the open tickets"),
    ("history", "show the newest runs and how they ended"),
    ("help", "show this"),
)
_OF_RUN: Final[dict[str, type[Approve | Keep | Abort | Restore]]] = {
    "approve": Approve,
    "keep": Keep,
    "abort": Abort,
    "restore": Restore,
}
_ALONE: Final[dict[str, Command]] = {"resume": Resume(), "status": Status(), "history": History()}
_VERBS: Final = (*(f.value for f in Fault), *_OF_RUN, *_ALONE, "halt", "help")
# Words of the buttons, which people type too: "keep it down", "approve restore 17".
_SAID_TOO: Final = {"approve": {"restore"}, "keep": {"it", "down"}}
_LONGEST: Final = 300
_TOKEN: Final = re.compile(r'["“”]([^"“”]*)["“”]|(\S+)')
_DRY: Final = re.compile(r"(--|[-–—])?dry-?run", re.IGNORECASE)  # noqa: RUF001 - phones turn -- into them


def parse(text: str) -> Command:
    """The command that a text makes.

    Raises:
        CommandError: it makes none.
    """
    tokens = _TOKEN.findall(text)
    words, quoted = [w for _, w in tokens if w], [q.strip() for q, w in tokens if not w]
    verb = words[0].lower() if words else ""
    if verb == "halt":  # who types it is in a hurry: nothing that follows can be wrong
        return _halt(tokens)
    if len(text) > _LONGEST:
        raise CommandError(
            f"That is {len(text):,} characters long; a command has at most {_LONGEST}.",
            mend='For example: "kill tikv".',
        )
    if flags := [word for word in words if _DRY.fullmatch(word)]:
        return _dry_run(flags[0], [word for word in words if word not in flags], quoted)
    if not words:
        raise CommandError(
            "There is no command in that.", mend='For example: "kill tikv". "help" lists them all.'
        )
    rest = words[1:]
    if verb in set(Fault):
        return _experiment(Fault(verb), rest, quoted)
    if verb in {*_OF_RUN, *_ALONE, "help"} and quoted:
        raise CommandError(f'"{verb}" takes no reason.', word=quoted[0])
    if verb == "help":
        return Help()
    if verb in _ALONE:
        _no_more(verb, rest)
        return _ALONE[verb]
    if verb in _OF_RUN:
        rest = [word for word in rest if word.lower() not in _SAID_TOO.get(verb, ())]
        _no_more(verb, rest[1:])
        return _OF_RUN[verb](run=_run_number(verb, rest[0]) if rest else None)
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
    if isinstance(command, DryRun):
        command_line = f'chaosbot run "{command.experiment.command}" --dry-run'
        raise CommandError(
            "A dry run is asked for outside of the quotes.",
            word="--dry-run",
            mend=f"Type {command_line}.",
        )
    word = _short(text.split(maxsplit=1)[0])
    raise CommandError(f'"{word}" is no experiment.', word=word, mend='For example: "kill tikv".')


def words_of(wanted: Experiment) -> str:
    """The text that `parse` makes the same experiment of; its reason is cut where it must be."""
    made = wanted.command + (f" in {wanted.cluster}" if wanted.cluster else "")
    reason = " ".join(re.sub(r'["“”]', "'", wanted.reason).split())
    room = _LONGEST - len(made) - 3
    return f'{made} "{reason[:room]}"' if reason and room > 0 else made


def _halt(tokens: list[tuple[str, str]]) -> Halt:
    first = next(place for place, (_, word) in enumerate(tokens) if word)
    said = [word or reason for reason, word in (*tokens[:first], *tokens[first + 1 :])]
    return Halt(why=" ".join(" ".join(said).split())[:_LONGEST])


def _dry_run(flag: str, words: list[str], quoted: list[str]) -> DryRun:
    verb = words[0].lower() if words else ""
    if verb not in set(Fault):
        raise CommandError(
            f'"{_short(verb)}" has no dry run.' if verb else "A dry run needs an experiment.",
            word=flag,
            mend='For example: "kill tikv --dry-run".',
        )
    return DryRun(experiment=_experiment(Fault(verb), words[1:], quoted))


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
        every = ' "halt" stops every run.' if fault is Fault.STOP else ""
        raise CommandError(f'"{fault.value}" needs a target.', mend=example + every)
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


def _run_number(verb: str, word: str) -> int:
    digits = word.lstrip("#")
    if digits.isascii() and digits.isdigit() and 0 < len(digits) <= 12:  # noqa: PLR2004 - fits SQLite
        return int(digits)
    raise CommandError(
        f'"{_short(word)}" is no run number.', word=word, mend=f'For example: "{verb} 17".'
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

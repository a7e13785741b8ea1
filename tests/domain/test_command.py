"""Words to commands: what parses, and what the errors say about what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cluster import Role
from bot.domain.command import (
    USAGE,
    Abort,
    Approve,
    Command,
    DryRun,
    Halt,
    Help,
    History,
    Keep,
    Restore,
    Resume,
    Status,
    experiment,
    parse,
    words_of,
)
from bot.domain.errors import CommandError
from bot.domain.experiment import Experiment
from bot.domain.fault import Fault
from bot.domain.target import Target

TIKV = Target(role=Role.TIKV)


def kill(target: Target = TIKV, cluster: str | None = None, reason: str = "") -> Experiment:
    return Experiment(fault=Fault.KILL, target=target, cluster=cluster, reason=reason)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("kill tikv", kill()),
        ("  KILL   TiKV  ", kill()),
        ("kill\ttikv\n", kill()),
        ("kill pd", kill(Target(role=Role.PD))),
        ("kill pd leader", kill(Target(role=Role.PD, leader=True))),
        ("Kill PD  Leader in staging", kill(Target(role=Role.PD, leader=True), "staging")),
        ("stop pd", Experiment(fault=Fault.STOP, target=Target(role=Role.PD))),
        ("pause tikv-1", Experiment(fault=Fault.PAUSE, target=Target(name="tikv-1"))),
        ("restart tikv", Experiment(fault=Fault.RESTART, target=TIKV)),
        ("partition tikv", Experiment(fault=Fault.PARTITION, target=TIKV)),
        ("kill tikv-1", kill(Target(name="tikv-1"))),
        ("kill TiKV-1", kill(Target(name="tikv-1"))),
        ("kill tikv0", kill(Target(name="tikv0"))),
        ("kill basic-tikv-0.peer", kill(Target(name="basic-tikv-0.peer"))),
        ("kill tikv in staging", kill(cluster="staging")),
        ('kill tikv in staging "why not"', kill(cluster="staging", reason="why not")),
        ('kill tikv "why not" in staging', kill(cluster="staging", reason="why not")),
        ('kill tikv ""', kill()),
        ("kill tikv “quarterly check”", kill(reason="quarterly check")),
        ('kill tikv "<!channel> *bold*"', kill(reason="<!channel> *bold*")),
        ("status", Status()),
        ("abort", Abort()),
        ("abort 17", Abort(run=17)),
        ("abort #17", Abort(run=17)),
        ("restore 17", Restore(run=17)),
        ("restore", Restore()),
        ("approve", Approve()),
        ("Approve #17", Approve(run=17)),
        ("approve restore 17", Approve(run=17)),
        ("keep 17", Keep(run=17)),
        ("keep it down", Keep()),
        ("keep 17 down", Keep(run=17)),
        ("history", History()),
        ("resume", Resume()),
        ("halt", Halt()),
        ("HALT the shop is slow", Halt(why="the shop is slow")),
        ('halt "the shop"  is\nslow', Halt(why="the shop is slow")),
        ("halt --dry-run", Halt(why="--dry-run")),
        ("kill tikv --dry-run", DryRun(experiment=kill())),
        ("--dry-run kill tikv", DryRun(experiment=kill())),
        ('kill tikv "why" DRY-RUN', DryRun(experiment=kill(reason="why"))),
        ("kill \u2014dry-run tikv in staging", DryRun(experiment=kill(cluster="staging"))),
        ('kill tikv "--dry-run"', kill(reason="--dry-run")),
        ("help", Help()),
        ("help me with kill", Help()),
    ],
)
def test_right_words(text: str, command: Command) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    ("text", "word", "says"),
    [
        ("", "", "kill tikv"),
        ("   \n\t ", "", "kill tikv"),
        ("kil tikv", "kil", '"kill"'),
        ("kull", "kull", '"kill"'),
        ("xyzzy", "xyzzy", '"help"'),
        ("statsu", "statsu", '"status"'),
        ("kill", "", "needs a target"),
        ("kill in staging", "", "needs a target"),
        ("kill tikv pd", "pd", "two targets"),
        ("kill tikv-1 tikv-2 tikv-3", "tikv-2", "two targets"),
        ("kill tikv leader", "leader", "only PD has one"),
        ("kill tikv-1 leader", "leader", '"kill pd leader"'),
        ("kill pd leader tikv", "tikv", "two targets"),
        ("puase tikv", "puase", '"pause"'),
        ("partion tikv", "partion", '"partition"'),
        ("kill tikv because I can", "because", "in quotes"),
        ("kill tikv in", "in", "one cluster"),
        ("kill tikv in staging production", "in", "one cluster"),
        ("kill tivk", "tivk", '"tikv"'),
        ("kill *tikv*", "*tikv*", "cannot be the name"),
        ("kill <!channel>", "<!channel>", "cannot be the name"),
        ("kill <@U024BE7LH|ada>", "<@U024BE7LH|ada>", "cannot be the name"),
        ("kill -tikv", "-tikv", "cannot be the name"),
        ("kill ../tikv", "../tikv", "cannot be the name"),
        ('kill tikv "a" "b"', "b", "two reasons"),
        ('status "now"', "now", "no reason"),
        ("status now", "now", "does not take"),
        ("abort 1 2", "2", "does not take"),
        ("abort all", "all", "no run number"),
        ("abort -1", "-1", "no run number"),
        ("abort \u0661\u0667", "\u0661\u0667", "no run number"),
        ("abort 1234567890123", "1234567890123", "no run number"),
        ("restore tikv-1", "tikv-1", "no run number"),
        ("approve tikv-1", "tikv-1", '"approve 17"'),
        ("keep 17 18", "18", "does not take"),
        ("aprove 17", "aprove", '"approve"'),
        ("hatl", "hatl", '"halt"'),
        ("resmue", "resmue", '"resume"'),
        ("histroy", "histroy", '"history"'),
        ('approve "17"', "17", "no reason"),
        ("resume now", "now", "does not take"),
        ("stop", "", '"halt" stops every run'),
        ("status --dry-run", "--dry-run", "has no dry run"),
        ("--dry-run", "--dry-run", "needs an experiment"),
        ("kill --dry-run", "", "needs a target"),
    ],
)
def test_wrong_words_are_named_with_what_would_be_right(text: str, word: str, says: str) -> None:
    with pytest.raises(CommandError) as wrong:
        parse(text)
    assert wrong.value.word == word
    assert says in wrong.value.whole
    assert wrong.value.whole.endswith((".", "?"))


def test_four_thousand_characters_are_answered_in_one_short_sentence() -> None:
    with pytest.raises(CommandError) as wrong:
        parse("kill " + "tikv" * 1000)
    assert "4,005 characters" in str(wrong.value)
    assert len(wrong.value.whole) < 150


def test_a_halt_of_any_length_is_a_halt() -> None:
    command = parse("halt " + "it burns " * 1000)
    assert isinstance(command, Halt)
    assert len(command.why) == 300


def test_a_long_word_is_cut_in_the_answer() -> None:
    with pytest.raises(CommandError) as wrong:
        parse("x" * 300)
    assert len(wrong.value.whole) < 150


def check(text: str) -> None:
    """Anything but a CommandError fails the test by itself."""
    try:
        command = parse(text)
    except CommandError as error:
        said = str(error)
    else:
        assert isinstance(command, Command)
        return
    assert said[-1] in ".?"


@given(st.text(max_size=400))
def test_any_text_is_a_command_or_an_error_with_a_sentence(text: str) -> None:
    check(text)


words = st.sampled_from(
    [
        "kill",
        "KILL",
        "tikv",
        "pd",
        "in",
        "abort",
        "status",
        "restore",
        "help",
        "approve",
        "keep",
        "halt",
        "resume",
        "history",
        "--dry-run",
        "17",
        "#",
        '"',
        "“a b”",
    ]
)


@given(st.lists(words | st.text(max_size=8), max_size=8).map(" ".join))
def test_any_words_are_a_command_or_an_error_with_a_sentence(text: str) -> None:
    check(text)


@given(st.text(max_size=100))
def test_a_terminal_takes_experiments_only(text: str) -> None:
    try:
        made = experiment(text)
    except CommandError as error:
        said = str(error)
    else:
        assert parse(text) == made
        return
    assert said[-1] in ".?"


@given(st.text(max_size=400))
def test_whatever_follows_a_halt_it_is_a_halt(text: str) -> None:
    assert isinstance(parse(f"halt {text}"), Halt)


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(st.sampled_from(Fault), names, names | st.none(), st.text(max_size=400))
def test_a_button_carries_the_words_of_its_experiment(
    fault: Fault, node: str, cluster: str | None, reason: str
) -> None:
    wanted = Experiment(fault=fault, target=Target(name=node), cluster=cluster, reason=reason)
    try:
        made = experiment(words_of(wanted))
    except CommandError:  # a name that nobody could type: "tivk", "leader"
        return
    assert (made.fault, made.cluster) == (fault, cluster)
    assert str(made.target) == node.lower()


def test_a_dry_run_in_a_terminal_is_a_flag_of_its_own() -> None:
    with pytest.raises(CommandError, match="outside of the quotes") as wrong:
        experiment('kill tikv-1 --dry-run "why"')
    assert 'chaosbot run "kill tikv-1" --dry-run' in wrong.value.mend


@pytest.mark.parametrize("text", ["status", "abort 17", "help", "halt now"])
def test_what_is_no_experiment_is_named(text: str) -> None:
    with pytest.raises(CommandError, match="is no experiment") as wrong:
        experiment(text)
    assert wrong.value.word == text.split(maxsplit=1)[0]


@pytest.mark.parametrize("text", [usage for usage, _ in USAGE])
def test_what_the_help_shows_can_be_typed(text: str) -> None:
    parse(text)


@pytest.mark.parametrize("text", ["kill tikv", "kill pd", "stop tikv-1", "pause pd leader"])
def test_an_experiment_says_the_words_that_make_it(text: str) -> None:
    assert experiment(text).command == text

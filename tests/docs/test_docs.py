"""The documents tell the truth: commands, flags, words, settings, links."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from bot.__main__ import parser
from bot.domain.command import USAGE, parse
from bot.settings import names

ROOT = Path(__file__).parents[2]
COMMANDS = (ROOT / "docs/commands.md").read_text()
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SUBCOMMANDS = parser()._subparsers._group_actions[0].choices


def sections() -> dict[str, str]:
    """Each command's section of docs/commands.md."""
    parts = re.split(r"^## chaosbot (\w+)\n", COMMANDS, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_command_is_documented_and_each_documented_command_exists():
    assert list(sections()) == list(SUBCOMMANDS)


@pytest.mark.parametrize("name", [n for n in SUBCOMMANDS if n not in {"sandbox", "playground"}])
def test_each_flag_is_documented_and_each_documented_flag_exists(name):
    documented = set(re.findall(r"^\| `(--[\w-]+)`", sections()[name], flags=re.MULTILINE))
    flags = {f for a in SUBCOMMANDS[name]._actions for f in a.option_strings if f[:2] == "--"}
    assert documented == flags - {"--help"}


@pytest.mark.parametrize("name", ["sandbox", "playground"])
def test_the_flags_of_the_stand_ins_are_documented(name, capsys):
    main = importlib.import_module(f"bot.{name}.__main__").main
    with pytest.raises(SystemExit):
        main(["--help"])
    flags = set(re.findall(r"(--[\w-]+)", capsys.readouterr().out)) - {"--help"}
    documented = set(re.findall(r"^\| `(--[\w-]+)`", sections()[name], flags=re.MULTILINE))
    assert documented == flags


def test_each_word_of_chaos_is_documented():
    table = COMMANDS.split("## In Slack")[1].split("## ")[0]
    documented = re.findall(r"^\| `/chaos ([^`]+)` \|", table, flags=re.MULTILINE)
    assert documented == [words for words, _ in USAGE]


@pytest.mark.parametrize("words", [words for words, _ in USAGE])
def test_each_documented_word_parses(words):
    parse(words)


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_each_link_leads_somewhere(path):
    for link in re.findall(r"\]\(([^)#\s]+)\)", path.read_text()):
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_each_chaosbot_command_in_the_text_is_one(path):
    for words in re.findall(r"chaosbot (\w+)", re.sub(r"\.\./|/chaosbot", "", path.read_text())):
        if words in {"run", "serve", "demo", "recover", "report", "sandbox", "playground"}:
            assert words in SUBCOMMANDS
    for block in re.findall(r"`\.?(?:venv/bin/)?chaosbot ([a-z]+)", path.read_text()):
        assert block in SUBCOMMANDS


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_each_make_target_in_the_text_exists(path):
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for target in re.findall(r"`make ([a-z-]+)", path.read_text()):
        assert target in targets


def test_each_setting_in_the_text_exists():
    for path in DOCS:
        for name in re.findall(r"\b((?:CHAOSBOT|SLACK|ANTHROPIC)_[A-Z_]+)", path.read_text()):
            assert name in names(), f"{name} in {path.name}"


def test_each_module_that_the_architecture_names_exists():
    text = (ROOT / "docs/architecture.md").read_text()
    for name in re.findall(r"`((?:slack|engine|domain|cluster)/[\w/]+\.py)", text):
        assert (ROOT / "bot" / name).exists(), name


def test_each_definition_that_the_architecture_names_is_there():
    text = (ROOT / "docs/architecture.md").read_text()
    for name, found in re.findall(r"`(\w+/[\w/]+\.py): ([\w.]+)`", text):
        code = (ROOT / "bot" / name).read_text()
        assert re.search(rf"\b{found.split('.')[-1]}\b", code), f"{found} in {name}"

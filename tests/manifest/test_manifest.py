"""The manifest: Slack would take it, and it asks for what the bot uses and nothing else."""

import ast
import json
import re
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[2]
MANIFEST = yaml.safe_load((ROOT / "manifest.yaml").read_text(encoding="utf-8"))

# Method -> the bot scopes that it needs (docs.slack.dev, each method's page).
SCOPES = {
    "auth.test": set(),
    "apps.connections.open": set(),  # the app-level token's connections:write
    "chat.getPermalink": set(),
    "views.open": set(),
    "chat.postMessage": {"chat:write", "chat:write.public"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.replies": {"channels:history", "groups:history"},
}
METHOD = re.compile(
    r"(auth|apps|chat|views|conversations|users|usergroups|files|reactions|bots|team)"
    r"(\.[a-z][A-Za-z]+){1,2}"
)
CALLED = re.compile(r"(auth|apps|chat|views|conversations|users|usergroups|files|reactions)_\w+")


def called():
    """Every Web API method that bot/slack names, as a string or as a method of the SDK's client."""
    for file in sorted((ROOT / "bot" / "slack").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if METHOD.fullmatch(node.value):
                    yield node.value
            elif isinstance(node, ast.Attribute) and CALLED.fullmatch(node.attr):
                yield node.attr.replace("_", ".")


def test_slack_would_take_it():
    schema = json.loads((ROOT / "tests/data/slack-manifest.schema.json").read_text("utf-8"))
    problems = [
        f"{e.json_path}: {e.message}" for e in Draft7Validator(schema).iter_errors(MANIFEST)
    ]
    assert problems == []
    about = MANIFEST["display_information"]
    assert len(about["name"]) <= 35
    assert 175 <= len(about["long_description"]) <= 4000


def test_it_asks_for_exactly_the_scopes_of_the_methods_that_are_called():
    methods = set(called())
    assert methods == set(SCOPES)
    needed = set().union(*(SCOPES[method] for method in methods)) | {"commands"}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed
    assert "user" not in MANIFEST["oauth_config"]["scopes"]


def test_each_scope_says_why():
    lines = (ROOT / "manifest.yaml").read_text(encoding="utf-8").splitlines()
    for place, line in enumerate(lines):
        if re.fullmatch(r"      - [a-z:.]+", line):
            assert lines[place - 1].strip().startswith("# "), line


def test_socket_mode_interactivity_and_the_one_command():
    assert MANIFEST["settings"]["socket_mode_enabled"] is True
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True
    assert "event_subscriptions" not in MANIFEST["settings"]
    (command,) = MANIFEST["features"]["slash_commands"]
    assert command["command"] == "/chaos"
    for word in ("kill", "status", "abort", "restore", "help"):
        assert word in command["usage_hint"]

"""The manifest: Slack would take it, and it asks for what the bot uses and nothing else."""

import ast
import json
import re
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

from bot.domain.command import USAGE
from bot.domain.fault import Fault

ROOT = Path(__file__).parents[2]
MANIFEST = yaml.safe_load((ROOT / "manifest.yaml").read_text(encoding="utf-8"))

# Method -> the bot scopes that it needs (docs.slack.dev, each method's page).
SCOPES = {
    "auth.test": set(),
    "apps.connections.open": set(),  # the app-level token's connections:write
    "chat.getPermalink": set(),
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
    "users.info": {"users:read"},
    "usergroups.users.list": {"usergroups:read"},
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write", "chat:write.public"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.replies": {"channels:history", "groups:history"},
}
# Event -> the bot scopes that it needs (docs.slack.dev, each event's page).
EVENTS = {"app_home_opened": set(), "app_mention": {"app_mentions:read"}}
METHOD = re.compile(
    r"(auth|apps|chat|views|conversations|users|usergroups|files|reactions|bots|team)"
    r"(\.[a-z][A-Za-z]+){1,2}"
)
CALLED = re.compile(r"(auth|apps|chat|views|conversations|users|usergroups|files|reactions)_\w+")


def parsed():
    for file in sorted((ROOT / "bot" / "slack").rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def called():
    """Every Web API method that bot/slack names, as a string or as a method of the SDK's client."""
    for module in parsed():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if METHOD.fullmatch(node.value):
                    yield node.value
            elif isinstance(node, ast.Attribute) and CALLED.fullmatch(node.attr):
                yield node.attr.replace("_", ".")


def listened_to():
    """Every event that a listener is registered for: `app.event("...")`."""
    for module in parsed():
        for node in ast.walk(module):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "event"
            ):
                yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant))


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
    needed = set().union(*(SCOPES[method] for method in methods), *EVENTS.values()) | {"commands"}
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
    (command,) = MANIFEST["features"]["slash_commands"]
    assert command["command"] == "/chaos"
    faults = {fault.value for fault in Fault} - {"kill"}  # one stands for all
    for word in {words.split()[0] for words, _ in USAGE} - faults:
        assert word in command["usage_hint"]


def test_it_subscribes_to_exactly_the_events_that_are_listened_to():
    assert MANIFEST["settings"]["event_subscriptions"] == {"bot_events": sorted(EVENTS)}
    assert set(listened_to()) == set(EVENTS)


def test_the_home_tab_is_there_and_nobody_can_write_to_the_app():
    assert MANIFEST["features"]["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": False,
        "messages_tab_read_only_enabled": True,
    }

"""The limits of Block Kit's smaller parts: text objects, options, confirms, elements. Pure."""

from collections.abc import Callable
from typing import Any

IN_SECTION = frozenset(
    [
        "button",
        "static_select",
        "users_select",
        "overflow",
        "checkboxes",
        "radio_buttons",
        "datepicker",
        "image",
        "conversations_select",
        "channels_select",
        "multi_static_select",
        "multi_users_select",
        "timepicker",
    ]
)
IN_ACTIONS = IN_SECTION - {"image", "multi_static_select", "multi_users_select"}
IN_INPUT = (
    IN_SECTION | {"plain_text_input", "number_input", "email_text_input", "url_text_input"}
) - {
    "button",
    "overflow",
    "image",
}
_STYLES = {"primary", "danger"}


class Findings:
    """Collects what is wrong, each with where it is."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def add(self, what: str, at: str) -> None:
        """Complain about the value at the JSON pointer `at`."""
        self.complaints.append(f"[ERROR] {what} [json-pointer:{at}]")


def length(found: Findings, value: Any, at: str, at_most: int, at_least: int = 0) -> None:
    """A string of bounded length, or nothing at all."""
    if value is None:
        return
    if not isinstance(value, str):
        found.add("must be a string", at)
    elif len(value) > at_most:
        found.add(f"must be less than {at_most + 1} characters", at)
    elif len(value) < at_least:
        found.add(f"must be more than {at_least - 1} characters", at)


def text(found: Findings, value: Any, at: str, at_most: int) -> None:
    """A text object, plain or mrkdwn."""
    if not isinstance(value, dict):
        found.add("missing required field: text" if value is None else "must be an object", at)
        return
    if value.get("type") not in {"plain_text", "mrkdwn"}:
        found.add(f"unsupported type: {value.get('type')}", f"{at}/type")
    if not isinstance(value.get("text"), str):
        found.add("missing required field: text", at)
    length(found, value.get("text"), f"{at}/text", at_most, at_least=1)


def plain_text(found: Findings, value: Any, at: str, at_most: int) -> None:
    """A text object that must be plain."""
    if isinstance(value, dict) and value.get("type") == "mrkdwn":
        found.add("must be a plain_text object", f"{at}/type")
    text(found, value, at, at_most)


def items(found: Findings, value: Any, at: str, at_least: int, at_most: int) -> list[Any]:
    """A list of bounded length; what it holds, for further checks."""
    if not isinstance(value, list):
        found.add("must be an array", at)
        return []
    if len(value) < at_least:
        found.add(f"must have at least {at_least} item(s)", at)
    if len(value) > at_most:
        found.add(f"no more than {at_most} items allowed", at)
    return value


def image(found: Findings, value: dict[str, Any], at: str) -> None:
    """An image with its alternative text, from a URL or from a file in Slack."""
    sources = [name for name in ("image_url", "slack_file") if value.get(name)]
    if len(sources) != 1:
        found.add("must provide either `image_url` or `slack_file`", at)
    length(found, value.get("image_url"), f"{at}/image_url", 3000)
    if not isinstance(value.get("alt_text"), str):
        found.add("missing required field: alt_text", at)
    length(found, value.get("alt_text"), f"{at}/alt_text", 2000)


def confirm(found: Findings, value: Any, at: str) -> None:
    """A confirm dialog."""
    if not isinstance(value, dict):
        found.add("must be an object", at)
        return
    plain_text(found, value.get("title"), f"{at}/title", 100)
    text(found, value.get("text"), f"{at}/text", 300)
    for name in ("confirm", "deny"):
        plain_text(found, value.get(name), f"{at}/{name}", 30)
    if value.get("style") is not None and value["style"] not in _STYLES:
        found.add("must be one of: primary, danger", f"{at}/style")


def element(found: Findings, value: Any, at: str, permitted: frozenset[str]) -> None:
    """An interactive element where only the types in `permitted` may stand."""
    if not isinstance(value, dict):
        found.add("must be an object", at)
        return
    kind = str(value.get("type"))
    if kind not in permitted:
        found.add(f"unsupported type: {kind}", f"{at}/type")
        return
    length(found, value.get("action_id"), f"{at}/action_id", 255)
    if value.get("confirm") is not None:
        confirm(found, value["confirm"], f"{at}/confirm")
    if value.get("placeholder") is not None:
        plain_text(found, value["placeholder"], f"{at}/placeholder", 150)
    check = _CHECKS.get(kind)
    if check:
        check(found, value, at)


def _button(found: Findings, value: dict[str, Any], at: str) -> None:
    plain_text(found, value.get("text"), f"{at}/text", 75)
    length(found, value.get("value"), f"{at}/value", 2000)
    length(found, value.get("url"), f"{at}/url", 3000)
    length(found, value.get("accessibility_label"), f"{at}/accessibility_label", 75)
    if value.get("style") is not None and value["style"] not in _STYLES:
        found.add("must be one of: primary, danger", f"{at}/style")


def _options(
    at_most: int, text_at_most: int = 75
) -> Callable[[Findings, dict[str, Any], str], None]:
    def check(found: Findings, value: dict[str, Any], at: str) -> None:
        groups = value.get("option_groups")
        lists = [(f"{at}/options", value.get("options"))]
        if groups:
            lists = [
                (f"{at}/option_groups/{i}/options", group.get("options"))
                for i, group in enumerate(items(found, groups, f"{at}/option_groups", 1, 100))
            ]
        for where, options in lists:
            for index, option in enumerate(items(found, options, where, 1, at_most)):
                _option(found, option, f"{where}/{index}", text_at_most)

    return check


def _option(found: Findings, value: Any, at: str, text_at_most: int) -> None:
    if not isinstance(value, dict):
        found.add("must be an object", at)
        return
    text(found, value.get("text"), f"{at}/text", text_at_most)
    if not isinstance(value.get("value"), str):
        found.add("missing required field: value", at)
    length(found, value.get("value"), f"{at}/value", 75)
    if value.get("description") is not None:
        text(found, value["description"], f"{at}/description", text_at_most)


def _plain_text_input(found: Findings, value: dict[str, Any], at: str) -> None:
    length(found, value.get("initial_value"), f"{at}/initial_value", 3000)
    shortest, longest = value.get("min_length"), value.get("max_length")
    if isinstance(shortest, int) and isinstance(longest, int) and shortest > longest:
        found.add("min_length must be less than max_length", at)


_CHECKS: dict[str, Callable[[Findings, dict[str, Any], str], None]] = {
    "button": _button,
    "static_select": _options(100),
    "multi_static_select": _options(100),
    "overflow": _options(5),
    "checkboxes": _options(10),
    "radio_buttons": _options(10),
    "plain_text_input": _plain_text_input,
    "image": image,
}

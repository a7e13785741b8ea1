"""The arguments of a Web API call, whichever way they were sent.

Slack takes the query, a form or JSON. In a form, lists and objects arrive as JSON in a string and
booleans as `1`, `0`, `true` or `false`; in JSON they arrive as themselves.
"""

import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.errors import SlackError

_TRUE = {"1", "true", "True"}


class Arguments:
    """One call's arguments by name, without the token."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if name != "token"}

    def has(self, name: str) -> bool:
        """Whether the argument was sent with a value, be it an empty one."""
        return self.values.get(name) is not None

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers become their digits."""
        value = self.values.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """A string that must be there.

        Raises:
            SlackError: `invalid_arguments` with the name of the missing field.
        """
        value = self.text(name)
        if not value:
            raise SlackError(
                "invalid_arguments",
                [f"[ERROR] missing required field: {name} [json-pointer:/{name}]"],
            )
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean."""
        value = self.values.get(name)
        return default if value is None else value is True or str(value) in _TRUE

    def number(self, name: str, default: int) -> int:
        """A whole number, or `default` when there is none.

        Raises:
            SlackError: `invalid_arguments` when it is no number.
        """
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise SlackError(
                "invalid_arguments",
                [f"[ERROR] must be a valid integer [json-pointer:/{name}]"],
            ) from None

    def structure(self, name: str, error: str) -> Any:
        """A list or an object, or None when there is none.

        Raises:
            SlackError: `error` when it is a string that holds no JSON.
        """
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value

"""Views: the modals that stand open, and each user's App Home. Pure state.

Modals lie on a stack for each user, at most three deep. A view's `hash` changes with every update,
so that two updates can be kept from overwriting one another.
"""

import copy
import secrets
from typing import Any

from bot.sandbox import directory
from bot.sandbox.choices import default_state
from bot.sandbox.errors import SlackError
from bot.sandbox.feed import Feed
from bot.sandbox.limits import check_view

DEEPEST = 3
_TAKEN = [
    "type",
    "title",
    "submit",
    "close",
    "blocks",
    "private_metadata",
    "callback_id",
    "clear_on_close",
    "notify_on_close",
    "external_id",
    "submit_disabled",
]


class Views:
    """The open modals and the published homes."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.stacks: dict[str, list[dict[str, Any]]] = {}
        self.homes: dict[str, dict[str, Any]] = {}

    def open(self, user: str, view: dict[str, Any]) -> dict[str, Any]:
        """Open a modal over whatever stands there."""
        made = self._make(view, "modal")
        made["root_view_id"] = made["id"]
        self.stacks[user] = [made]
        self._tell(user)
        return made

    def push(self, user: str, view: dict[str, Any]) -> dict[str, Any]:
        """Lay a modal on top of the open one.

        Raises:
            SlackError: `push_limit_reached`, or `not_found` when none is open.
        """
        stack = self.stacks.get(user, [])
        if not stack:
            raise SlackError("not_found")
        if len(stack) >= DEEPEST:
            raise SlackError("push_limit_reached")
        made = self._make(view, "modal")
        made |= {"root_view_id": stack[0]["id"], "previous_view_id": stack[-1]["id"]}
        stack.append(made)
        self._tell(user)
        return made

    def update(self, old: dict[str, Any], view: dict[str, Any], expected: str) -> dict[str, Any]:
        """Replace what a view says, keeping its id.

        Raises:
            SlackError: `hash_conflict` when `expected` is given and out of date.
        """
        if expected and expected != old["hash"]:
            raise SlackError("hash_conflict")
        made = self._make(view, str(old["type"]))
        kept = {name: old[name] for name in ("id", "root_view_id", "previous_view_id")}
        old.clear()
        old.update(made | kept)
        self._tell(self.owner(old["id"]))
        return old

    def publish(self, user: str, view: dict[str, Any], expected: str) -> dict[str, Any]:
        """Set a user's App Home.

        Raises:
            SlackError: `hash_conflict`.
        """
        old = self.homes.get(user)
        if old is not None:
            if expected and expected != old["hash"]:
                raise SlackError("hash_conflict")
            made = self._make(view, "home") | {"id": old["id"], "root_view_id": old["id"]}
        else:
            made = self._make(view, "home")
            made["root_view_id"] = made["id"]
        self.homes[user] = made
        self._feed.publish("home", user=user, view=made)
        return made

    def find(self, view_id: str, external_id: str = "") -> dict[str, Any]:
        """An open modal or a home.

        Raises:
            SlackError: `not_found`.
        """
        every = [view for stack in self.stacks.values() for view in stack]
        for view in [*every, *self.homes.values()]:
            if (view_id and view["id"] == view_id) or (
                external_id and view["external_id"] == external_id
            ):
                return view
        raise SlackError("not_found")

    def owner(self, view_id: str) -> str:
        """Whose screen a view is on; empty if nobody's."""
        for user, stack in self.stacks.items():
            if any(view["id"] == view_id for view in stack):
                return user
        return next((user for user, view in self.homes.items() if view["id"] == view_id), "")

    def close(self, user: str, view_id: str) -> None:
        """Close one modal and what lies on it."""
        stack = self.stacks.get(user, [])
        at = next((i for i, view in enumerate(stack) if view["id"] == view_id), len(stack))
        del stack[at:]
        self._tell(user)

    def clear(self, user: str) -> None:
        """Close all of a user's modals."""
        self.stacks[user] = []
        self._tell(user)

    def _tell(self, user: str) -> None:
        if user in self.homes and not self.stacks.get(user):
            self._feed.publish("home", user=user, view=self.homes[user])
        self._feed.publish("views", user=user, views=copy.deepcopy(self.stacks.get(user, [])))

    @staticmethod
    def _make(view: dict[str, Any], kind: str) -> dict[str, Any]:
        check_view(view)
        if view["type"] != kind:
            raise SlackError(
                "invalid_arguments", [f"[ERROR] must be one of: {kind} [json-pointer:/view/type]"]
            )
        body = {name: copy.deepcopy(view.get(name)) for name in _TAKEN}
        blocks = with_ids(copy.deepcopy(view["blocks"]))
        made: dict[str, Any] = {
            "id": "V0" + secrets.token_hex(5).upper()[:9],
            "team_id": directory.TEAM,
            **body,
            "blocks": blocks,
            "private_metadata": view.get("private_metadata") or "",
            "callback_id": view.get("callback_id") or "",
            "external_id": view.get("external_id") or "",
            "clear_on_close": bool(view.get("clear_on_close")),
            "notify_on_close": bool(view.get("notify_on_close")),
            "previous_view_id": None,
            "root_view_id": None,
            "hash": f"{secrets.randbelow(10**10)}.{secrets.token_hex(4)}",
            "app_id": directory.APP,
            "bot_id": directory.BOT,
            "app_installed_team_id": directory.TEAM,
        }
        made["state"] = {"values": default_state(blocks)}
        return made


def with_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give every block and every element the id that Slack gives to those that have none."""
    for block in blocks:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        parts = [block.get("accessory"), block.get("element"), *(block.get("elements") or [])]
        for part in parts:
            if (
                isinstance(part, dict)
                and block["type"] in {"actions", "section", "input"}
                and part.get("type") != "image"
            ):
                part.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return blocks

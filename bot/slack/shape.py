"""Shape: whether a payload is as Slack makes it, so far as anybody looks into it.

Bolt and the listeners take it for granted; what was forged need not keep to it.
"""

from __future__ import annotations

from typing import Any, Final

_OBJECTS: Final = ("channel", "container", "enterprise", "message", "team", "user", "view")
_TEXTS: Final = ("event_id", "response_url", "text", "trigger_id", "type")


def made_by_slack(body: Any) -> bool:
    """Whether every part that is there is of its own kind."""
    if not isinstance(body, dict):
        return False
    view, actions = body.get("view"), body.get("actions")
    event = body.get("event", {})
    return (
        isinstance(event, dict)
        and _workspaces(body)
        and _workspaces(event)
        and all(isinstance(body.get(name), dict | None) for name in _OBJECTS)
        and all(isinstance(body.get(name), str | None) for name in _TEXTS)
        and isinstance((view or {}).get("private_metadata"), str | None)
        and (actions is None or (isinstance(actions, list) and _objects(actions)))
        and _named(body)
    )


def _named(body: dict[str, Any]) -> bool:
    """Whether what has to have a name has one."""
    kind, view = body.get("type"), body.get("view") or {}
    if "event" in body:
        return isinstance(body["event"].get("type"), str)
    if kind in {"view_submission", "view_closed"}:
        return all(isinstance(view.get(name), str) for name in ("type", "callback_id"))
    if kind in {"shortcut", "message_action"}:
        return isinstance(body.get("callback_id"), str)
    return True


def _workspaces(part: dict[str, Any]) -> bool:
    """Whether it says as Slack does whose it is."""
    authorized = part.get("authorizations")
    listed = isinstance(authorized, list) and all(isinstance(one, dict) for one in authorized)
    return isinstance(part.get("enterprise"), dict | None) and (authorized is None or listed)


def _objects(parts: list[Any]) -> bool:
    return bool(parts) and all(
        isinstance(part, dict)
        and isinstance(part.get("action_id"), str)
        and isinstance(part.get("type", ""), str)
        for part in parts
    )

"""Shape: whether a payload is as Slack makes it, so far as anybody looks into it.

Bolt and the listeners take it for granted; what was forged need not keep to it.
"""

from __future__ import annotations

from typing import Any, Final

_OBJECTS: Final = ("channel", "container", "message", "team", "user", "view")
_TEXTS: Final = ("event_id", "response_url", "text", "trigger_id", "type")


def made_by_slack(body: Any) -> bool:
    """Whether every part that is there is of its own kind."""
    if not isinstance(body, dict):
        return False
    view, actions = body.get("view"), body.get("actions")
    return (
        isinstance(body.get("event", {}), dict)
        and all(isinstance(body.get(name), dict | None) for name in _OBJECTS)
        and all(isinstance(body.get(name), str | None) for name in _TEXTS)
        and isinstance((view or {}).get("private_metadata"), str | None)
        and (actions is None or (isinstance(actions, list) and _objects(actions)))
    )


def _objects(parts: list[Any]) -> bool:
    return bool(parts) and all(isinstance(part, dict) for part in parts)

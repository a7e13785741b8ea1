"""Clicks that no screen would send: what somebody could craft who can send payloads. Pure."""

from __future__ import annotations

import copy
from typing import Any

CHANGEABLE = ("value", "action_id", "user", "channel", "message_ts", "thread_ts")


def forge(payload: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of a click's payload with something else in it.

    Args:
        payload: A `block_actions` payload.
        changes: Any of `CHANGEABLE`; each is changed wherever the payload says it.

    Raises:
        ValueError: One of the changes is none of them.
    """
    unknown = sorted(set(changes) - set(CHANGEABLE))
    if unknown:
        raise ValueError(f"Cannot forge {', '.join(unknown)}; only {', '.join(CHANGEABLE)}.")
    forged = copy.deepcopy(payload)
    container, message = forged.get("container", {}), forged.get("message", {})
    for action in forged["actions"]:
        action |= {name: changes[name] for name in ("value", "action_id") if name in changes}
    if "user" in changes:
        forged["user"]["id"] = changes["user"]
    if "channel" in changes:
        forged.setdefault("channel", {})["id"] = container["channel_id"] = changes["channel"]
    if "message_ts" in changes:
        message["ts"] = container["message_ts"] = changes["message_ts"]
    if "thread_ts" in changes:
        message["thread_ts"] = container["thread_ts"] = changes["thread_ts"]
    return forged

"""What a user chose in an element: the JSON of actions and of `state.values`. Pure.

A *choice* is the plain value that the page or a test hands in: the `value` of an option, a list
of them for checkboxes, a user id, a text, or a date such as `2026-11-22`.
"""

from typing import Any

_STATELESS = {"button", "overflow", "image"}


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The interactive elements of a block."""
    parts = [block.get("accessory"), block.get("element"), *(block.get("elements") or [])]
    if block.get("type") not in {"actions", "section", "input"}:
        return []
    return [part for part in parts if isinstance(part, dict) and part.get("type") != "image"]


def find_element(
    blocks: list[dict[str, Any]], action_id: str, block_id: str = ""
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The block and the element with this action id."""
    for block in blocks:
        if block_id and block.get("block_id") != block_id:
            continue
        for element in elements_of(block):
            if element.get("action_id") == action_id:
                return block, element
    return None


def options_of(element: dict[str, Any]) -> list[dict[str, Any]]:
    """All options of an element, out of their groups."""
    groups = element.get("option_groups") or []
    return list(element.get("options") or []) + [o for g in groups for o in g["options"]]


def chosen(element: dict[str, Any], choice: Any) -> dict[str, Any]:
    """What an action or a state holds for a choice, without type and ids."""
    kind = str(element["type"])
    by_value = {option["value"]: option for option in options_of(element)}
    if kind in {"static_select", "radio_buttons", "overflow"}:
        return {"selected_option": by_value.get(str(choice)) if choice is not None else None}
    if kind in {"checkboxes", "multi_static_select"}:
        return {"selected_options": [by_value[v] for v in choice or [] if v in by_value]}
    if kind == "button":
        return {"value": element["value"]} if "value" in element else {}
    name = {
        "users_select": "selected_user",
        "channels_select": "selected_channel",
        "conversations_select": "selected_conversation",
        "multi_users_select": "selected_users",
        "datepicker": "selected_date",
        "timepicker": "selected_time",
    }.get(kind, "value")
    return {name: choice or None}


def initial_choice(element: dict[str, Any]) -> Any:
    """The choice that an element starts with."""
    if element.get("initial_option"):
        return element["initial_option"]["value"]
    if element.get("initial_options"):
        return [option["value"] for option in element["initial_options"]]
    names = "initial_value initial_user initial_users initial_date initial_time initial_channel"
    for name in [*names.split(), "initial_conversation"]:
        if element.get(name) is not None:
            return element[name]
    return None


def default_state(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """`state.values` before anybody has chosen anything."""
    return state_with(blocks, {})


def state_with(blocks: list[dict[str, Any]], choices: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`state.values` with choices by block id and action id over what the elements start with."""
    values: dict[str, Any] = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in _STATELESS:
                continue
            own = choices.get(block["block_id"], {})
            action_id = element["action_id"]
            choice = own[action_id] if action_id in own else initial_choice(element)
            values.setdefault(block["block_id"], {})[action_id] = {
                "type": element["type"],
                **chosen(element, choice),
            }
    return values


def complaints(blocks: list[dict[str, Any]], values: dict[str, Any]) -> dict[str, str]:
    """What Slack's client refuses to submit, by block id, in its words."""
    found: dict[str, str] = {}
    for block in blocks:
        if block.get("type") != "input":
            continue
        element = block["element"]
        state = values.get(block["block_id"], {}).get(element["action_id"], {})
        value = next((v for name, v in state.items() if name != "type"), None)
        if not value:
            if not block.get("optional"):
                found[block["block_id"]] = "Please complete this required field."
            continue
        if isinstance(value, str) and element["type"] == "plain_text_input":
            if len(value) < element.get("min_length", 0):
                found[block["block_id"]] = f"Enter at least {element['min_length']} characters."
            if len(value) > element.get("max_length", 3000):
                found[block["block_id"]] = f"Enter at most {element['max_length']} characters."
    return found

"""Controls on the page: buttons of whoever runs the sandbox, in a strip that is not Slack's.

The sandbox knows nothing of what they do. Each runs once at a time; every page that is open sees
that it is under way, and what it said at its end.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.errors import SlackError
from bot.sandbox.feed import Feed

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Control:
    """A button on the page.

    Attributes:
        id: By which it is pressed, such as `kill_bot`.
        label: What stands on it.
        hint: What it does, in a few words.
        act: Does it, and returns a sentence that the page shows.
    """

    id: str
    label: str
    hint: str
    act: Callable[[], Awaitable[str]]


class Controls:
    """The controls of one sandbox, and how each stands."""

    def __init__(self, feed: Feed, controls: Sequence[Control] = ()) -> None:
        self._feed = feed
        self._controls = {control.id: control for control in controls}
        self._busy: set[str] = set()
        self._said: dict[str, str] = {}

    def as_page(self) -> list[dict[str, Any]]:
        """What the page shows: `id`, `label`, `hint`, `busy`, and the last sentence, `said`."""
        return [self._shown(control) for control in self._controls.values()]

    async def press(self, identity: str) -> str:
        """Do what a control does; its sentence.

        Raises:
            SlackError: `control_not_found`, `control_busy`, or the sentence of its failure.
        """
        control = self._controls.get(identity)
        if control is None:
            raise SlackError("control_not_found")
        if identity in self._busy:
            raise SlackError("control_busy")
        self._busy.add(identity)
        self._tell(control)
        try:
            self._said[identity] = await control.act()
        except Exception as error:
            # Whatever went wrong is another's: the page hears a sentence, the log the rest.
            _log.exception("The control %s failed.", identity)
            self._said[identity] = f"{control.label} failed: {error}"
            raise SlackError(self._said[identity]) from error
        finally:
            self._busy.discard(identity)
            self._tell(control)
        return self._said[identity]

    def _tell(self, control: Control) -> None:
        self._feed.publish("control", control=self._shown(control))

    def _shown(self, control: Control) -> dict[str, Any]:
        return {
            "id": control.id,
            "label": control.label,
            "hint": control.hint,
            "busy": control.id in self._busy,
            "said": self._said.get(control.id, ""),
        }

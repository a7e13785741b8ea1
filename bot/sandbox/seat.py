"""One user at the page, from Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.sandbox.directory import CHAOS

if TYPE_CHECKING:
    from bot.sandbox.client import SandboxClient

Json = dict[str, Any]


class SandboxUser:
    """One user at the page."""

    def __init__(self, client: SandboxClient, user: str) -> None:
        self.client = client
        self.id = user

    async def command(self, line: str, channel: str = CHAOS, *, thread_ts: str = "") -> None:
        """Type a slash command; returns when the app has acknowledged it or failed to."""
        await self._act("command", channel=channel, text=line, thread_ts=thread_ts)

    async def say(self, text: str, channel: str = CHAOS, *, thread_ts: str = "") -> str:
        """Post a message; its timestamp."""
        body = await self._act("message", channel=channel, text=text, thread_ts=thread_ts)
        return str(body["ts"])

    async def click(  # noqa: PLR0913  what there is to a click, by name
        self,
        ts: str,
        action_id: str,
        channel: str = CHAOS,
        *,
        choice: Any = None,
        block_id: str = "",
        times: int = 1,
        old_screen: bool = False,
        forged: Json | None = None,
    ) -> None:
        """Click or choose in a message; returns when the app has acknowledged it or failed to.

        Args:
            ts: The message.
            action_id: What is clicked.
            channel: Where the message stands.
            choice: What is chosen, if it is no button.
            block_id: Which block, if the action stands in several.
            times: How often the very same payload is sent, at once; it has one trigger id.
            old_screen: Whether to click what the message showed once, and does not any more.
            forged: What to change in the payload, as somebody could who crafts it: `value`,
                `action_id`, `user`, `channel`, `message_ts`, `thread_ts`.
        """
        await self._act(
            "action",
            channel=channel,
            ts=ts,
            action_id=action_id,
            choice=choice,
            block_id=block_id,
            times=times,
            old_screen=old_screen,
            forged=forged or {},
        )

    async def click_in_view(self, view_id: str, action_id: str, *, choice: Any = None) -> None:
        """Click or choose in a modal or in App Home."""
        await self._act("action", view_id=view_id, action_id=action_id, choice=choice)

    async def submit(self, view_id: str, choices: dict[str, dict[str, Any]] | None = None) -> Json:
        """Submit a modal with choices by block id and action id; `errors` in the answer if any."""
        return await self._act("submit", view_id=view_id, choices=choices or {})

    async def close(self, view_id: str) -> None:
        """Close a modal."""
        await self._act("close", view_id=view_id)

    async def react(self, ts: str, name: str, channel: str = CHAOS) -> None:
        """Add a reaction, or take one's own away."""
        await self._act("reaction", channel=channel, ts=ts, name=name)

    async def shortcut(self, callback_id: str, *, channel: str = CHAOS, ts: str = "") -> None:
        """Use a shortcut, on a message if `ts` is given."""
        await self._act("shortcut", callback_id=callback_id, channel=channel, ts=ts)

    async def open_home(self) -> None:
        """Open the app's Home tab."""
        await self._act("home")

    async def ephemerals(self) -> list[Json]:
        """What only this user can see."""
        body = await self.client.get("ephemerals", user=self.id)
        return list(body["ephemerals"])

    async def views(self) -> list[Json]:
        """The open modals, the topmost last."""
        return list((await self.client.get("views", user=self.id))["views"])

    async def home(self) -> Json | None:
        """The App Home, if one is published."""
        home: Json | None = (await self.client.get("views", user=self.id))["home"]
        return home

    async def until_ephemeral(
        self, accept: Callable[[Json], bool] = bool, timeout: float = 20.0
    ) -> Json:
        """The first ephemeral message that `accept` takes."""

        async def probe() -> Json | None:
            return next((m for m in await self.ephemerals() if accept(m)), None)

        return await self.client.until(probe, timeout)

    async def until_view(
        self, accept: Callable[[Json], bool] = bool, timeout: float = 20.0
    ) -> Json:
        """The topmost modal, when there is one that `accept` takes."""

        async def probe() -> Json | None:
            views = await self.views()
            return views[-1] if views and accept(views[-1]) else None

        return await self.client.until(probe, timeout)

    async def _act(self, name: str, /, **body: Any) -> Json:
        return await self.client.act(name, user=self.id, **body)

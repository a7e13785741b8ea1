"""Act in the sandbox as a user, and see what stands there: the door of the page, from Python.

    async with SandboxClient(sandbox.url) as client:
        starter = client.user(STARTER)
        await starter.command("/chaos status")
        message = await client.until_message(CHAOS, lambda m: "well" in m["text"])

Waiting goes by the live feed: nothing polls, nothing sleeps.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from bot.sandbox.directory import CHAOS

Json = dict[str, Any]
_Found = TypeVar("_Found")


class DoorError(Exception):
    """The sandbox refused, with Slack's code for it."""


class SandboxClient:
    """A connection to a running sandbox."""

    def __init__(self, url: str) -> None:
        """Take the sandbox's `url`, such as `http://127.0.0.1:3000`."""
        self.url = url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._http:
            await self._http.close()

    def user(self, user: str) -> "SandboxUser":
        """Sit down as a user, by id."""
        return SandboxUser(self, user)

    async def state(self, user: str) -> Json:
        """Everything that a user's page shows."""
        return await self.get("state", user=user)

    async def messages(self, channel: str = CHAOS, *, versions: bool = False) -> list[Json]:
        """Every message of a channel, replies too; with `versions`, each with its edits."""
        body = await self.get("messages", channel=channel, versions=str(int(versions)))
        return list(body["messages"])

    async def thread(self, channel: str, ts: str, *, versions: bool = False) -> list[Json]:
        """A root and its replies, oldest first."""
        versioned = str(int(versions))
        body = await self.get("messages", channel=channel, thread=ts, versions=versioned)
        return list(body["messages"])

    async def calls(self, method: str = "") -> list[Json]:
        """The Web API calls so far: `at`, `method`, `arguments`, `answer`."""
        body = await self.get("calls", **({"method": method} if method else {}))
        return list(body["calls"])

    async def fault(self, method: str, **fault: Any) -> None:
        """Make a method misbehave: `times`, `status`, `retry_after`, `error`, `seconds`, `after`."""
        await self.act("faults", method=method, **fault)

    async def clear_faults(self) -> None:
        """Forget the faults that still wait."""
        await self.act("faults", clear=True)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask the app to reconnect, as Slack does."""
        await self.act("sockets", disconnect=reason)

    async def close_sockets(self) -> None:
        """Break the app's sockets off."""
        await self.act("sockets", close=True)

    async def until(
        self, probe: Callable[[], Awaitable[_Found | None]], timeout: float = 10.0
    ) -> _Found:
        """What `probe` finds, asked again after every change.

        Raises:
            TimeoutError: It found nothing within `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            async with self._session.ws_connect(f"{self.url}/page/live") as feed:
                await feed.receive_json()
                while True:
                    found = await probe()
                    if found:
                        return found
                    await feed.receive_json()

    async def until_message(
        self,
        channel: str,
        accept: Callable[[Json], bool],
        *,
        thread: str = "",
        timeout: float = 10.0,
    ) -> Json:
        """The first message that `accept` takes, in the channel or in one of its threads."""

        async def probe() -> Json | None:
            found = await (self.thread(channel, thread) if thread else self.messages(channel))
            return next((message for message in found if accept(message)), None)

        return await self.until(probe, timeout)

    async def until_connected(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until the app has `count` sockets open."""

        async def probe() -> bool:
            return int((await self.act("sockets"))["count"]) >= count

        await self.until(probe, timeout)

    async def get(self, name: str, **query: str) -> Json:
        """Read at the door."""
        async with self._session.get(f"{self.url}/page/api/{name}", params=query) as answer:
            return dict(await answer.json())

    async def act(self, name: str, /, **body: Any) -> Json:
        """Act at the door.

        Raises:
            DoorError: It was refused.
        """
        async with self._session.post(f"{self.url}/page/api/{name}", json=body) as answer:
            given = dict(await answer.json())
        if "error" in given and name != "submit":
            raise DoorError(given["error"])
        return given

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("Use it as `async with SandboxClient(url) as client`.")
        return self._http


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

    async def click(
        self,
        ts: str,
        action_id: str,
        channel: str = CHAOS,
        *,
        choice: Any = None,
        block_id: str = "",
    ) -> None:
        """Click or choose in a message; returns when the app has acknowledged it or failed to."""
        await self._act(
            "action", channel=channel, ts=ts, action_id=action_id, choice=choice, block_id=block_id
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
        self, accept: Callable[[Json], bool] = bool, timeout: float = 10.0
    ) -> Json:
        """The first ephemeral message that `accept` takes."""

        async def probe() -> Json | None:
            return next((m for m in await self.ephemerals() if accept(m)), None)

        return await self.client.until(probe, timeout)

    async def until_view(
        self, accept: Callable[[Json], bool] = bool, timeout: float = 10.0
    ) -> Json:
        """The topmost modal, when there is one that `accept` takes."""

        async def probe() -> Json | None:
            views = await self.views()
            return views[-1] if views and accept(views[-1]) else None

        return await self.client.until(probe, timeout)

    async def _act(self, name: str, /, **body: Any) -> Json:
        return await self.client.act(name, user=self.id, **body)

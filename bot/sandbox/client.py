"""Act in the sandbox as a user, and see what stands there: the door of the page, from Python.

    async with SandboxClient(sandbox.url) as client:
        starter = client.user(STARTER)
        await starter.command("/chaos status")
        message = await client.until_message(CHAOS, lambda m: "well" in m["text"])

Waiting goes by the live feed: nothing polls, and nothing sleeps unless the sandbox is away.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from bot.sandbox.directory import CHAOS
from bot.sandbox.seat import SandboxUser

__all__ = ["DoorError", "SandboxClient", "SandboxUser"]

Json = dict[str, Any]
_AWAY = 0.1  # seconds between two attempts while the sandbox is away
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

    def user(self, user: str) -> SandboxUser:
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

    async def deliveries(self, kind: str = "") -> list[Json]:
        """What was sent to the app so far, oldest first.

        Each has `at`, `kind` (`slash_commands`, `interactive`, `events_api`), `payload`, `attempt`,
        and, if it went to the request URL, `url`, `headers` and `body` as they were.
        """
        body = await self.get("deliveries", **({"kind": kind} if kind else {}))
        return list(body["deliveries"])

    async def post_again(self, delivery: Json, **headers: str) -> int:
        """Send a request to the request URL once more, byte for byte; the app's status.

        Args:
            delivery: One of `deliveries`; with another `body`, it is a forged one.
            headers: What to change in its headers, with `_` for `-`: `X_Slack_Signature="v0=..."`.
        """
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = self._session.post(
            delivery["url"],
            data=delivery["body"].encode(),
            headers={**delivery["headers"], **changed},
        )
        async with sent as answer:
            return answer.status

    async def deliver(
        self, kind: str, payload: Json, *, attempt: int = 0, reason: str = ""
    ) -> Json:
        """Send the app any payload, whether it happened or not; what it acknowledges with.

        Args:
            kind: `slash_commands`, `interactive` or `events_api`.
            payload: Such as that of one of `deliveries`, as it was or altered.
            attempt: For events: which retry this is.
            reason: For events: why it is sent again.

        Raises:
            DoorError: It was not acknowledged.
        """
        body = await self.act("deliver", kind=kind, payload=payload, attempt=attempt, reason=reason)
        return dict(body["answer"])

    async def use_request_url(self, url: str) -> None:
        """Deliver over HTTP from now on, to an app that answers the challenge; `""` ends it.

        Raises:
            DoorError: `challenge_failed`, or `no_signing_secret` was given at the start.
        """
        await self.act("request_url", url=url)

    async def control(self, identity: str) -> str:
        """Press one of the page's controls; the sentence that it ends with.

        Raises:
            DoorError: `control_not_found`, `control_busy`, or the sentence of its failure.
        """
        return str((await self.act("control", id=identity))["said"])

    async def deactivate(self, user: str) -> None:
        """Deactivate a user; what they do here still reaches the app, for it to refuse."""
        await self.act("person", person=user, deleted=True)

    async def reactivate(self, user: str) -> None:
        """Take a deactivation back."""
        await self.act("person", person=user, deleted=False)

    async def set_members(self, group: str, users: Sequence[str]) -> None:
        """Say who is in a user group."""
        await self.act("group", group=group, users=list(users))

    async def fault(self, method: str, **fault: Any) -> None:
        """Make methods misbehave.

        Args:
            method: A method, a pattern such as `chat.*`, or `*`.
            fault: `times` or `lasting`; `status`, `retry_after`, `error`, `seconds`, `drop`,
                `after`. See `bot.sandbox.faults.Fault`.
        """
        await self.act("faults", method=method, **fault)

    async def clear_faults(self) -> None:
        """Forget the faults that still wait."""
        await self.act("faults", clear=True)

    async def disconnect(
        self, reason: str = "refresh_requested", *, within: float | None = None
    ) -> None:
        """Ask the app to reconnect, as Slack does, and close its sockets `within` seconds."""
        limit = {} if within is None else {"within": within}
        await self.act("sockets", disconnect=reason, **limit)

    async def close_sockets(self) -> None:
        """Break the app's sockets off."""
        await self.act("sockets", close=True)

    async def refuse_sockets(self, count: int = 1) -> None:
        """Let the next connections fail; each uses its ticket up, which is good for no other."""
        await self.act("sockets", refuse=count)

    async def away(self, seconds: float) -> None:
        """Let Slack be away from now on, and come back on the same port after so many seconds."""
        await self.act("away", seconds=seconds)

    async def until(
        self, probe: Callable[[], Awaitable[_Found | None]], timeout: float = 20.0
    ) -> _Found:
        """What `probe` finds, asked again after every change.

        While the sandbox is away it waits for it to come back.

        Raises:
            TimeoutError: It found nothing within `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                    async with self._session.ws_connect(f"{self.url}/page/live") as feed:
                        async for _ in feed:  # the first says hello
                            found = await probe()
                            if found:
                                return found
                await asyncio.sleep(_AWAY)

    async def until_message(
        self,
        channel: str,
        accept: Callable[[Json], bool],
        *,
        thread: str = "",
        timeout: float = 20.0,
    ) -> Json:
        """The first message that `accept` takes, in the channel or in one of its threads."""

        async def probe() -> Json | None:
            found = await (self.thread(channel, thread) if thread else self.messages(channel))
            return next((message for message in found if accept(message)), None)

        return await self.until(probe, timeout)

    async def until_connected(self, count: int = 1, timeout: float = 20.0) -> None:
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

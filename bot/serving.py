"""Serving: the bot against Slack, from its start to its end in order.

lock -> guardian -> engine (what was left is taken up, and goes on) -> schedule -> Slack
the end: listen to nobody -> restore everything, or hand it over -> paint the last words -> close
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bot.app import Ended, alone, assembled, policy_of, safe, unless
from bot.engine.chaos import Chaos
from bot.engine.patience import cancelled
from bot.guarded import Guardian
from bot.schedule import Schedule
from bot.settings import Settings
from bot.slack import Access, SlackBot
from bot.slack.access import SlackAway

log = logging.getLogger(__name__)

_FIRST_RETRY, _LAST_RETRY = 1.0, 15.0  # seconds


class Ending:
    """Somebody's wish that the bot ends: `asked`, and what is to become of what is in flight."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.restores = True

    def ask(self, *, restores: bool) -> None:
        """End; `restores`: every node first, else the next process goes on. The first wish counts."""
        if not self.asked.is_set():
            self.restores = restores
            self.asked.set()


async def serve(settings: Settings, ending: Ending, *, http: int | None = None) -> None:
    """The bot against Slack, until its end is asked for. `http`: the port of HTTP mode.

    Raises ChaosError.
    """
    access, stop = _access(settings, http), ending.asked
    async with (
        alone(settings.prepare_home(), "serve", stop) as lock,
        Guardian(settings.home, settings.guardian, lock) as guardian,
        assembled(settings, policy_of(settings), stop=stop) as chaos,
    ):
        for taken in await chaos.take_up():
            log.warning("Run %d was left unfinished: %s.", taken.run, taken.what)
        bot = SlackBot(chaos, access)
        chaos.contact.heard("Slack")  # who never answers is silent from now on
        async with safe(chaos, settings.deadman), _watching(chaos, settings.monitor):
            try:
                await _listen(bot, chaos, stop)
                await bot.stop_listening()
                await _end(chaos, guardian, settings.shutdown, restores=ending.restores)
            finally:
                await bot.close()


async def _listen(bot: SlackBot, chaos: Chaos, stop: asyncio.Event) -> None:
    """Until `stop`. Raises SettingsError."""
    with suppress(Ended):  # while Slack was away
        await _connect(bot, chaos, stop)
        where = f" at port {bot.port}" if bot.port else ""
        log.warning("Serving %s as %s%s. Ctrl-C ends it.", bot.team, bot.name, where)
        gc.freeze()  # what is here stays: no collection needs to look at it again
        await stop.wait()


def _access(settings: Settings, http: int | None) -> Access:
    if http is None:
        bot, app = settings.slack_tokens()
        return Access(
            bot_token=bot,
            app_token=app,
            api_url=settings.slack_api_url,
            secrets=settings.secrets(),
        )
    bot, secret = settings.slack_http()
    return Access(
        bot_token=bot,
        signing_secret=secret,
        http=(settings.http_host, http),
        api_url=settings.slack_api_url,
        secrets=settings.secrets(),
    )


async def _connect(bot: SlackBot, chaos: Chaos, stop: asyncio.Event) -> None:
    """Connect to Slack; while it is away, again and again if something is in flight."""
    in_flight, wait = False, _FIRST_RETRY
    while True:
        try:
            await unless(stop, bot.start())
        except SlackAway as error:
            in_flight = in_flight or await _in_flight(chaos)
            if not in_flight:
                raise
            log.warning("%s It is tried again in %g s: runs go on.", error.whole, wait)
        else:
            return
        await unless(stop, asyncio.sleep(wait))
        wait = min(wait * 2, _LAST_RETRY)


async def _in_flight(chaos: Chaos) -> bool:
    return bool(chaos.living) or bool(await chaos.recovery.left_behind(kept_down=False))


async def _end(chaos: Chaos, guardian: Guardian, seconds: float, *, restores: bool) -> None:
    """Restore everything, or leave it to the next process, which has a guardian to rely on."""
    if restores or not guardian.alive:
        log.warning("Ending: every node is restored first.")
        await chaos.close()
        return
    runs = chaos.living
    try:
        async with asyncio.timeout(seconds):
            await chaos.hand_over()
    except TimeoutError:
        log.warning("After %g s something is still being put right: waiting for it.", seconds)
        await chaos.close()
    for run in runs:
        if run.report.finished:
            continue
        log.warning(
            "Run %d is handed over: whoever starts next goes on with it.%s",
            run.report.run,
            f" If nobody does, the guardian restores {run.report.node_label} after "
            f"{guardian.seconds:g} s."
            if run.report.broken
            else "",
        )


@asynccontextmanager
async def _watching(chaos: Chaos, seconds: float) -> AsyncIterator[None]:
    """Check every cluster on an interval and on every change; a failure is logged."""
    async with Schedule(chaos.check, seconds=seconds, failed=_check_failed):
        following = asyncio.create_task(chaos.follow(_check_failed))
        try:
            yield
        finally:
            await cancelled(following)


def _check_failed(error: Exception) -> None:
    log.error("The cluster could not be checked: %s", error, exc_info=error)

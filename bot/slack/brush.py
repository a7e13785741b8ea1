"""The brush: makes one stroke, and knows what each failure means for the next one.

Posting is idempotent. That a message is meant to be posted is journalled before, and where it stands
after. One that may have been posted already (an answer was lost, the process was killed before it
could note where it stands) is looked for first; where Slack does not let us look, it is left as it
may stand: no message ever stands twice.
"""

from __future__ import annotations

import logging
from typing import Final

from bot.domain.errors import JournalError
from bot.engine.ports import Clock, Journal
from bot.slack.budget import Bucket, Budgets
from bot.slack.thread import Key
from bot.slack.wall import Kind, Picture, Place, Stroke
from bot.slack.web_api import Gone, Hopeless, Paced, Uncertain, WebApi

log = logging.getLogger(__name__)

_LONGEST_BACKOFF: Final = 60.0
_HOPELESS_AGAIN: Final = 60.0  # seconds; somebody may have invited us by then


class Brush:
    """Paints strokes, one at a time."""

    def __init__(self, web: WebApi, journal: Journal, clock: Clock) -> None:
        self.budgets = Budgets()
        self._web = web
        self._journal = journal
        self._clock = clock
        self._reported: set[tuple[int, str]] = set()

    async def paint(self, stroke: Stroke) -> None:
        """Make a stroke. Never raises: a failure says when to try again."""
        picture, wall = stroke.picture, stroke.wall
        bucket = self._bucket(stroke)
        painted = True
        try:
            if picture.place is None:
                painted = await self._post(stroke)
            else:
                bucket.take(self._clock.monotonic())
                await self._web.update(picture.place.channel, picture.place.ts, stroke.desired)
        except Paced as pause:
            log.info("Run %d, %s: %s", wall.report.run, picture.key, pause)
            looking = stroke.kind is Kind.POST and picture.doubtful
            shut = self.budgets.lookups if looking else bucket
            shut.shut(self._clock.monotonic(), pause.seconds)
        except Uncertain as error:
            picture.doubtful = picture.doubtful or stroke.kind is Kind.POST
            self._later(picture)
            log.warning("Run %d, %s: %s; trying again.", wall.report.run, picture.key, error)
        except Gone:
            self._deleted(stroke)
        except Hopeless as error:
            self._hopeless(stroke, error)
        except Exception:  # a defect in one message must not end the painting of the others
            self._later(picture)
            log.exception("Run %d, %s cannot be painted.", wall.report.run, picture.key)
        else:
            if painted:
                picture.succeeded(stroke.desired, self._clock.monotonic())
            if picture.key is Key.ROOT:
                wall.trouble = ""
                wall.appeared.set()

    def _bucket(self, stroke: Stroke) -> Bucket:
        if stroke.kind is Kind.POST:
            return self.budgets.post(stroke.wall.channel)
        return self.budgets.updates

    async def _post(self, stroke: Stroke) -> bool:
        """Post, unless it stands already; whether it now says what it should."""
        picture, wall = stroke.picture, stroke.wall
        root = wall.root
        thread_ts = root.ts if root and stroke.desired.in_thread else None
        channel = root.channel if root else wall.channel
        if picture.doubtful:
            found = await self._find(stroke, channel, thread_ts)
            picture.doubtful = False
            if found:
                await self._note(stroke, Place(channel=channel, ts=found))
                return False
        await self._intend(stroke, channel)
        self.budgets.post(wall.channel).take(self._clock.monotonic())
        where, ts = await self._web.post(
            channel, stroke.desired, wall.label(picture.key), thread_ts
        )
        await self._note(stroke, Place(channel=where, ts=ts))
        return True

    async def _intend(self, stroke: Stroke, channel: str) -> None:
        """Note that the message is about to be posted; a journal that cannot does not lose it."""
        picture, run = stroke.picture, stroke.wall.report.run
        if picture.intended:
            return
        try:
            await self._journal.intend_message(run, picture.key.value, channel)
            picture.intended = True
        except JournalError as error:
            log.error("Run %d: that %s is to be posted was not noted: %s", run, picture.key, error)  # noqa: TRY400 - a sentence, no traceback

    async def _find(self, stroke: Stroke, channel: str, thread_ts: str | None) -> str | None:
        self.budgets.lookups.take(self._clock.monotonic())
        label = stroke.wall.label(stroke.picture.key)
        try:
            return await self._web.find(channel, label, thread_ts)
        except Hopeless as error:
            if (label.run, error.code) not in self._reported:
                self._reported.add((label.run, error.code))
                log.error(  # noqa: TRY400 - a sentence, no traceback
                    "Run %d: %s may stand already, and Slack does not let us look for it: %s. "
                    "It is not posted again.",
                    label.run,
                    label.key,
                    error.code,
                )
            raise

    async def _note(self, stroke: Stroke, place: Place) -> None:
        stroke.picture.place = place
        try:
            await self._journal.remember_message(
                stroke.wall.report.run, stroke.picture.key.value, place.channel, place.ts
            )
        except JournalError as error:
            log.error("Where %s stands was not noted: %s", stroke.picture.key, error)  # noqa: TRY400 - a sentence, no traceback

    def _deleted(self, stroke: Stroke) -> None:
        """Somebody deleted the message: it is posted anew, once."""
        picture, wall, run = stroke.picture, stroke.wall, stroke.wall.report.run
        if picture.reposted:
            picture.hopeless = True
            picture.retry_at = self._clock.monotonic() + _HOPELESS_AGAIN
            self._report(run, picture.key, "message_not_found")
            return
        log.info("Run %d: somebody deleted %s; it is posted anew.", run, picture.key)
        picture.place, picture.painted, picture.reposted = None, None, True
        picture.doubtful = wall.taken_up  # an earlier process may have posted it anew already

    def _hopeless(self, stroke: Stroke, error: Hopeless) -> None:
        """Something that only a person can mend; a content that Slack refuses is not repeated."""
        picture, wall = stroke.picture, stroke.wall
        if error.about_content:
            same = picture.refused == stroke.desired.essence
            picture.refusals = picture.refusals + 1 if same else 1
            picture.refused = stroke.desired.essence
            self._later(picture)
        else:
            picture.hopeless = True
            picture.retry_at = self._clock.monotonic() + _HOPELESS_AGAIN
        if picture.key is Key.ROOT:
            wall.trouble = error.code
            wall.appeared.set()
        self._report(wall.report.run, picture.key, error.code)

    def _report(self, run: int, key: Key, code: str) -> None:
        if (run, code) not in self._reported:
            self._reported.add((run, code))
            log.error("Run %d: Slack does not let us paint %s: %s.", run, key, code)

    def _later(self, picture: Picture) -> None:
        wait = min(_LONGEST_BACKOFF, 2.0**picture.failures)
        picture.failures += 1
        picture.retry_at = self._clock.monotonic() + wait

"""Votes: what becomes of a broken node, said with a button, a command or a mention. One path for all.

Who votes is asked of Slack, whether it counts of the engine; what is refused is told and recorded.
"""

from __future__ import annotations

from typing import Final

from bot.domain.approval import Decision, Voter
from bot.domain.errors import Undecidable
from bot.engine.chaos import Chaos
from bot.slack.answers import Asked
from bot.slack.memory import Memory
from bot.slack.mrkdwn import Markup, code
from bot.slack.people import People
from bot.slack.question import undecided
from bot.slack.thread import Key

RESTORE: Final = "restore"  # what is wanted of a node that was kept down


class Votes:
    """Takes votes to the engine. All methods raise ChaosError."""

    def __init__(self, chaos: Chaos, people: People, memory: Memory) -> None:
        self._chaos = chaos
        self._people = people
        self._memory = memory

    async def cast(self, run: int | None, decision: Decision, asked: Asked) -> Markup:
        """Vote; None: about the only run that waits. What the voter is to be told."""
        if run is None:
            run = await self._waiting(decision, asked)
        voter = await self._voter(run, decision.value, asked)
        decided = await self._chaos.decide(run, decision, voter)
        if decided is None:
            return await self._counted(run, decision, asked.user)
        if decided is Decision.KEPT_DOWN:
            command = code(f"/chaos restore {run}")
            return Markup(f"The node of run {run} stays down. {command} brings it back.")
        return Markup(f"The node of run {run} is being restored; its thread shows how it goes.")

    async def restore(self, run: int | None, asked: Asked) -> Markup:
        """Bring back a node that was kept down; None: the only one. What to tell."""
        if run is None:
            run = await self._kept_down(asked)
        await self._chaos.restore(run, await self._voter(run, RESTORE, asked))
        return Markup(f"The node of run {run} is being restored; its thread shows how it goes.")

    async def resume(self, asked: Asked) -> None:
        """End a halt."""
        await self._chaos.resume(await self._voter(None, "resume", asked))

    async def own_message(self, run: int, key: Key, wanted: str, asked: Asked) -> None:
        """Refuse a click that does not come from the run's own message: somebody made it up."""
        stands = await self._chaos.journal.message(run, key.value)
        if stands and stands != (asked.channel, asked.message_ts):
            why = f"That click does not come from the message of run {run}."
            await self._chaos.refuse(run, asked.user, wanted, why)

    async def replayed(self, run: int | None, wanted: str, asked: Asked) -> None:
        """Refuse what was heard before; once, however often it comes."""
        if not self._memory.again(f"replayed {asked.trigger_id}"):
            why = "That very payload was heard before; it counts once."
            await self._chaos.refuse(run, asked.user, wanted, why)

    async def _voter(self, run: int | None, wanted: str, asked: Asked) -> Voter:
        try:
            return await self._people.voter(asked.user, asked.channel)
        except Undecidable as error:
            await self._chaos.refuse(run, asked.user, wanted, error.whole)

    async def _waiting(self, decision: Decision, asked: Asked) -> int:
        waiting = [run.report for run in self._chaos.living if undecided(run.report)]
        here = [report for report in waiting if report.channel == asked.channel]
        return await self._only([r.run for r in here or waiting], decision.value, asked)

    async def _kept_down(self, asked: Asked) -> int:
        living = {run.report.run for run in self._chaos.living}
        broken = [run for run, _ in await self._chaos.journal.open_injections()]
        return await self._only([r for r in broken if r not in living], RESTORE, asked)

    async def _only(self, runs: list[int], wanted: str, asked: Asked) -> int:
        if len(runs) != 1:
            none = "No node is kept down." if wanted == RESTORE else "No run waits for an approval."
            numbers = ", ".join(str(run) for run in runs)
            why = f"There are several runs: {numbers}. Name one." if runs else none
            await self._chaos.refuse(None, asked.user, wanted, why)
        return runs[0]

    async def _counted(self, run: int, decision: Decision, user: str) -> Markup:
        report = await self._chaos.report(run)
        alike = [vote.by for vote in report.votes if vote.decision is decision]
        place, needed = alike.index(user) + 1, report.policy.needed
        left = needed - place
        what = "approval" if decision is Decision.APPROVED else "vote to keep it down"
        more = "one more is" if left == 1 else f"{left} more are"
        return Markup(f"{place} of {needed}: your {what} counts; {more} needed.")

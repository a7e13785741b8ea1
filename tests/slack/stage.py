"""A stage: the bot at work in the sandbox, with an engine on a small world, for tests to act on."""

from __future__ import annotations

from dataclasses import dataclass

from bot.engine.chaos import Chaos
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import CHAOS, STARTER
from bot.sandbox.server import Sandbox
from bot.slack import SlackBot
from bot.slack.buttons import Action
from tests.clocks import ManualClock
from tests.engine.world import World


class Defective(World):
    """A world whose backend has a defect once it is asked to."""

    defect = False

    async def nodes(self):
        if self.defect:
            raise KeyError("a secret detail")
        return await super().nodes()


@dataclass
class Stage:
    """Everything that a test acts with."""

    clock: ManualClock
    world: Defective
    chaos: Chaos
    bot: SlackBot
    sandbox: Sandbox
    client: SandboxClient

    def user(self, user):
        return self.client.user(user)

    def messages(self):
        return list(self.sandbox.slack.workspace.channels[CHAOS].messages.values())

    def message(self, key, run=1):
        wanted = {"run": run, "key": key}
        for message in self.messages():
            payload = (message.metadata or {}).get("event_payload", {})
            if wanted.items() <= payload.items():
                return message
        return None

    def offered(self, key, run=1):
        message = self.message(key, run)
        blocks = message.blocks if message else ()
        parts = [part for b in blocks if b["type"] == "actions" for part in b["elements"]]
        return {part["action_id"] for part in parts}

    async def until(self, probe, seconds=600, step=0.5):
        """Let the clock go on until something is so; each look is a round trip to the sandbox."""
        ends = self.clock.monotonic() + seconds
        while not (found := probe()):
            assert self.clock.monotonic() < ends, [m.text for m in self.messages()]
            await self.clock.advance(step)
            await self.client.get("views", user=STARTER)
        return found

    async def asked(self):
        """A run that waits for its approval."""
        await self.user(STARTER).command('/chaos kill tikv-1 "a test"')
        await self.until(lambda: Action.APPROVE in self.offered("diagnosis"))

    async def told(self, user, *words):
        """What only this user sees, once it has all these words in it."""
        found = await self.user(user).until_ephemeral(lambda m: all(w in m["text"] for w in words))
        return found["text"]

"""Partition: a node is taken off all its networks. It runs on and reaches nobody.

It is connected again as it was, with its aliases and addresses: without the alias nobody would find
it by its name, although it runs and has a network (seen on a real engine). That is why the receipt
holds them; the engine itself forgets them with the connection.
"""

from __future__ import annotations

from typing import Final

from bot.cluster.faults.reviving import revive
from bot.cluster.faults.runtime import Remedy, Runtime, still_it
from bot.domain.fault import Injection, Support

# The engine's own networks give no names: what is taken off them cannot be put back as it was.
_BUILT_IN: Final = frozenset({"bridge", "host", "none"})


class Partition:
    """Off each network, and onto each of them again to undo it."""

    remedy = Remedy.CONNECT

    def supported_by(self, runtime: Runtime) -> Support:
        """Only where nodes have networks of their own."""
        return Support(supported=not runtime.no_networks, why_not=runtime.no_networks)

    def obstacle(self, injection: Injection) -> str:
        """Why this very node cannot be taken off its networks; "" if it can."""
        networks = injection.container.networks if injection.container else ()
        if not networks:
            return "it is on no network of its own"
        built_in = ", ".join(a.name for a in networks if a.name in _BUILT_IN)
        if built_in:
            return f'it is on the engine\'s own network "{built_in}", not on one of its project'
        return ""

    async def inject(self, runtime: Runtime, injection: Injection) -> None:
        """Take the node off its networks, one after another."""
        still_it(injection.node, await runtime.node(injection.node.name))
        for attachment in injection.container.networks if injection.container else ():
            await runtime.detach(injection.node.name, attachment)

    async def undo(self, runtime: Runtime, injection: Injection) -> None:
        """Hang the node on its networks again, and see that it runs."""
        for attachment in injection.container.networks if injection.container else ():
            await runtime.attach(injection.node.name, attachment)
        await revive(runtime, injection.node.name)

"""Anywhere: what faults have in common that every runtime can do to every node."""

from __future__ import annotations

from bot.cluster.faults.runtime import Runtime
from bot.domain.fault import Injection, Support


class Anywhere:
    """Nothing stands in the way; an engine that cannot says so when it is asked."""

    def supported_by(self, runtime: Runtime) -> Support:  # noqa: ARG002 - the same for all of them
        """Every runtime signals, stops, freezes and starts nodes."""
        return Support(supported=True)

    def obstacle(self, injection: Injection) -> str:  # noqa: ARG002 - the same for all of them
        """No node is out of reach."""
        return ""

"""A runtime: what runs the nodes, and what can be done there to one of them."""

from __future__ import annotations

from signal import Signals
from typing import Protocol

from bot.domain.cluster import Node


class Runtime(Protocol):
    """Processes under a supervisor, containers under an engine. All methods raise ClusterError."""

    async def node(self, name: str) -> Node:
        """The node as it is now."""

    async def send(self, name: str, signal: Signals) -> None:
        """Send a signal to a node's process. A node that is not running is a BadAnswer."""

    async def start(self, name: str) -> None:
        """Start a node that has exited; one that runs is left alone."""

"""A loopback port that can fall silent, as if Slack were away, and come back.

While it is silent the port stays taken by a socket that does not listen: every connection is
refused, and nobody else gets the number meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket

from aiohttp import web

_ANSWERED = 0.05  # seconds in which who asked for the silence gets the answer


class Port:
    """The port that the sandbox listens on."""

    def __init__(self, app: web.Application, host: str) -> None:
        self._host = host
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        self._site: web.BaseSite | None = None
        self._kept: socket.socket | None = None
        self.number = 0

    async def open(self, number: int) -> None:
        """Listen; 0 lets the system choose.

        Raises:
            OSError: The port is taken.
        """
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, self._host, number)
        try:
            await self._site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.number = int(self._runner.addresses[0][1])

    async def fall_silent(self) -> None:
        """Refuse every further connection, and break off those that are open."""
        if self._site is None:
            return
        await self._site.stop()
        self._site = None
        self._kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would let others in
            self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind((self._host, self.number))
        for connection in self._runner.server.connections if self._runner.server else []:
            if connection.transport:
                connection.transport.abort()

    async def come_back(self) -> None:
        """Listen again where it did."""
        if self._kept is None:
            return
        self._site, self._kept = web.SockSite(self._runner, self._kept), None
        await self._site.start()

    async def be_away(self, seconds: float) -> None:
        """Fall silent for so many real seconds, once who asks for it has the answer."""
        await asyncio.sleep(_ANSWERED)
        await self.fall_silent()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self.come_back()

    async def close(self) -> None:
        """Stop listening for good."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        await self._runner.cleanup()

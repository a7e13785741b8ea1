"""A wire: one HTTP connection over a Unix socket, kept open, for what must be quick."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import h11

_CHUNK: Final = 64 * 1024  # bytes read at once


class Wire:
    """A connection for what must be quick: the time to a dead process is what a kill is about.

    Through httpx a signal takes half as long again as the kill itself. One request at a time, on
    a connection that is kept; whatever goes wrong with it is an OSError or a ProtocolError.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._one_at_a_time = asyncio.Lock()
        self._http = h11.Connection(h11.CLIENT)
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        async with self._one_at_a_time:
            try:
                return await self._post(path, body)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._stream is not None:
            self._stream[1].close()
        self._stream, self._http = None, h11.Connection(h11.CLIENT)

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self._stream is None or self._stream[0].at_eof():
            self.close()
            self._stream = await asyncio.open_unix_connection(self._path)
        reader, writer = self._stream
        headers = [("Host", "playground"), ("Content-Length", str(len(body)))]
        asked = h11.Request(method="POST", target=path, headers=headers)
        whole = (asked, h11.Data(data=body), h11.EndOfMessage())
        writer.write(b"".join(self._http.send(part) or b"" for part in whole))
        status, answer = 0, b""
        while True:
            match self._http.next_event():
                case h11.Response(status_code=status):
                    pass
                case h11.Data(data=data):
                    answer += bytes(data)
                case h11.EndOfMessage():
                    break
                case h11.ConnectionClosed():
                    raise ConnectionError("it hung up")
                case _:
                    self._http.receive_data(await reader.read(_CHUNK))
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.close()
        return status, answer

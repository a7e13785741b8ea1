"""A server that speaks POST /v1/messages, on loopback; what it answers is told by a test."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

ANSWER = {
    "component": "tikv1",
    "fault": "kill",
    "confidence": "high",
    "summary": "tikv1 (store 12) died abruptly.",
    "claims": [
        {"text": "Its process ended with exit 137.", "evidence": ["E1"], "against": False},
        {"text": "It was not for lack of memory.", "evidence": ["E1"], "against": True},
    ],
    "next_step": "Restore it.",
}


def message(text: str | None, stop: str = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [] if text is None else [{"type": "text", "text": text}],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def says(stop: str = "end_turn", **changes: Any) -> web.Response:
    return web.json_response(message(json.dumps({**ANSWER, **changes}), stop))


def fails(status: int, kind: str, **headers: str) -> web.Response:
    body = {"type": "error", "error": {"type": kind, "message": "sk-ant-secret-of-theirs"}}
    return web.json_response(body, status=status, headers=headers)


@dataclass
class Server:
    url: str = ""
    answers: list[Callable[[], web.Response]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    slow: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        headers = {k.lower(): v for k, v in request.headers.items()}
        self.requests.append((request.path, headers, await request.json()))
        if self.slow:
            await asyncio.Event().wait()
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_post("/v1/messages", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()

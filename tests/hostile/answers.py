"""What servers answer: PD, and a Docker engine. Real ones, on loopback, that say nothing of use."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.cluster.docker import Docker, Project
from bot.cluster.engine import Engine
from bot.cluster.engine_place import Place
from bot.cluster.pd import Pd
from bot.domain.cluster import View
from bot.domain.errors import ClusterError
from bot.engine.clock import SystemClock
from tests.cluster.replay import by_pd, recorded, serving
from tests.hostile.wild import Outcome, Wild

TIMEOUT = 0.4  # seconds for one question to PD
WITHIN = TIMEOUT + 0.8 + 3.0  # a look; the last part is for a busy machine
HEALTHY = {path: a["body"] for path, a in by_pd(recorded("healthy"))["pd0"].items()}
STATUSES = (204, 301, 400, 404, 418, 500, 503)
HUGE = b"[" + b"0," * 3_000_000 + b"0]"
DEEP = "[" * 100_000 + "]" * 100_000
CONTAINER: dict[str, Any] = {
    "Id": "4f1c" * 16,
    "Name": "/play-tikv-1-1",
    "Created": "2026-11-22T12:00:00.0Z",
    "State": {"Status": "running", "Pid": 4711, "ExitCode": 0, "StartedAt": "2026-11-22T12:00:00Z"},
    "Config": {
        "Image": "tikv",
        "Hostname": "tikv-1",
        "Cmd": ["--addr=0.0.0.0:20160"],
        "Labels": {
            "com.docker.compose.project": "play",
            "com.docker.compose.service": "tikv-1",
            "com.docker.compose.container-number": "1",
        },
    },
    "NetworkSettings": {
        "Ports": {"20160/tcp": [{"HostIp": "0.0.0.0", "HostPort": "20160"}]},
        "Networks": {"play_cluster": {"IPAddress": "172.18.0.4", "Aliases": ["tikv-1"]}},
    },
    "HostConfig": {"RestartPolicy": {"Name": "no"}},
}

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def saying(wild: Wild, good: Callable[[web.Request], Any], counted: Outcome) -> Respond:
    """A server that answers what is nearly right, or nothing like it."""

    async def respond(request: web.Request) -> web.StreamResponse:
        counted.inputs += 1
        roll = wild.random.random()
        if roll < 0.04:
            return await _trickle(request)
        if roll < 0.09:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return _rubbish(wild, good(request))

    return respond


def _rubbish(wild: Wild, right: Any) -> web.Response:
    """An answer that comes at once."""
    makes: tuple[tuple[float, Callable[[], web.Response]], ...] = (
        (50, lambda: web.Response(text=json.dumps(wild.mutated(right, 2)))),
        (12, lambda: web.Response(body=wild.torn(json.dumps(right).encode()))),
        (10, lambda: web.Response(status=wild.random.choice(STATUSES))),
        (8, lambda: web.Response(body=wild.octets(5000))),
        (8, lambda: web.Response(text=json.dumps(wild.value()))),
        (4, lambda: web.Response(text=DEEP)),
        (1, lambda: web.Response(body=HUGE)),
    )
    (make,) = wild.random.choices([m for _, m in makes], [often for often, _ in makes])
    return make()


async def _trickle(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        for _ in range(30):
            await answer.write(b" ")
            await asyncio.sleep(0.1)
    except ConnectionError:
        pass
    return answer


async def pd(wild: Wild, count: int) -> Outcome:
    """PD's answers: a look is a View, and in time, whatever they are."""
    found = Outcome()
    respond = saying(wild, lambda request: HEALTHY.get(request.path, {"count": 0}), found)

    async def looking(url: str) -> None:
        async with Pd([url], clock=SystemClock(), timeout=TIMEOUT) as asked:
            while found.inputs < count:
                began = time.monotonic()
                try:
                    if not isinstance(await asked.look(), View):
                        found.wrong("look", "no view")
                except Exception as error:  # noqa: BLE001 - that is what is looked for
                    found.wrong("look", error)
                if (took := time.monotonic() - began) > WITHIN:
                    found.wrong("look", f"took {took:.1f} s")
                try:
                    await asked.regions_of(1)
                except ClusterError as error:
                    if not str(error).strip():
                        found.wrong("regions_of", error)
                except Exception as error:  # noqa: BLE001 - the same
                    found.wrong("regions_of", error)

    async with serving(respond) as url:
        await asyncio.gather(*(looking(url) for _ in range(3)))
    return found


async def docker(wild: Wild, count: int) -> Outcome:
    """A Docker engine's answers: its nodes are listed, or a sentence says why not."""
    found = Outcome()

    def good(request: web.Request) -> Any:
        if request.path.endswith("/version"):
            return {
                "Version": "27.0.0",
                "ApiVersion": "1.46",
                "MinAPIVersion": "1.24",
                "Os": "linux",
            }
        if request.path.endswith("/containers/json"):
            labels = CONTAINER["Config"]["Labels"]
            return [{"Id": CONTAINER["Id"], "Names": ["/play-tikv-1-1"], "Labels": labels}]
        return CONTAINER

    whole = saying(wild, good, found)

    async def respond(request: web.Request) -> web.StreamResponse:
        # The version is asked for only once, and all else depends on it.
        if request.path.endswith("/version"):
            return web.Response(text=json.dumps(good(request)))
        if request.path.endswith("/containers/json") and wild.random.random() < 0.6:
            return web.Response(text=json.dumps(good(request)))
        return await whole(request)

    project = Project(name="play")
    async with serving(respond) as url:
        engine = Engine(Place(url=url.replace("http://", "tcp://")))
        async with Docker(engine, project, clock=SystemClock()) as backend:
            await asyncio.gather(*(_listing(backend, found, count) for _ in range(4)))
    return found


async def _listing(backend: Docker, found: Outcome, count: int) -> None:
    while found.inputs < count:
        try:
            await backend.nodes()
        except ClusterError as error:
            if not str(error).strip():
                found.wrong("nodes", error)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            found.wrong("nodes", error)

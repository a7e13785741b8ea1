"""Demo: from the command to a page that shows a running stage, warm.

The page's own door is asked: the moment is when a message in the thread, not the root alone,
holds the mark of the stage that is going on.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from asyncio.subprocess import Process
from typing import Any

from bench.figure import Figure, of_median, written
from bench.surroundings import NotMeasuredError, chaosbot, empty_home
from bot.domain.progress import Glyph
from bot.sandbox.client import SandboxClient
from bot.sandbox.directory import CHAOS

_TIMES = 5
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


async def measure() -> Figure:
    await _once()  # warm: bytecode is written, files are in the page cache
    times = [await _once() for _ in range(_TIMES)]
    ending = max(end for _, end in times)
    return of_median(
        [began for began, _ in times],
        name="demo",
        what="`chaosbot demo`, warm, to a running stage on the page",
        unit="s",
        limit=3,
        beside=f"Ctrl-C to its end: {written(ending)} s at most",
    )


async def _once() -> tuple[float, float]:
    """Seconds to a running stage, and from SIGINT to the end."""
    async with empty_home() as home:
        began = time.monotonic()
        async with chaosbot("demo", "--port", "0", "--no-browser", "--stay", home=home) as demo:
            async with SandboxClient(await _url(demo)) as page:
                await page.until_message(CHAOS, _shows_a_stage, timeout=30)
            took = time.monotonic() - began
            interrupted = time.monotonic()
        return took, time.monotonic() - interrupted


async def _url(demo: Process) -> str:
    if demo.stderr:
        async with asyncio.timeout(30):
            async for line in demo.stderr:
                if found := _ADDRESS.search(line.decode()):
                    return found[0]
    raise NotMeasuredError("The demo ended without a page.")


def _shows_a_stage(message: dict[str, Any]) -> bool:
    shown = json.dumps(message.get("blocks", []), ensure_ascii=False)
    in_thread = message.get("thread_ts") not in {None, message["ts"]}
    return in_thread and f"{Glyph.NOW} *" in shown

"""The real things that the doctor and the adapters are held against: a playground, a Prometheus."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.cluster.pd import Pd
from bot.cluster.processes import Processes
from bot.domain.cluster import View
from bot.engine.clock import SystemClock
from bot.standins import playground_ready, start_playground
from tests.cluster.polling import until

PROMETHEUS = shutil.which("prometheus")
_SCRAPE = "200ms"


def needs_prometheus() -> None:
    """Skip where the binary is missing; on CI that is a failure (tests/conftest.py)."""
    if PROMETHEUS is None:
        pytest.skip("there is no prometheus in the PATH; on Debian: apt install prometheus")


@asynccontextmanager
async def playground(path: Path) -> AsyncIterator[Processes]:
    """A playground whose supervisor listens at `path`; gone at the end, and its nodes with it."""
    child = await start_playground(path)
    try:
        await playground_ready(path, child)
        async with Processes(path, clock=SystemClock()) as nodes:
            yield nodes
    finally:
        await child.stop()


async def look(nodes: Processes) -> View:
    """One view of a playground, nodes and all."""
    async with Pd((await nodes.info()).pd, clock=SystemClock()) as pd:
        view = await pd.look()
    return view.model_copy(update={"nodes": tuple(await nodes.nodes())})


def addresses(view: View) -> list[str]:
    """Where the metrics of all its nodes are, as Prometheus names them: host and port."""
    stores = [str(s.status_address) for s in view.stores or ()]
    return [*stores, *(m.client_urls[0].partition("://")[2] for m in view.members or ())]


@asynccontextmanager
async def prometheus(folder: Path, targets: Sequence[str]) -> AsyncIterator[str]:
    """The URL of a Debian Prometheus that scrapes the targets five times a second."""
    folder.mkdir()
    config = {
        "global": {"scrape_interval": _SCRAPE, "scrape_timeout": _SCRAPE},
        "scrape_configs": [
            {"job_name": "tikv", "static_configs": [{"targets": list(targets)}]},
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        str(PROMETHEUS),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
        stdin=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as http:

            async def is_ready() -> bool:
                assert process.returncode is None, "prometheus ended at once"
                try:
                    return (await http.get(f"{url}/-/ready")).status_code == 200
                except httpx.HTTPError:
                    return False

            await until(is_ready, 30)
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def load(nodes: Processes) -> AsyncIterator[None]:
    """Load on a playground."""
    pds = ",".join(url.removeprefix("http://") for url in (await nodes.info()).pd)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.playground.load", "run", "tikv", "-P", "workloada"),
        *("-p", f"tikv.pd={pds}", "-p", "operationcount=100000000", "--target", "200"),
        "--stop-on-eof",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

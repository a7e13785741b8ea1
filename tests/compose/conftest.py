"""The two compose files, as they stand and as each compose program here understands them; the proxy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yaml", "docker-compose.playground.yaml")


def config(program: list[str], file: str) -> dict:
    """The file as a program reads it, with every profile."""
    done = subprocess.run(
        [*program, "--file", file, "--profile", "load", "--profile", "bot", "config"],
        cwd=ROOT,
        env={**os.environ, "COMPOSE_PROJECT_NAME": "chaosbot-test"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower()
    return yaml.safe_load(done.stdout)


@contextmanager
def running_proxy() -> Iterator[str]:
    """The socket proxy before this machine's engine; the address that it listens on."""
    haproxy = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not haproxy:
        pytest.skip("haproxy is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [haproxy, "-db", "-f", ROOT / "docker/socket-proxy/haproxy.cfg"],
        env={"LISTEN": f"127.0.0.1:{port}", "ENGINE": "unix@/var/run/docker.sock"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 10
        while not _listens(port):
            assert time.monotonic() < until, "the proxy does not listen"
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module", params=FILES)
def file(request):
    return request.param


@pytest.fixture(scope="module")
def written(file):
    """The file with its variables unresolved."""
    return yaml.safe_load((ROOT / file).read_text())


@pytest.fixture(scope="module")
def understood(file):
    """What docker-compose makes of it."""
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed")
    return config(["docker-compose"], file)


@pytest.fixture(scope="module")
def understood_by_plugin(file):
    """What the plugin `docker compose` makes of it; Debian has none."""
    program = ["docker", "compose"]
    if (
        not shutil.which("docker")
        or subprocess.run(
            [*program, "version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("the plugin docker compose is not installed")
    return config(program, file)

"""The playground's nodes in containers: a compose project of the session's own, always taken down."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.cli.conftest import Shell

ROOT = Path(__file__).parents[2]
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
NODES = ("pd-1", "pd-2", "pd-3", "tikv-1", "tikv-2", "tikv-3")


def make(*words: str) -> subprocess.CompletedProcess[str]:
    """One of the Makefile's targets."""
    return subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={sys.executable}", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


class Containers:
    """A cluster in containers, as somebody with the engine's own client sees it."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self.engine = engine
        self.project = f"chaosbot-test-{uuid.uuid4().hex[:8]}"
        self.ports = free_ports(3)
        self.pds = ",".join(f"http://127.0.0.1:{port}" for port in self.ports)
        self._flags = [f"PLAYGROUND={self.project}", f"CLUSTER={self.project}-none"]
        self._flags += [f"PD_{n}_PORT={port}" for n, port in enumerate(self.ports, 1)]

    def up(self) -> None:
        """Starts what does not run, and waits until it is ready."""
        done = make("up-playground", *self._flags)
        assert done.returncode == 0, done.stderr

    def down(self) -> None:
        """Removes everything."""
        done = make("down", *self._flags)
        assert done.returncode == 0, done.stderr

    def node(self, name: str):
        """The container of a node."""
        labels = [f"{PROJECT_LABEL}={self.project}", f"{SERVICE_LABEL}={name}"]
        (found,) = self.engine.containers.list(all=True, filters={"label": labels})
        return found

    def states(self) -> dict[str, str]:
        """Every node's state: running, exited, paused."""
        return {name: self.node(name).status for name in NODES}

    def in_network(self) -> set[str]:
        """What is connected to the cluster's network, by service or name: the nodes, and a load."""
        found = self.engine.containers.list(
            all=True, filters={"network": f"{self.project}_cluster"}
        )
        return {c.labels.get(SERVICE_LABEL, c.name) for c in found}

    def left(self) -> list[str]:
        """What the engine still has of this project."""
        only = {"label": f"{PROJECT_LABEL}={self.project}"}
        return [
            *(c.name for c in self.engine.containers.list(all=True, filters=only)),
            *(n.name for n in self.engine.networks.list(filters=only)),
            *(v.name for v in self.engine.volumes.list(filters=only)),
        ]


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def client_or_skip() -> docker.DockerClient:
    """A client of the engine; without one, the test that asked is skipped with the reason."""
    # The command is asked first: the package leaves a socket open where nobody answers.
    if not shutil.which("docker"):
        pytest.skip("no Docker engine answers: there is no docker command")
    asked = subprocess.run(
        ["docker", "version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if asked.returncode:
        pytest.skip(f"no Docker engine answers: {asked.stderr.strip()}")
    return docker.from_env(timeout=30)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = client_or_skip()
    yield client
    client.close()


@pytest.fixture(scope="session")
def containers(engine: docker.DockerClient) -> Iterator[Containers]:
    """A cluster that is ready; after the session nothing of it is left."""
    made = make("image-playground")
    if made.returncode:
        pytest.skip(f"the playground's image cannot be made here: {made.stderr.strip()}")
    cluster = Containers(engine)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
    assert cluster.left() == []


@pytest.fixture
async def shell(containers: Containers):
    """A shell with the settings of this cluster, whose nodes all run before and after."""
    if set(containers.states().values()) != {"running"}:
        containers.up()
    with tempfile.TemporaryDirectory(prefix="cb-") as home:
        made = Shell(Path(home))
        made.environment |= {
            "CHAOSBOT_CLUSTER": "docker",
            "CHAOSBOT_PD": containers.pds,
            "CHAOSBOT_DOCKER_PROJECT": containers.project,
            "CHAOSBOT_DETECTION_SECONDS": "10",
            "CHAOSBOT_RECOVERY_SECONDS": "40",
            "PATH": os.environ.get("PATH", ""),
        }
        yield made
        await made.until_nothing_runs()
    assert set(containers.states().values()) == {"running"}
    assert containers.in_network() == set(NODES)

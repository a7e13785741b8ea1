"""Small containers that look like a compose project's, on a real engine, and their removal."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from secrets import token_hex

import docker
import pytest
import requests
from docker.errors import DockerException, NotFound

IMAGE = "chaosbot-playground:local"
NODE = ["python3", "-S", "-E", "-m", "bot.playground.node", "--data", "/data", "--name"]
COMMANDS = {
    "pd-1": [
        *NODE,
        *("pd-1", "--role", "pd", "--listen", "0.0.0.0:2379", "--peer-listen", "0.0.0.0:2380"),
        *("--initial-cluster", "pd-1=http://pd-1:2380"),
        *("--initial-clients", "pd-1=http://pd-1:2379"),
    ],
    "tikv-1": [
        *NODE,
        *("tikv-1", "--role", "tikv", "--listen", "0.0.0.0:20160", "--pd", "http://pd-1:2379"),
        *("--advertise", "tikv-1:20160", "--status-listen", "0.0.0.0:20180"),
    ],
}
PORTS = {"pd-1": 2379, "tikv-1": 20180}


def client() -> docker.DockerClient:
    """An engine that answers and has the image, or a skip with the reason."""
    try:
        found = docker.DockerClient(base_url="unix:///var/run/docker.sock", timeout=30)
        found.images.get(IMAGE)
    except NotFound:
        pytest.skip(f"the image {IMAGE} is missing: make up-playground")
    except (DockerException, requests.RequestException) as error:
        pytest.skip(f"no Docker engine answers: {error}")
    return found


class Compose:
    """A project of its own for one test session, with the hands of somebody beside the bot."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self.engine = engine
        self.project = f"chaosbot-test-{os.getpid()}-{token_hex(2)}"
        self.network = engine.networks.create(f"{self.project}_cluster")

    def make(self, service: str, **options: object) -> None:
        made = self.engine.containers.create(
            IMAGE,
            COMMANDS[service],
            name=f"{self.project}_{service}_1",
            labels={
                "com.docker.compose.project": self.project,
                "com.docker.compose.service": service,
                "com.docker.compose.container-number": "1",
                "com.docker.compose.oneoff": "False",
            },
            dns=["127.0.0.1"],
            network_mode="none" if options.pop("alone", False) else self.network.name,
            **options,
        )
        if made.attrs["HostConfig"]["NetworkMode"] != "none":
            self.network.disconnect(made)
            self.network.connect(made, aliases=[service])
        made.start()
        self.listens(service)

    def listens(self, service: str) -> None:
        """Wait until it heeds signals: what runs first in a container ignores them until then."""
        found = self.container(service).attrs["NetworkSettings"]["Networks"]
        address = found.get(self.network.name, {}).get("IPAddress")
        until = time.monotonic() + 10
        while address and time.monotonic() < until:
            try:
                socket.create_connection((address, PORTS[service]), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return

    def container(self, service: str):
        return self.engine.containers.get(f"{self.project}_{service}_1")

    def remove(self, service: str) -> None:
        with suppress(NotFound):
            self.container(service).remove(force=True, v=True)

    def mend(self) -> None:
        """All as a test may expect it."""
        for service in COMMANDS:
            try:
                found = self.container(service)
            except NotFound:
                self.make(service)
                continue
            networks = found.attrs["NetworkSettings"]["Networks"]
            self.listens(service)
            if found.status != "running" or self.network.name not in networks:
                self.remove(service)
                self.make(service)

    def clean(self) -> None:
        listed = self.engine.containers.list(
            all=True, filters={"label": f"com.docker.compose.project={self.project}"}
        )
        for found in listed:
            found.remove(force=True, v=True)
        self.network.reload()
        for found in self.network.containers:  # what a failed test has left behind
            found.remove(force=True, v=True)
        self.network.remove()
        self.engine.close()


@contextmanager
def composed() -> Iterator[Compose]:
    project = Compose(client())
    try:
        project.mend()
        yield project
    finally:
        project.clean()

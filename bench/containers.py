"""Containers: what the Docker figures are taken on, small projects of their own that end with them.

They look like compose's (labels, network, aliases), and are made of the playground's image through
the docker package. What makes and removes them blocks, so that nobody can interrupt it halfway.
"""

from __future__ import annotations

import os
import select
import time
from asyncio import Future, get_running_loop
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import docker
from docker.errors import DockerException, NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from requests import RequestException

from bench.figure import SkippedError
from bench.surroundings import NotMeasuredError
from bot.cluster.container_shapes import NUMBER, ONE_OFF, PROJECT, SERVICE
from bot.cluster.engine_place import Place, located
from bot.domain.errors import SettingsError

_IMAGE = "chaosbot-playground:local"
_IDLE = ("sleep", "infinity")
_NODE = "python3 -S -E -m bot.playground.node --data /data --name"
_PDS = ("pd-1", "pd-2", "pd-3")
_STORES = ("tikv-1", "tikv-2", "tikv-3")
_HERE = {"127.0.0.1", "localhost", "[::1]"}
_WATCHES_WITHIN = 0.02  # seconds until a thread that was started waits for its process
_DIES_WITHIN = 10.0


class Containers:
    """A project under the engine that the environment names, and the package's own client of it."""

    def __init__(self, place: Place, client: docker.DockerClient) -> None:
        self.place = place
        self.client = client
        self.project = f"chaosbot-bench-{os.getpid()}-{token_hex(2)}"
        self._network: Network | None = None

    def make(self, service: str, command: Sequence[str], port: str | None = None) -> Container:
        """A container that runs; its port is published on the loopback, at a free one."""
        if self._network is None:
            self._network = self.client.networks.create(
                f"{self.project}_cluster", labels={PROJECT: self.project}
            )
        # No number of a port is a free one, which the types of the package leave out.
        published: Any = {port: ("127.0.0.1", None)} if port else {}
        made = self.client.containers.create(
            _IMAGE,
            list(command),
            name=f"{self.project}_{service}_1",
            labels={PROJECT: self.project, SERVICE: service, NUMBER: "1", ONE_OFF: "False"},
            network=self._network.name,
            ports=published,
        )
        self._network.disconnect(made)
        self._network.connect(made, aliases=[service])
        made.start()
        return made

    def clean(self) -> None:
        """Remove all of it. Raises NotMeasuredError: something is left."""
        only: dict[str, str | list[str] | bool] = {"label": f"{PROJECT}={self.project}"}
        for container in self.client.containers.list(all=True, filters=only):
            container.remove(force=True, v=True)
        if self._network is not None:
            self._network.remove()
        left = [
            *(str(c.name) for c in self.client.containers.list(all=True, filters=only)),
            *(str(n.name) for n in self.client.networks.list(filters=only)),
        ]
        if left:
            raise NotMeasuredError(f"Containers or networks are left: {', '.join(left)}")


@contextmanager
def project() -> Iterator[Containers]:
    """An empty project; nothing of it is left at the end.

    Raises:
        SkippedError: no engine on this machine answers, or it lacks the image.
    """
    try:
        place = located(os.environ)
    except SettingsError as error:
        raise SkippedError(str(error)) from None
    if place.host not in _HERE:
        raise SkippedError(f"{place} is not on this machine")
    try:
        client = docker.DockerClient(
            base_url=place.url, tls=place.tls, version="auto", timeout=30, use_ssh_client=True
        )
    except (DockerException, RequestException, OSError):
        raise SkippedError(f"{place} does not answer") from None
    try:
        try:
            client.images.get(_IMAGE)
        except NotFound:
            raise SkippedError(f"the image {_IMAGE} is missing: make image-playground") from None
        made = Containers(place, client)
        try:
            yield made
        finally:
            made.clean()
    finally:
        client.close()


def idle(made: Containers) -> Container:
    """A store whose process does nothing, so that all of the time is the engine's and ours."""
    return made.make("tikv-1", _IDLE)


def cluster(made: Containers) -> None:
    """The topology of the compose files: 3 PD, 3 TiKV, stand-ins with their fast timers."""
    peers = ",".join(f"{pd}=http://{pd}:2380" for pd in _PDS)
    clients = ",".join(f"{pd}=http://{pd}:2379" for pd in _PDS)
    for pd in _PDS:
        words = (
            f"{_NODE} {pd} --role pd --listen 0.0.0.0:2379 --peer-listen 0.0.0.0:2380 "
            f"--initial-cluster {peers} --initial-clients {clients}"
        )
        made.make(pd, words.split(), "2379/tcp")
    urls = ",".join(f"http://{pd}:2379" for pd in _PDS)
    for store in _STORES:
        words = (
            f"{_NODE} {store} --role tikv --listen 0.0.0.0:20160 --advertise {store}:20160 "
            f"--status-listen 0.0.0.0:20180 --status-advertise {store}:20180 --pd {urls}"
        )
        made.make(store, words.split())


def watched(container: Container, clock: Callable[[], float]) -> Future[float] | None:
    """When the container's process dies, by `clock`; None where the engine's processes are hidden.

    A thread waits for it on a pidfd, so that the loop may be busy or blocked meanwhile.
    """
    container.reload()
    pid = int(container.attrs["State"]["Pid"])
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text()
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if str(container.id) not in groups:  # another namespace's process of that number
        os.close(descriptor)
        return None

    def wait() -> float:
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(1000 * _DIES_WITHIN):
                raise NotMeasuredError(f"{container.name} does not die")
            return clock()
        finally:
            os.close(descriptor)

    died = get_running_loop().run_in_executor(None, wait)
    time.sleep(_WATCHES_WITHIN)
    return died

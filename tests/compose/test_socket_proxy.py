"""The socket proxy lets through what the bot needs and nothing else: a real one, before a real engine."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from tests.compose.conftest import running_proxy
from tests.docker.conftest import client_or_skip

pytestmark = pytest.mark.docker
NOBODY = "chaosbot-test-nobody"


@pytest.fixture(scope="module")
def engine():
    """The engine's own socket, and an image that it has."""
    client = client_or_skip()
    images = [tag for image in client.images.list() for tag in image.tags]
    where = client.api.base_url
    client.close()
    if where != "http+docker://localhost":
        pytest.skip("the engine is not on this machine's socket")
    if not images:
        pytest.skip("the engine has no image")
    return images[0]


@pytest.fixture(scope="module")
def proxy(engine):
    """A client of the proxy."""
    with (
        running_proxy() as address,
        httpx.Client(base_url=f"http://{address}", timeout=10) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "path", ["/_ping", "/version", "/v1.41/info", "/v1.41/containers/json", "/networks"]
)
def test_the_bot_may_look(proxy, path):
    assert proxy.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1.41/containers/{NOBODY}/json"),
        ("GET", f"/v1.41/containers/{NOBODY}/logs?stdout=1"),
        ("POST", f"/v1.41/containers/{NOBODY}/kill?signal=KILL"),
        ("POST", f"/v1.41/containers/{NOBODY}/stop"),
        ("POST", f"/v1.41/containers/{NOBODY}/start"),
        ("POST", f"/v1.41/containers/{NOBODY}/restart"),
        ("POST", f"/v1.41/containers/{NOBODY}/pause"),
        ("POST", f"/v1.41/containers/{NOBODY}/unpause"),
        ("POST", f"/v1.41/containers/{NOBODY}/wait"),
        ("POST", f"/v1.41/containers/{NOBODY}/attach?stream=1&stdout=1&logs=1"),
        ("DELETE", f"/v1.41/containers/{NOBODY}?force=1"),
        ("GET", f"/v1.41/networks/{NOBODY}"),
        ("GET", f"/v1.41/images/{NOBODY}:local/json"),
    ],
)
def test_what_a_fault_and_its_load_need_reaches_the_engine(proxy, method, path):
    answer = proxy.request(method, path)
    assert answer.status_code == 404
    assert "no such" in answer.text.lower() or "not found" in answer.text


@pytest.mark.parametrize("change", ["connect", "disconnect"])
def test_networks_may_be_connected_and_disconnected(proxy, change):
    answer = proxy.post(f"/v1.41/networks/{NOBODY}/{change}", json={"Container": NOBODY})
    assert answer.status_code == 404
    assert NOBODY in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1.41/images/json"),
        ("POST", "/v1.41/images/create?fromImage=x"),
        ("DELETE", "/v1.41/images/x"),
        ("POST", "/v1.41/build"),
        ("GET", "/v1.41/volumes"),
        ("POST", "/v1.41/volumes/create"),
        ("GET", f"/v1.41/containers/{NOBODY}/archive?path=/etc"),
        ("PUT", f"/v1.41/containers/{NOBODY}/archive?path=/"),
        ("GET", f"/v1.41/containers/{NOBODY}/export"),
        ("POST", f"/v1.41/containers/{NOBODY}/exec"),
        ("POST", f"/v1.41/exec/{NOBODY}/start"),
        ("POST", f"/v1.41/containers/{NOBODY}/update"),
        ("POST", "/v1.41/containers/prune"),
        ("POST", "/v1.41/networks/create"),
        ("DELETE", f"/v1.41/networks/{NOBODY}"),
        ("GET", "/v1.41/swarm"),
        ("GET", "/v1.41/secrets"),
        ("GET", "/v1.41/plugins"),
        ("GET", "/v1.41/containers/..%2fimages/json"),
        ("GET", "/v1.41/containers/%2e%2e/images/json"),
        ("POST", f"/v1.23/containers/{NOBODY}/start"),  # it could still say what it gets
        ("POST", "/v1.23/containers/create"),
    ],
)
def test_everything_else_is_denied(proxy, method, path):
    assert proxy.request(method, path).status_code == 403


def create(proxy, body, **headers):
    return proxy.post(
        "/v1.41/containers/create",
        content=body if isinstance(body, str) else json.dumps(body),
        headers={"Content-Type": "application/json", **headers},
    )


def test_a_load_may_be_created_in_a_network_of_the_cluster(proxy, engine):
    name = f"chaosbot-test-{uuid.uuid4().hex[:8]}"
    host = {"NetworkMode": "bridge", "Binds": None, "CapAdd": [], "Privileged": False}
    answer = proxy.post(
        f"/v1.41/containers/create?name={name}",
        json={"Image": engine, "Cmd": ["true"], "HostConfig": host},
    )
    assert answer.status_code == 201
    assert proxy.delete(f"/v1.41/containers/{name}?force=1").status_code == 204


@pytest.mark.parametrize(
    "host",
    [
        '"Privileged": true',
        '"privileged":true',
        '"\\u0050rivileged": true',
        '"Binds": ["/:/host"]',
        '"Binds" : [\n "/:/host"]',
        '"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]',
        '"Devices": [{"PathOnHost": "/dev/sda"}]',
        '"CapAdd": ["SYS_ADMIN"]',
        '"SecurityOpt": ["apparmor=unconfined"]',
        '"VolumesFrom": ["somebody"]',
        '"PidMode": "host"',
        '"IpcMode": "host"',
        '"NetworkMode": "host"',
        '"NetworkMode": "container:somebody"',
        '"MaskedPaths": []',
    ],
)
def test_a_container_that_wants_something_of_the_host_is_denied(proxy, engine, host):
    body = f'{{"Image": "{engine}", "HostConfig": {{{host}}}}}'
    assert create(proxy, body).status_code == 403


def test_a_body_that_is_not_read_whole_is_denied(proxy, engine):
    long = {"Image": engine, "Labels": {"x": "x" * 200_000}, "HostConfig": {"Privileged": True}}
    assert create(proxy, long).status_code in {403, 413}
    chunked = proxy.post(
        "/v1.41/containers/create",
        content=iter([b'{"Image": "x", "HostConfig": ', b'{"Privileged": true}}']),
        headers={"Content-Type": "application/json"},
    )
    assert chunked.status_code == 403

"""The engine's edge without an engine: its place, its errors, its events, what its containers say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import requests
from docker.errors import APIError, DockerException, NotFound

from bot.cluster.container_shapes import Inspected
from bot.cluster.docker import Project
from bot.cluster.docker_discovery import pd_addresses, timing
from bot.cluster.engine_errors import Missing, translated
from bot.cluster.engine_events import Memory
from bot.cluster.engine_place import Place, located
from bot.domain.cluster import Node, NodeEvent, NodeState, Role
from bot.domain.errors import BadAnswer, SettingsError, Unreachable

WHO = "the Docker engine at unix:///var/run/docker.sock"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No settings of this machine's docker command."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def test_without_anything_it_is_the_local_socket(bare):
    assert located({}).url == "unix:///var/run/docker.sock"
    assert located({}).host == "127.0.0.1"


def test_docker_host_is_heeded(bare):
    assert located({"DOCKER_HOST": "tcp://10.0.0.9:2375"}) == Place(url="tcp://10.0.0.9:2375")
    assert located({"DOCKER_HOST": "tcp://10.0.0.9:2375"}).host == "10.0.0.9"
    assert located({"DOCKER_HOST": "ssh://me@far:22"}).host == "far"


def test_a_context_is_heeded_and_wins_over_docker_host(bare):
    name = "staging"
    folder = bare / "contexts" / "meta" / sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    host = {"Host": "tcp://10.1.1.1:2375", "SkipTLSVerify": False}
    said = {"Name": name, "Metadata": {}, "Endpoints": {"docker": host}}
    (folder / "meta.json").write_text(json.dumps(said))
    (bare / "config.json").write_text(json.dumps({"currentContext": name}))
    assert located({}).url == "tcp://10.1.1.1:2375"
    given = {"DOCKER_CONTEXT": name, "DOCKER_HOST": "tcp://10.0.0.9:2375"}
    assert located(given).url == "tcp://10.1.1.1:2375"
    (folder / "meta.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot be read"):
        located({})


def test_a_context_that_is_not_there_is_named(bare):
    with pytest.raises(SettingsError, match='no Docker context "moon"'):
        located({"DOCKER_CONTEXT": "moon"})


def answered(status: int, text: str) -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError("said", response=response, explanation=text)


@pytest.mark.parametrize(
    ("error", "kind", "says", "mend"),
    [
        (PermissionError(13, "denied"), Unreachable, "permission denied", "group docker"),
        (FileNotFoundError(2, "no"), Unreachable, "is not there", "Start Docker"),
        (ConnectionRefusedError(111, "no"), Unreachable, "is not there", "DOCKER_HOST"),
        (requests.ReadTimeout("slow"), Unreachable, "did not answer in time", ""),
        (requests.ConnectionError("reset"), Unreachable, "could not be asked", ""),
        (DockerException("Install paramiko package"), Unreachable, "by ssh", "docker[ssh]"),
        (answered(403, "no"), BadAnswer, "denies it", "socket proxy"),
        (answered(409, "is not running"), BadAnswer, "409: is not running", ""),
        (answered(500, "broken."), Unreachable, "500: broken", ""),
        (NotFound("x", response=answered(404, "").response), Missing, "404", ""),
    ],
)
def test_each_error_is_a_sentence_with_its_remedy(error, kind, says, mend):
    wrapped = DockerException(f"Error while fetching server API version: {error}")
    wrapped.__cause__ = requests.ConnectionError(error)
    for one in (error, wrapped):
        found = translated(one, WHO)
        if one is wrapped and isinstance(error, requests.ConnectionError | DockerException):
            continue  # said in other words
        assert type(found) is kind
        assert says in str(found)
        assert WHO in str(found)
        assert mend in found.mend


def node(
    state: NodeState = NodeState.RUNNING, *, started: float = 0, ended: float | None = None, on=True
) -> Node:
    return Node(
        name="a",
        role=Role.TIKV,
        state=state,
        hosts=(("a",), ("10.0.0.2",) if on else ()),
        started_at=NOW + timedelta(seconds=started),
        finished_at=None if ended is None else NOW + timedelta(seconds=ended),
        exit_code=None if ended is None else 137,
    )


@pytest.mark.parametrize(
    ("before", "now", "events"),
    [
        (node(), node(), []),
        (node(), node(NodeState.EXITED, ended=5), ["die"]),
        (node(), node(started=9), ["die", "start"]),
        (node(), node(NodeState.PAUSED), ["pause"]),
        (node(NodeState.PAUSED), node(), ["unpause"]),
        (node(NodeState.PAUSED), node(started=9), ["die", "start"]),
        (node(NodeState.EXITED, ended=1), node(started=9), ["start"]),
        (node(NodeState.EXITED, ended=1), node(NodeState.EXITED, ended=9), ["die"]),
        (node(), node(on=False), ["disconnect"]),
        (node(on=False), node(), ["connect"]),
        (node(), None, ["destroy"]),
    ],
)
def test_what_was_missed_is_told_by_comparing(before, now, events):
    memory = Memory()
    assert memory.missed([before], NOW) == []
    found = memory.missed([now] if now else [], NOW + timedelta(seconds=30))
    assert [e.event for e in found] == events
    assert memory.missed([now] if now else [], NOW + timedelta(seconds=31)) == []


def test_what_was_told_is_not_missed():
    memory = Memory()
    memory.missed([node()], NOW)
    memory.note(NodeEvent(at=NOW + timedelta(seconds=5.07), node="a", event="die", exit_code=137))
    assert memory.missed([node(NodeState.EXITED, ended=5)], NOW + timedelta(seconds=30)) == []


def container(service: str, number: int = 1, **said) -> Inspected:
    labels = {
        "com.docker.compose.project": "p",
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": str(number),
    }
    return Inspected.model_validate(
        {
            "Id": f"{service}{number}" * 12,
            "Name": f"/p_{service}_{number}",
            "State": {"Status": "running"},
            "Config": {"Labels": labels, "Cmd": said.get("command"), "Image": "i:local"},
            "HostConfig": {"PortBindings": said.get("bindings")},
            "NetworkSettings": {
                "Ports": said.get("ports"),
                "Networks": {"p_default": {"IPAddress": said.get("ip", "")}},
            },
        }
    )


def test_nodes_are_named_by_service_and_number():
    listed = [container("tikv", 1), container("tikv", 2), container("pd"), container("grafana")]
    named = Project(name="p").named(listed)
    assert [(name, n.role) for name, (_, n) in named.items()] == [
        ("pd", Role.PD),
        ("tikv-1", Role.TIKV),
        ("tikv-2", Role.TIKV),
    ]
    other = Project(name="p", tikv=("storage-*",), pd=("placement",))
    assert list(other.named([container("storage-a"), container("placement")])) == [
        "placement",
        "storage-a",
    ]
    both = Project(name="p").named(
        [container("tikv", 1), container("tikv", 2), container("tikv-1")]
    )
    assert list(both) == ["p_tikv-1_1", "p_tikv_1", "tikv-2"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            {"ports": {"2379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "12379"}]}},
            "127.0.0.1:12379",
        ),
        ({"ports": {"2379/tcp": [{"HostIp": "0.0.0.0", "HostPort": "12379"}]}}, "far:12379"),
        ({"bindings": {"2379/tcp": [{"HostIp": "", "HostPort": "12379"}]}}, "far:12379"),
        ({"ports": {"2379/tcp": None}, "ip": "172.20.0.2"}, "172.20.0.2:2379"),
    ],
)
def test_pd_is_asked_at_its_published_port_or_at_its_own_address(said, found):
    assert pd_addresses(Project(name="p").named([container("pd", **said)]), "far") == (found,)


def test_a_pd_without_any_address_is_said():
    with pytest.raises(SettingsError, match="publish no port") as wrong:
        pd_addresses(Project(name="p").named([container("pd")]), "far")
    assert "CHAOSBOT_PD" in wrong.value.mend


@pytest.mark.parametrize(
    ("command", "given", "heartbeat", "fast", "image"),
    [
        (["tikv-server"], None, 10.0, False, None),
        (["tikv-server"], 1.0, 1.0, False, None),
        (["python3", "-m", "bot.playground.node"], None, 0.5, True, "i:local"),
        (["python3", "-m", "bot.playground.node", "--real-time"], None, 10.0, False, "i:local"),
        (
            ["python3", "-m", "bot.playground.node", "--timer=store_heartbeat=2"],
            None,
            2.0,
            True,
            "i:local",
        ),
    ],
)
def test_the_nodes_say_how_fast_their_timers_are(command, given, heartbeat, fast, image):
    found = timing(Project(name="p").named([container("tikv", command=command)]), given)
    assert (found.heartbeat, found.fast, found.playground_image) == (heartbeat, fast, image)


def test_the_recorded_events_are_understood():
    path = Path(__file__).parents[1] / "data" / "docker" / "partition-store.events.jsonl"
    raw = [json.loads(line) for line in path.read_text().splitlines()]
    store = "438a2d573be6221efe23bb5544eafd430e5ecb5b25980ed2eee4b304cf0bdb8c"
    own = [
        e["Action"]
        for e in raw
        if store in (e["Actor"]["ID"], e["Actor"]["Attributes"].get("container"))
    ]
    assert own == ["disconnect", "disconnect", "connect", "die", "disconnect"]

"""Both compose files keep what they promise: pinned, on loopback, stopped gracefully, no socket."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.compose.conftest import ROOT

PDS = ("pd-1", "pd-2", "pd-3")
STORES = ("tikv-1", "tikv-2", "tikv-3")
PINNED = re.compile(r"^[a-z0-9/-]+:v?\d+\.\d+\.\d+(-[a-z0-9]+)*$")
OUR_OWN = re.compile(r"^chaosbot(-[a-z]+)?:local$")


def seconds(text):
    return sum(int(n) * {"m": 60, "s": 1}[unit] for n, unit in re.findall(r"(\d+)([ms])", text))


def test_each_has_three_pds_and_three_stores(written):
    nodes = {name for name in written["services"] if re.match("pd|tikv", name)}
    assert nodes == {*PDS, *STORES}


def test_every_image_is_pinned_or_built_from_a_dockerfile_of_ours(written):
    for name, service in written["services"].items():
        image = service["image"]
        if OUR_OWN.match(image):
            build = service["build"]
            folder = ROOT / (build if isinstance(build, str) else build["context"])
            file = "Dockerfile" if isinstance(build, str) else build["dockerfile"]
            assert (folder / file).is_file(), name
        else:
            assert PINNED.match(image), f"{name}: {image}"


def test_every_port_is_bound_to_loopback(written):
    for service in written["services"].values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")


def test_pds_can_be_asked_from_the_host_on_ports_of_their_own(written):
    ports = [written["services"][name]["ports"][0] for name in PDS]
    assert len(set(ports)) == len(PDS)
    assert all(port.endswith(":2379") for port in ports)


def test_nodes_have_the_time_that_a_graceful_stop_takes_and_a_health_check(written):
    for name in (*PDS, *STORES):
        service = written["services"][name]
        assert seconds(service["stop_grace_period"]) >= 30
        check = service["healthcheck"]
        assert seconds(check["timeout"]) < seconds(check["interval"])
        assert check["test"][0] == "CMD"


def test_a_node_that_was_stopped_stays_so_when_the_engine_is_restarted(written):
    for name in (*PDS, *STORES):
        assert written["services"][name]["restart"] == "unless-stopped"


def test_every_node_keeps_its_data_in_a_volume_of_its_own(written):
    mounted = [written["services"][name]["volumes"][0] for name in (*PDS, *STORES)]
    assert mounted == [f"{name}:/data" for name in (*PDS, *STORES)]
    assert {*PDS, *STORES} <= set(written["volumes"])


def test_only_the_proxy_sees_the_socket_and_only_the_bot_sees_the_proxy(written):
    seeing = [n for n, s in written["services"].items() if "docker.sock" in yaml.dump(s)]
    assert seeing in ([], ["socket-proxy"])
    for name, service in written["services"].items():
        assert "privileged" not in service
        if "control" in service["networks"]:
            assert name in {"bot", "socket-proxy"}


def test_nothing_of_the_machine_is_mounted_but_files_of_ours_to_read(written):
    for service in written["services"].values():
        for volume in service.get("volumes", ()):
            source, _, rest = volume.partition(":")
            if source.startswith("."):
                assert (ROOT / source).is_file()
                assert rest.endswith(":ro")
            elif source.startswith("/"):
                assert source == "/var/run/docker.sock"


@pytest.mark.docker
def test_docker_compose_understands_it_as_it_was_meant(understood, written):
    services = understood["services"]
    assert set(services) == set(written["services"])
    for name in (*PDS, *STORES):
        assert seconds(services[name]["stop_grace_period"]) >= 30
        assert services[name]["healthcheck"]["test"][0] == "CMD"
        assert services[name]["image"] == written["services"][name]["image"]
    for service in services.values():
        for port in service.get("ports", ()):
            assert str(port).startswith("127.0.0.1:")


def test_the_plugin_understands_it_as_it_was_meant(understood_by_plugin, written):
    services = understood_by_plugin["services"]
    assert set(services) == set(written["services"])
    for service in services.values():
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", ()))

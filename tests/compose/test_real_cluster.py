"""docker-compose.yaml: what real stores need, what the bot gets, and what their images are made of."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from tests.compose.conftest import ROOT, config

FILES_THAT_TIKV_WANTS = 82920
SET_BY_THE_FILE = {
    "CHAOSBOT_PLAYGROUND_SOCKET",  # there is no playground in a container
}


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]


def dockerfile(name):
    return (ROOT / "docker" / name / "Dockerfile").read_text()


def test_stores_may_open_as_many_files_as_they_want(services):
    for n in (1, 2, 3):
        assert services[f"tikv-{n}"]["ulimits"]["nofile"] >= FILES_THAT_TIKV_WANTS


@pytest.mark.docker
def test_docker_compose_reads_the_limits_too():
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed")
    read = config(["docker-compose"], "docker-compose.yaml")["services"]
    for n in (1, 2, 3):
        assert read[f"tikv-{n}"]["ulimits"]["nofile"] >= FILES_THAT_TIKV_WANTS


def test_stores_and_pds_are_of_one_release(services):
    releases = {services[f"{role}-{n}"]["image"] for role in ("pd", "tikv") for n in (1, 2, 3)}
    assert releases == {"pingcap/pd:v8.5.5", "pingcap/tikv:v8.5.5"}


def test_stores_report_every_second_and_keep_no_disk_free():
    settings = tomllib.loads((ROOT / "docker/tikv.toml").read_text())
    assert settings["raftstore"]["pd-store-heartbeat-tick-interval"] == "1s"
    assert settings["storage"]["reserve-space"] == "0MB"
    tomllib.loads((ROOT / "docker/pd.toml").read_text())


def test_nodes_say_where_others_reach_them(services):
    for n in (1, 2, 3):
        store, pd = services[f"tikv-{n}"]["command"], services[f"pd-{n}"]["command"]
        assert f"--advertise-addr=tikv-{n}:20160" in store
        assert f"--advertise-status-addr=tikv-{n}:20180" in store
        assert f"--advertise-client-urls=http://pd-{n}:2379" in pd
        assert f"--advertise-peer-urls=http://pd-{n}:2380" in pd


def test_prometheus_scrapes_every_node(services):
    jobs = yaml.safe_load((ROOT / "docker/prometheus.yml").read_text())["scrape_configs"]
    targets = {t for job in jobs for group in job["static_configs"] for t in group["targets"]}
    ports = {"pd": 2379, "tikv": 20180}
    nodes = {name: ports[name[:-2]] for name in services if name[:-2] in ports}
    assert targets == {f"{name}:{port}" for name, port in nodes.items()}


@pytest.mark.prometheus
def test_prometheus_takes_its_file():
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    subprocess.run(["promtool", "check", "config", ROOT / "docker/prometheus.yml"], check=True)


def test_the_bot_is_not_root_and_reaches_the_engine_by_the_proxy_alone(services):
    bot = services["bot"]
    assert bot["user"].split(":")[0] not in {"0", "root"}
    assert bot["environment"]["DOCKER_HOST"] == "tcp://socket-proxy:2375"
    assert bot["volumes"] == ["bot:/var/lib/chaosbot"]
    assert bot["profiles"] == services["socket-proxy"]["profiles"] == ["bot"]
    assert services["socket-proxy"]["networks"] == ["control"]
    assert "ports" not in services["socket-proxy"]


def test_the_bot_gets_every_setting_that_there_is(services):
    known = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert known - SET_BY_THE_FILE <= set(services["bot"]["environment"])


@pytest.mark.parametrize("name", ["bot", "playground", "ycsb"])
def test_an_image_of_ours_does_not_run_as_root(name):
    users = re.findall(r"^USER (\S+)", dockerfile(name), re.MULTILINE)
    assert users
    assert users[-1].split(":")[0] not in {"0", "root"}


@pytest.mark.parametrize("name", ["bot", "playground", "ycsb"])
def test_what_an_image_copies_is_there_and_is_not_ignored(name):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    for flags, words in re.findall(r"^COPY ((?:--\S+ )*)(.+)$", dockerfile(name), re.MULTILINE):
        if "--from" in flags:
            continue
        for source in words.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source.split('/')[0]}" in ignored


def test_the_bots_image_has_the_locked_versions_and_nothing_for_developers():
    assert "--constraint requirements.lock ." in dockerfile("bot")
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"^\S+\[", lock, re.MULTILINE), "a constraint may have no extras"


@pytest.mark.parametrize("name", ["bot", "ycsb"])
def test_what_an_image_is_built_on_is_pinned(name):
    images = re.findall(r"^ARG \w+_IMAGE=(\S+)$", dockerfile(name), re.MULTILINE)
    assert images
    assert all(re.search(r":\d+(\.\d+)*|:bookworm", image) for image in images)
    assert not re.search("latest|master", dockerfile(name))


def test_go_ycsb_is_pinned():
    assert re.search(r"^ARG GO_YCSB_VERSION=v\d+\.\d+\.\d+$", dockerfile("ycsb"), re.MULTILINE)

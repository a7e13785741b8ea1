"""A playground of real processes, and a way to wait for what it does."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def eventually(true, within=40.0, every=0.05):
    """The first true thing that `true()` gives; fails when there is none in time."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if found := true():
            return found
        time.sleep(every)
    found = true()
    assert found, f"not so within {within} s"
    return found


class Playground:
    """A supervisor in its own process, as somebody outside sees it."""

    def __init__(self, folder, *flags, stdin=subprocess.DEVNULL):
        self.socket = folder / "p.sock"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot.playground", "--socket", str(self.socket), *flags],
            cwd=ROOT,
            stdin=stdin,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = self.process.stderr.readline()
        assert "is ready" in self.said, self.said + self.process.stderr.read()
        transport = httpx.HTTPTransport(uds=str(self.socket))
        self.http = httpx.Client(transport=transport, base_url="http://playground", timeout=10)
        self.web = httpx.Client(verify=False, timeout=5)  # making one of it is slow
        self.pds = self.http.get("/info").json()["pd"]

    def node(self, name):
        return self.http.get(f"/nodes/{name}").json()

    def pids(self):
        return [node["pid"] for node in self.http.get("/nodes").json() if node["pid"]]

    def signal(self, name, what):
        answer = self.http.post(f"/nodes/{name}/signal", json={"signal": what})
        assert answer.status_code == 200, answer.text

    def start(self, name):
        answer = self.http.post(f"/nodes/{name}/start")
        assert answer.status_code == 200, answer.text

    def ask(self, path, pd=None, timeout=5.0):
        """PD's answer, of the first PD that gives one, or of the one named."""
        urls = [self.node(pd)["client_url"]] if pd else self.pds
        for url in urls:
            try:
                answer = self.web.get(f"{url}/pd/api/v1/{path}", timeout=timeout)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200 or pd:
                return answer
        return None

    def stores(self):
        """Each store's answer by the name of its node."""
        addresses = {n["address"]: n["name"] for n in self.http.get("/nodes").json()}
        answer = self.ask("stores", timeout=1)
        found = answer.json()["stores"] if answer else []
        return {addresses[store["store"]["address"]]: store for store in found}

    def state(self, name):
        return self.stores().get(name, {"store": {"state_name": None}})["store"]["state_name"]

    def leaders(self, name):
        return self.stores()[name]["status"]["leader_count"]

    def pd_leader(self):
        answer = self.ask("leader", timeout=1)
        return answer.json()["name"] if answer else None

    def whole(self):
        """Whether everything is as it was at the beginning, leaders balanced too."""
        stores = self.stores().values()
        return len(stores) == 3 and all(
            s["store"]["state_name"] == "Up"
            and s["status"]["leader_count"] == 2
            and "pending_peer_count" not in s["status"]
            for s in stores
        )

    def stop(self):
        self.http.close()
        self.web.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) in (0, -signal.SIGKILL)
        self.process.stderr.close()


def alive(pid):
    """Whether there is such a process that is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
    except ProcessLookupError:
        return False


class Load:
    """A load in its own process; its output is read as it comes, without waiting."""

    def __init__(self, playground, command="run", *flags):
        pds = ",".join(url.removeprefix("http://") for url in playground.pds)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "bot.playground.load", command, "tikv", "-P", "workloada"),
                *("-p", f"tikv.pd={pds}", "-p", "operationcount=100000000", "-p", "silence=false"),
                *("--interval", "0.1", *flags),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def count(self):
        """All operations that were done so far."""
        while part := self.process.stdout.read():
            self.text += part.decode()
        lines = [line for line in self.text.splitlines() if line.startswith("TOTAL")]
        return int(lines[-1].split("Count: ")[1].split(",")[0]) if lines else 0

    def rate(self, seconds=0.5):
        """Operations a second from now on."""
        before, began = self.count(), time.monotonic()
        time.sleep(seconds)
        return (self.count() - before) / (time.monotonic() - began)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(10)
        if not self.process.stdout.closed:
            self.count()
        self.process.stdout.close()
        self.process.stdin.close()
        return code


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """One playground for every test that leaves it as it was; not to be used by itself."""
    playground = Playground(tmp_path_factory.mktemp("p"), "--timer", "balance_settle=1")
    yield playground
    playground.stop()


@pytest.fixture
def playground(shared):
    """A playground that is whole; what a test did to it must be undone at its end."""
    for node in shared.http.get("/nodes").json():
        if node["state"] == "paused":
            shared.signal(node["name"], "SIGCONT")
        elif node["state"] == "exited":
            shared.start(node["name"])
    eventually(shared.whole)
    return shared


@pytest.fixture
def own(tmp_path):
    """Starts playgrounds of one's own, with flags."""
    started = []

    def start(*flags, **more):
        started.append(Playground(tmp_path, *flags, **more))
        return started[-1]

    yield start
    for playground in started:
        playground.stop()


@pytest.fixture
def load(playground):
    """Starts loads; they are stopped at the end."""
    started = []

    def start(*words):
        started.append(Load(playground, *words))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def recorded():
    """The answers of a real PD, by path."""
    text = (ROOT / "tests/data/pd/healthy.json").read_text()
    return {answer["path"]: answer for answer in json.loads(text)}

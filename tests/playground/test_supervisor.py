"""The supervisor: its API, its events, and that nothing outlives it."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.playground.conftest import ROOT, alive, eventually


def test_it_says_that_it_is_a_stand_in(playground):
    info = playground.http.get("/info").json()
    assert (info["name"], info["stand_in"], info["real_time"]) == ("playground", True, False)
    assert info["version"].endswith("-playground")
    assert info["ready"] is True
    assert info["timers"]["disconnected_after"] == 3
    assert "stand-in" in playground.said


def test_it_lists_its_nodes(playground):
    nodes = playground.http.get("/nodes").json()
    assert [n["name"] for n in nodes] == ["pd-1", "pd-2", "pd-3", "tikv-1", "tikv-2", "tikv-3"]
    assert {n["state"] for n in nodes} == {"running"}
    assert playground.node("pd-1")["client_url"] == playground.pds[0]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", "/nodes/tikv-9", None, (404, "There is no node 'tikv-9'; there are pd-1")),
        ("POST", "/nodes/tikv-1/signal", b'{"signal": "SIGUSR1"}', (400, "one of SIGKILL")),
        ("POST", "/nodes/tikv-1/signal", b"kill it", (400, 'looks like {"signal": "SIGKILL"}')),
        ("POST", "/nodes/tikv-1/signal", b'["SIGKILL"]', (400, "looks like")),
        ("GET", "/nodes/tikv-1/logs?since=yesterday", None, (400, "A time looks like")),
        ("GET", "/nodes/tikv-1/logs?tail=all", None, (400, "A tail is a number of lines")),
        ("GET", "/events?since=x", None, (400, "A time looks like")),
        ("DELETE", "/nodes", None, (404, "There is no DELETE /nodes here.")),
    ],
)
def test_what_it_cannot_do_it_says_in_a_sentence(playground, method, path, body, expected):
    status, says = expected
    answer = playground.http.request(method, path, content=body)
    assert answer.status_code == status
    assert says in answer.text


def test_logs_can_be_cut(playground):
    whole = playground.http.get("/nodes/tikv-1/logs").text.splitlines()
    tail = playground.http.get("/nodes/tikv-1/logs", params={"tail": 2}).text.splitlines()
    assert tail == whole[-2:]
    late = playground.http.get("/nodes/tikv-1/logs", params={"since": "2999-01-01T00:00:00Z"})
    assert late.text == ""


def test_events_are_replayed_and_followed_as_they_happen(playground):
    since = playground.http.get("/nodes/tikv-3").json()["started_at"]
    seen, ready = [], threading.Event()

    def follow():
        with playground.http.stream("GET", "/events", params={"since": since}) as stream:
            for line in stream.iter_lines():
                ready.set()
                if line.strip():
                    seen.append((json.loads(line), time.time()))
                mine = [event["event"] for event, _ in seen if event["node"] == "tikv-3"]
                if "die" in mine and mine[-1] == "start":
                    return

    thread = threading.Thread(target=follow)
    thread.start()
    assert ready.wait(30)
    playground.signal("tikv-3", "SIGSTOP")
    eventually(lambda: playground.node("tikv-3")["state"] == "paused", every=0)
    playground.signal("tikv-3", "SIGKILL")
    eventually(lambda: playground.node("tikv-3")["state"] == "exited", every=0)
    refused = playground.http.post("/nodes/tikv-3/signal", json={"signal": "SIGKILL"})
    assert refused.status_code == 409
    playground.start("tikv-3")
    playground.start("tikv-3")
    thread.join(30)
    events = [event for event, _ in seen if event["node"] == "tikv-3"][-5:]
    assert [e["event"] for e in events] == ["signal", "pause", "signal", "die", "start"]
    assert (events[3]["exit_code"], events[3]["signal"]) == (137, "SIGKILL")
    assert set(events[0]) == {"at", "event", "node", "exit_code", "signal"}


def test_there_is_only_one_of_it_at_a_socket(playground):
    second = subprocess.run(
        [sys.executable, "-m", "bot.playground", "--socket", str(playground.socket)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert second.returncode == 2
    assert "one is already running" in second.stderr
    assert playground.http.get("/info").status_code == 200


def test_garbage_is_answered_and_hurts_nobody(playground):
    for where in (playground.node("pd-1")["address"], playground.node("tikv-1")["status_address"]):
        host, port = where.split(":")
        with socket.create_connection((host, int(port)), 5) as raw:
            raw.sendall(b"\x00\xff nonsense\r\n\r\n")
            assert raw.recv(100).startswith(b"HTTP/1.1 400 Bad Request")
    host, port = playground.node("tikv-1")["address"].split(":")
    for garbage in (b"nonsense\n", b"3\n", b'{"op": "get"}\n', b"[1]\n", b'[1, [[2, ["x"]]]]\n'):
        with socket.create_connection((host, int(port)), 5) as raw:
            raw.sendall(garbage)
            assert b"error" in raw.recv(1000)
    answer = playground.web.post(f"{playground.pds[0]}/playground/v1/heartbeat", content=b"[]")
    assert answer.status_code == 400
    assert {n["state"] for n in playground.http.get("/nodes").json()} == {"running"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a paused process's children")
def test_nothing_outlives_a_killed_supervisor_and_its_place_can_be_taken(own):
    first = own()
    pids = first.pids()
    assert len(pids) == 6
    first.signal("tikv-1", "SIGSTOP")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(5)
    eventually(lambda: not any(map(alive, pids)), within=3)
    second = own()
    assert len(second.pids()) == 6


def test_it_ends_with_its_standard_input_when_told_so(own):
    playground = own("--stop-on-eof", stdin=subprocess.PIPE)
    pids = playground.pids()
    playground.process.stdin.close()
    assert playground.process.wait(5) == 0
    assert not any(map(alive, pids))
    assert not playground.socket.exists()


def test_a_kill_through_it_is_about_as_fast_as_a_kill(playground):
    """A guard against gross mistakes only; the bench measures it properly."""
    began = time.monotonic()
    playground.signal("pd-1", "SIGKILL")
    assert time.monotonic() - began < 0.5
    with contextlib.suppress(httpx.HTTPError):
        eventually(lambda: playground.node("pd-1")["state"] == "exited", within=1, every=0)
    playground.start("pd-1")

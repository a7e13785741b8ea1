"""The load's lines are go-ycsb's, and its properties YCSB's."""

import re
import select
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.playground.measurement import Measurement, bucket
from bot.playground.workload import CORE, Workload, key_of, read_properties
from tests.playground.conftest import ROOT, eventually

LINE = re.compile(r"^([A-Z_]+)\s*- Takes\(s\): ([\d.]+), Count: (\d+), OPS: ([\d.]+), (.*)$")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_line_is_what_go_ycsb_prints():
    clock = Clock()
    measurement = Measurement(clock)
    for latency in (0.010464, 0.010471):
        measurement.add("UPDATE", latency, failed=True)
    clock.now += 0.7
    (line,) = measurement.lines()
    assert line == (
        "UPDATE_ERROR - Takes(s): 0.7, Count: 2, OPS: 2.9, Avg(us): 10467, Min(us): 10464, "
        "Max(us): 10471, 50th(us): 10471, 90th(us): 10471, 95th(us): 10471, 99th(us): 10471, "
        "99.9th(us): 10471, 99.99th(us): 10471"
    )


def test_operations_are_counted_alone_and_together_and_errors_apart():
    clock = Clock()
    measurement = Measurement(clock)
    measurement.add("READ", 0.001)
    clock.now += 0.5
    measurement.add("UPDATE", 0.002)
    measurement.add("UPDATE", 0.002, failed=True)
    clock.now += 0.5
    found = [LINE.match(line).groups()[:4] for line in measurement.lines()]
    assert found == [
        ("READ", "1.0", "1", "1.0"),
        ("TOTAL", "1.0", "2", "2.0"),
        ("UPDATE", "0.5", "1", "2.0"),
        ("UPDATE_ERROR", "0.5", "1", "2.0"),
    ]
    assert [line[:8] for line in measurement.lines()[:3]] == ["READ   -", "TOTAL  -", "UPDATE -"]


@pytest.mark.parametrize("recorded", [78463, 94591, 200575, 105407, 19316735, 10471])
def test_latencies_fall_into_go_ycsbs_buckets(recorded):
    assert bucket(recorded) == recorded
    assert bucket(recorded - 3) == recorded


@given(st.integers(1, 10**9))
def test_a_bucket_is_never_below_its_latency_nor_far_above_it(latency):
    assert latency <= bucket(latency) <= latency * 1.001 + 1


def test_keys_are_ycsbs():
    assert key_of(0) == "usertable:user6284781860667377211"


def test_workloads_are_found_by_name_and_in_files(tmp_path):
    assert read_properties("workloads/workloada")["updateproportion"] == "0.5"
    own = tmp_path / "mine"
    own.write_text("# a comment\nreadproportion = 0.9\n")
    assert read_properties(str(own)) == {"readproportion": "0.9"}
    with pytest.raises(ValueError, match="no workload"):
        read_properties("workloadz")


def test_a_workload_that_does_nothing_is_refused():
    with pytest.raises(ValueError, match="reads or updates"):
        Workload.of({**CORE, "readproportion": "0", "updateproportion": "0"})


def test_a_load_ends_when_nobody_reads_it(playground, load):
    running = load("run", "--target", "50")
    eventually(lambda: running.count() > 0)
    running.process.stdout.close()
    assert running.process.wait(5) == 0


def test_a_load_that_is_not_read_works_on_and_can_be_stopped(playground, load):
    running = load("run", "--interval", "0.001")
    status = playground.node("tikv-1")["status_address"]

    def served():
        text = playground.web.get(f"http://{status}/metrics").text
        line = next(x for x in text.splitlines() if "_duration_seconds_count" in x and "get" in x)
        return int(line.rpartition(" ")[2])

    eventually(lambda: select.select([running.process.stdout], [], [], 0)[0])
    before = eventually(served)
    eventually(lambda: served() > before + 100)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(5) == 0


def test_a_load_ends_with_its_standard_input_when_told_so(playground, load):
    running = load("run", "--stop-on-eof")
    eventually(lambda: running.count() > 0)
    running.process.stdin.close()
    assert running.process.wait(5) == 0
    running.count()
    assert "Run finished, takes" in running.text
    assert all(LINE.match(line) for line in running.text.splitlines() if "Takes(s)" in line)


def test_a_load_without_pd_says_what_is_missing():
    done = subprocess.run(
        [sys.executable, "-m", "bot.playground.load", "run", "tikv", "-P", "workloada"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 2
    assert "-p tikv.pd=127.0.0.1:2379" in done.stderr

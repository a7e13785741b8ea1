from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cluster.ycsb import Ycsb
from bot.cluster.ycsb_lines import Tally
from bot.domain.errors import LoadError
from bot.domain.load import LoadSample, baseline, first_stall
from bot.engine.clock import SystemClock
from tests.cluster.polling import seen

RECORDED = Path(__file__).parents[1] / "data" / "ycsb"
FAULT = datetime(2026, 11, 22, 12, 33, 40, tzinfo=UTC)


def replayed(name: str) -> tuple[list[LoadSample], Tally]:
    """The samples of a recorded load; what came before the fault is a second an interval."""
    lines = (RECORDED / f"{name}.txt").read_text().splitlines()
    ahead = sum(line.startswith("-- TOTAL") for line in lines)
    tally, samples, t = Tally(), [], -float(ahead)
    for line in lines:
        when, _, text = line.partition(" ")
        if when != "--":
            t = float(when)
        sample = tally.line(text, FAULT + timedelta(seconds=t))
        if when == "--" and text.startswith("UPDATE "):
            t += 1
        if sample:
            samples.append(sample)
    last = tally.close()
    return [*samples, *([last] if last else [])], tally


@pytest.mark.parametrize(
    ("name", "began", "ended"),
    [
        ("store-kill", (0, 0.5), (18, 19.5)),
        ("store-pause", (0, 0.8), (13, 15)),
        ("store-stop", (0, 1.5), (12, 14.5)),
        ("partition-store", (0, 1.0), (11, 14)),
        ("pd-leader-kill", (0, 1.0), (29, 31)),
        ("pd-leader-pause", (0, 5), (12, 16)),
    ],
)
def test_the_stall_of_each_recorded_fault_is_found(name, began, ended):
    samples, tally = replayed(name)
    assert tally.skipped == 0
    before = [s for s in samples if s.at < FAULT]
    normal = baseline(before)
    assert normal is not None
    assert 500 < normal < 1300
    stall = first_stall(samples, normal, FAULT)
    assert stall is not None
    assert stall.ended_at is not None
    assert began[0] <= (stall.began_at - FAULT).total_seconds() <= began[1]
    assert ended[0] <= (stall.ended_at - FAULT).total_seconds() <= ended[1]


def test_intervals_are_differences_of_cumulative_counters():
    samples, _ = replayed("store-kill")
    assert samples[0].ops == pytest.approx(920 / 0.9225, rel=0.01)
    assert samples[1].ops == pytest.approx(918, rel=0.02)
    assert samples[1].errors == 1
    assert samples[0].errors == 1
    assert all(0.8 < s.interval < 1.3 for s in samples[:-1])
    counted = re.findall(r"(\w+_ERROR) .*Count: (\d+)", (RECORDED / "store-kill.txt").read_text())
    assert sum(s.errors for s in samples) == sum(int(n) for n in dict(counted).values())


def report(takes: float, *counts: tuple[str, int]) -> list[str]:
    return [
        f"{op:<6} - Takes(s): {takes:.1f}, Count: {n}, OPS: {n / takes:.1f}, Avg(us): 1"
        for op, n in counts
    ]


def sampled(*reports: list[str]) -> list[tuple[float, int]]:
    tally = Tally()
    found = [tally.line(line, FAULT) for lines in reports for line in lines]
    found.append(tally.close())
    return [(round(s.ops), s.errors) for s in found if s]


def test_without_a_total_the_operations_that_succeeded_are_summed():
    assert sampled(
        report(1, ("READ", 60), ("UPDATE", 40), ("UPDATE_ERROR", 3)),
        report(2, ("READ", 160), ("UPDATE", 140), ("UPDATE_ERROR", 5)),
    ) == [(100, 3), (200, 2)]


def test_counters_that_go_back_start_anew():
    assert sampled(
        report(10, ("TOTAL", 1000), ("UPDATE_ERROR", 9)),
        report(1, ("TOTAL", 50), ("UPDATE_ERROR", 2)),
        report(2, ("TOTAL", 150), ("UPDATE_ERROR", 2)),
    ) == [(100, 9), (50, 2), (100, 0)]


def test_a_report_whose_total_makes_no_sense_is_left_to_the_next_one():
    tally = Tally()
    reports = [
        *report(1, ("READ", 50), ("TOTAL", 100)),
        *report(2, ("READ", 100)),
        "TOTAL  - Takes(s): 2.0, Count: many, OPS: NaN",
        *report(3, ("READ", 150), ("TOTAL", 300)),
    ]
    found = [s for line in reports if (s := tally.line(line, FAULT))]
    found += [s for s in [tally.close()] if s]
    assert [(round(s.ops), s.interval) for s in found] == [(100, 1.0), (100, 2.0)]
    assert tally.skipped == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=60),
            st.builds(
                "{} - Takes(s): {}, Count: {}, OPS: {}, Avg".format,
                st.sampled_from(["READ", "TOTAL", "UPDATE", "UPDATE_ERROR", "X", "٣"]),
                st.one_of(st.floats(), st.integers(), st.text(max_size=5)),
                st.one_of(st.integers(), st.text(max_size=5)),
                st.one_of(st.floats(), st.text(max_size=5)),
            ),
            st.builds(
                lambda op, t, n: report(t, (op, n))[0],
                st.sampled_from(["READ", "TOTAL", "UPDATE_ERROR"]),
                st.floats(0.1, 1000),
                st.integers(0, 10**6),
            ),
        ),
        max_size=30,
    )
)
def test_no_line_makes_it_fail_or_a_rate_negative(lines):
    tally = Tally()
    found = [tally.line(line, FAULT) for line in lines]
    for sample in (*found, tally.close()):
        if sample:
            assert sample.ops >= 0
            assert sample.errors >= 0
            assert sample.interval >= 0


LOAD = """
import signal, sys, time
def say(*lines):
    print(*lines, sep="\\n", flush=True)
say("***", '"threadcount"="8"')
n = 0
begin = time.monotonic()
while True:
    time.sleep(0.2)
    n += 20
    takes = (n / 20) * 0.2
    for op, count in (("READ", n // 2), ("TOTAL", n), ("UPDATE", n // 2), ("UPDATE_ERROR", n // 20)):
        say(f"{op:<6} - Takes(s): {takes:.1f}, Count: {count}, OPS: {count / takes:.1f}, Avg(us): 1")
"""


def python(code: str, *words: str) -> Ycsb:
    return Ycsb([sys.executable, "-c", code, *words], clock=SystemClock())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def gone(pid: int) -> None:
    await seen(lambda: not alive(pid))


async def test_a_running_load_is_sampled_at_once_and_with_its_errors():
    load = await python(LOAD).start(1)
    told = []
    async with aclosing(load.samples()) as samples:
        async for sample in samples:
            told.append(sample)
            assert datetime.now(UTC) - sample.at < timedelta(seconds=0.2)
            if len(told) == 4:
                break
    await asyncio.gather(load.stop(), load.stop())
    await load.stop()
    assert [s.errors for s in told] == [1, 1, 1, 1]
    assert all(s.ops == pytest.approx(100, rel=0.3) for s in told)
    assert len([s async for s in load.samples()]) <= 1
    assert not alive(load.pid)


async def test_samples_end_when_it_is_stopped():
    load = await python(LOAD).start(1)

    async def count() -> int:
        return len([s async for s in load.samples()])

    counting = asyncio.create_task(count())
    async with aclosing(load.samples()):
        await asyncio.sleep(0)
    await load.stop()
    assert await asyncio.wait_for(counting, 5) >= 0


async def test_a_load_that_dies_says_its_last_error():
    code = "print('hello'); print('error: no PD answers'); print('bye'); raise SystemExit(3)"
    load = await python(code).start(1)
    with pytest.raises(
        LoadError, match=r"The load ended \(status 3\) by itself: error: no PD answers"
    ):
        [s async for s in load.samples()]
    await load.stop()


async def test_a_load_that_is_killed_says_so():
    load = await python(LOAD).start(1)
    async with aclosing(load.samples()) as samples:
        await anext(samples)
    os.kill(load.pid, signal.SIGKILL)
    with pytest.raises(LoadError, match="was ended by signal 9 by itself"):
        [s async for s in load.samples()]
    await load.stop()


async def test_a_command_that_is_not_there_cannot_be_started():
    with pytest.raises(LoadError, match='"/no/such/go-ycsb": No such file') as error:
        await Ycsb(["/no/such/go-ycsb"], clock=SystemClock()).start(1)
    assert "CHAOSBOT_YCSB_COMMAND" in error.value.mend


DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
print("READ   - Takes(s): 1.0, Count: 1, OPS: 1.0, x", flush=True)
if len(sys.argv) > 1:
    raise SystemExit(1)
time.sleep(60)
"""


async def test_a_load_that_does_not_heed_sigint_is_killed_with_what_it_started():
    deaf = Ycsb([sys.executable, "-c", DEAF], clock=SystemClock(), grace=0.1)
    load = await deaf.start(1)
    async with aclosing(load.samples()) as samples:
        await anext(samples)
    started = children(load.pid)
    assert started
    await load.stop()
    for pid in (load.pid, *started):
        await gone(pid)


async def test_what_a_dead_load_left_behind_does_not_hide_its_death():
    load = await python(DEAF, "die").start(1)
    with pytest.raises(LoadError, match="status 1"):
        [s async for s in load.samples()]
    await load.stop()


OWNER = """
import asyncio, sys
from bot.cluster.ycsb import Ycsb
from bot.engine.clock import SystemClock

async def main():
    load = await Ycsb(sys.argv[1:], clock=SystemClock()).start(1)
    async for sample in load.samples():
        print(load.pid, flush=True)

asyncio.run(main())
"""


async def test_the_load_ends_when_the_bot_is_killed():
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, sys.executable, "-c", LOAD),
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    owner.kill()
    await owner.wait()
    began = time.monotonic()
    await gone(pid)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("go-ycsb run tikv -P workloads/workloada --threads 16 --target 500", "YCSB workload A, 16 threads, 500 ops/s"),
        ("go-ycsb run tikv -P mine --threads=8", "YCSB mine, 8 threads"),
        ("./load.sh", "YCSB"),
    ],
)  # fmt: skip
def test_a_load_is_described_in_a_few_words(command, words):
    assert Ycsb(command.split(), clock=SystemClock()).describe() == words

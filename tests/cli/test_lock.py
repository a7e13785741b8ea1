"""The lock: one at a time, named; let go of by the kernel; a guardian is waited for."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.app import Ended, alone
from bot.lock import Taken, held, holder


def test_it_names_who_has_it(tmp_path):
    assert holder(tmp_path) is None
    with held(tmp_path, "serve") as lock:
        assert str(holder(tmp_path)) == f"serve, process {os.getpid()}"
        assert not holder(tmp_path).guarded
        lock.tell(guarded=True)
        assert holder(tmp_path).guarded
        with (
            pytest.raises(Taken, match=f"Another chaosbot \\(serve, process {os.getpid()}\\) uses"),
            held(tmp_path, "run"),
        ):
            pass
        lock.tell(guarded=False)
        assert not holder(tmp_path).guarded
    assert holder(tmp_path) is None


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"4711", b"x" * 1000, b"-1 serve"])
def test_whatever_stands_in_the_file_the_kernel_decides(tmp_path, text):
    (tmp_path / "lock").write_bytes(text)
    assert holder(tmp_path) is None
    with held(tmp_path, "recover"):
        (tmp_path / "lock").write_bytes(text)
        assert "process" in str(holder(tmp_path))


def test_who_only_looks_keeps_nobody_out(tmp_path):
    def look(_):
        return holder(tmp_path)

    with held(tmp_path, "run"):
        pass
    with ThreadPoolExecutor(4) as looking:
        looks = looking.map(look, range(2_000))
        for _ in range(300):
            with held(tmp_path, "run"):
                pass
        list(looks)


async def test_a_guardian_is_waited_for_and_somebody_who_wants_the_end_is_not_kept(
    tmp_path, caplog
):
    stop = asyncio.Event()

    async def enter():
        async with alone(tmp_path, "serve", stop):
            return str(holder(tmp_path))

    with held(tmp_path, "guardian"):
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    assert await waiting == f"serve, process {os.getpid()}"
    assert caplog.text.count("waiting for it") == 1

    with held(tmp_path, "guardian"):
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0.15)
        stop.set()
        with pytest.raises(Ended):
            await waiting

    with held(tmp_path, "serve"), pytest.raises(Taken):
        await enter()

"""The parts of a node that need no network: its log, its memory, its timers."""

from datetime import UTC, datetime

import pytest

from bot.playground.lines import address
from bot.playground.raft_words import FIRST, Snapshot, Tail, Vote
from bot.playground.shelf import Shelf
from bot.playground.timers import FAST, REAL, with_changes
from bot.playground.unified_log import format_line, line_time
from bot.playground.wal import WriteAheadLog

AT = datetime(2026, 11, 22, 12, 33, 30, 737_400, UTC)


def test_a_log_line_is_in_the_unified_format():
    fields = {"store_id": 4, "addr": "127.0.0.1:20160", "err": "timed out"}
    line = format_line(AT, "INFO", "server.rs:123", "Welcome to TiKV", fields)
    assert line == (
        '[2026/11/22 12:33:30.737 +00:00] [INFO] [server.rs:123] ["Welcome to TiKV"] '
        '[store_id=4] [addr=127.0.0.1:20160] [err="timed out"]'
    )
    assert line_time(line) == AT.replace(microsecond=737_000)
    assert line_time("Traceback (most recent call last):") is None


def test_a_node_remembers_what_it_kept(tmp_path):
    wal = WriteAheadLog(tmp_path / "raft.jsonl")
    wal.keep([(2, Vote(3, 1)), (2, Tail(FIRST, [(3, None), (3, ["k", "v", None])]))])
    wal.keep([(2, Snapshot(FIRST + 1, 3, {})), (4, Vote(1, 5))])
    wal.close()
    with (tmp_path / "raft.jsonl").open("a") as file:
        file.write('[2, "vote", [9,')  # it was killed while it wrote
    again = WriteAheadLog(tmp_path / "raft.jsonl")
    assert again.saved[2].vote == Vote(3, 1)
    assert again.saved[2].snapshot == Snapshot(FIRST + 1, 3, {})
    assert again.saved[2].entries == [(3, ["k", "v", None])]
    assert again.saved[4].vote == Vote(1, 5)
    again.close()


def test_a_value_is_only_replaced_in_the_version_that_was_read():
    shelf = Shelf()
    assert shelf.apply(7, ["k", "a", None]) == (True, 7)
    assert shelf.apply(8, ["k", "b", 7]) == (True, 8)
    assert shelf.apply(9, ["k", "c", 7]) == (False, 8)
    assert shelf.get("k") == (8, "b")
    assert shelf.apply(10, ["new", "x", 0]) == (True, 10)
    other = Shelf()
    other.restore(shelf.save())
    assert (other.get("k"), other.size) == ((8, "b"), shelf.size)


def test_a_timer_can_be_set_by_name():
    assert with_changes(FAST, ["election=3"]).election == 3
    with pytest.raises(ValueError, match="no timer 'elections'"):
        with_changes(FAST, ["elections=3"])


def test_real_time_is_tikvs_own():
    assert (REAL.store_heartbeat, REAL.disconnected_after, REAL.down_after) == (10, 20, 1800)
    assert (REAL.election, REAL.election_max, REAL.pd_election) == (10, 20, 5)


def test_an_address_needs_a_port():
    assert address("http://127.0.0.1:2379/") == ("127.0.0.1", 2379)
    with pytest.raises(ValueError, match="looks like"):
        address("127.0.0.1")

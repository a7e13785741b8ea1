"""What PD believes of stores and regions, by a clock moved by hand."""

import pytest

from bot.playground.pd_answers import go_duration, go_size, go_time, store, stores
from bot.playground.placement import Beat, Placement, Report, Sight, state_name
from bot.playground.timers import FAST, REAL

SECOND = 1_000_000_000
NOW = 1_795_350_805 * SECOND


def joined():
    placement = Placement()
    for n in (1, 2, 3):
        fields = {
            "name": f"tikv-{n}",
            "address": f"tikv-{n}:20160",
            "status_address": f"tikv-{n}:20180",
            "version": "8.5.5-playground",
            "git_hash": "None",
            "start_timestamp": 1_795_350_734,
            "deploy_path": "/",
        }
        placement.apply(n, ["store", fields, "2026-11-22T12:32:20Z"])
    placement.apply(4, ["regions"])
    return placement


@pytest.mark.parametrize(
    ("age", "name"),
    [(0, "Up"), (20, "Up"), (20.1, "Disconnected"), (1800, "Disconnected"), (1801, "Down")],
)
def test_a_store_is_called_by_the_age_of_its_heartbeat(age, name):
    assert state_name(NOW - round(age * SECOND), NOW, REAL) == name


def test_a_store_that_never_sent_one_is_down_since_1970():
    answer = store(Sight(joined()), 4, NOW, FAST)
    assert answer["store"]["state_name"] == "Down"
    assert answer["store"]["last_heartbeat"] == 0
    assert answer["status"]["last_heartbeat_ts"] == "1970-01-01T00:00:00Z"


def test_a_new_cluster_has_six_regions_of_three_voters_led_evenly():
    placement = joined()
    assert list(placement.stores) == [1, 4, 5]
    regions = list(placement.regions.values())
    assert len(regions) == 6
    assert all(set(region.peers) == {1, 4, 5} for region in regions)
    assert [region.first for region in regions] == [1, 4, 5, 1, 4, 5]
    assert [a.end for a in regions[:-1]] == [b.start for b in regions[1:]]
    ids = [i for region in regions for i in (region.id, *region.peers.values())]
    assert len(set(ids)) == len(ids) == 24


def test_a_store_that_joins_again_keeps_its_id():
    placement = joined()
    fields = dict(placement.stores[4])
    del fields["id"]
    assert placement.apply(5, ["store", {**fields, "address": "elsewhere:1"}, ""]) == 4
    assert placement.stores[4]["address"] == "elsewhere:1"
    assert len(placement.stores) == 3


def test_what_is_agreed_on_survives_a_snapshot():
    placement = joined()
    placement.apply(5, ["beats", {"4": {"at": 7, "capacity": 1, "available": 1, "used": 0}}])
    placement.apply(6, ["leaders", {"2": [4, 3]}])
    other = Placement()
    other.restore(placement.save())
    assert other.save() == placement.save()
    assert other.beats[4].at == 7
    assert Sight(other).reports[2] == Report(leader=4, term=3)


def test_an_old_leaders_report_is_not_believed():
    sight = Sight(joined())
    assert sight.report(2, Report(leader=4, term=3))
    assert not sight.report(2, Report(leader=1, term=2))
    assert sight.reports[2].leader == 4


def sight_with(leaders, *, now=100.0):
    sight = Sight(joined())
    for number, leader in zip(sight.placement.regions, leaders, strict=True):
        sight.report(number, Report(leader=leader, term=1))
    for n in (1, 4, 5):
        sight.hear(n, Beat(at=NOW), now, FAST)
    return sight


def test_leaders_are_moved_to_the_store_that_has_too_few():
    sight = sight_with([1, 1, 1, 4, 4, 4])
    _region, source, target = sight.to_move(100 + FAST.balance_settle, NOW, FAST)
    assert (source, target) == (1, 5)


@pytest.mark.parametrize("leaders", [[1, 1, 4, 4, 5, 5], [1, 1, 1, 4, 4, 5]])
def test_leaders_that_are_spread_well_enough_stay(leaders):
    moved = sight_with(leaders).to_move(200, NOW, FAST)
    assert (moved is None) == (leaders.count(1) - leaders.count(5) < 2)


def test_a_store_that_has_just_come_back_is_given_no_leader_yet():
    sight = sight_with([1, 1, 1, 4, 4, 4])
    assert sight.to_move(100 + FAST.balance_settle - 0.1, NOW, FAST) is None


def test_a_disconnected_store_is_given_no_leader():
    sight = sight_with([1, 1, 1, 4, 4, 4])
    sight.beats[5] = Beat(at=NOW - 4 * SECOND)
    assert sight.to_move(200, NOW, FAST) is None


def test_tombstones_alone_are_none():
    assert stores(Sight(joined()), NOW, FAST, {"2"}) == {"count": 0, "stores": []}
    assert stores(Sight(joined()), NOW, FAST, {"0", "1"})["count"] == 3


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (301002840000000, "83h36m42.84s"),
        (1800 * SECOND, "30m0s"),
        (240 * SECOND, "4m0s"),
        (1500000000, "1.5s"),
        (350000000, "350ms"),
        (2500, "2.5µs"),
        (0, "0s"),
        (1795350800164543250, "498708h33m20.16454325s"),
    ],
)
def test_durations_are_written_as_go_writes_them(nanoseconds, text):
    assert go_duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0B"), (252 << 30, "252GiB"), (270284738560, "251.7GiB"), (1 << 28, "256MiB")],
)
def test_sizes_are_written_as_pd_writes_them(size, text):
    assert go_size(size) == text


def test_moments_have_no_zeros_at_their_end():
    assert go_time(1795350800164543250) == "2026-11-22T12:33:20.16454325Z"
    assert go_time(NOW) == "2026-11-22T12:33:25Z"

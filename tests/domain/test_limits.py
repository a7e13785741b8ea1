from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.cluster.container_shapes import Inspected
from bot.domain.cluster import Role
from bot.domain.hypothesis import Verdict
from bot.domain.limits import Hours, Limits
from tests.domain.views import node

BERLIN = "Europe/Berlin"
SATURDAY = datetime(2026, 11, 21, 10, 2, tzinfo=UTC)  # 11:02 in Berlin
TIKV = node("tikv-1")
GOLD = TIKV.model_copy(update={"labels": {"Tier": "Gold", "team.io/owner": "a=b"}})
DAYS = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
MOMENTS = st.datetimes(datetime(2000, 1, 3), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def at(day: int, clock: str) -> datetime:
    """That day of November 2026, in UTC; the 23rd is a Monday."""
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=UTC)


def clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mon-fri 09:00-17:00 Europe/Berlin", "mon-fri 09:00-17:00 Europe/Berlin"),
        ("Sat 9:00-17:30", "sat 09:00-17:30 UTC"),
        ("daily 00:00-24:00", "daily 00:00-24:00 UTC"),
        ("wed-tue 22:00-04:00 UTC", "daily 22:00-04:00 UTC"),
        ("  fri-mon   22:00-04:00 ", "fri-mon 22:00-04:00 UTC"),
    ],
)
def test_hours_are_parsed(text, written):
    hours = Hours.parse(text)
    assert str(hours) == written
    assert Hours.model_validate_json(hours.model_dump_json()) == hours


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", ""),
        ("mon-fri", "mon-fri"),
        ("09:00-17:00", "09:00-17:00"),
        ("mon-fri 09:00-17:00 Europe/Berlin please", "mon-fri 09:00-17:00 Europe/Berlin please"),
        ("mon-fry 09:00-17:00", "mon-fry"),
        ("weekdays 09:00-17:00", "weekdays"),
        ("mon- 09:00-17:00", "mon-"),
        ("mon-wed-fri 09:00-17:00", "mon-wed-fri"),
        ("mon-fri 9-17", "9-17"),
        ("mon-fri 09:00", "09:00"),
        ("mon-fri 09:00-25:00", "09:00-25:00"),
        ("mon-fri 09:00-24:01", "09:00-24:01"),
        ("mon-fri 24:00-09:00", "24:00-09:00"),
        ("mon-fri 09:60-17:00", "09:60-17:00"),
        ("mon-fri 09:00-09:00", "09:00-09:00"),
        ("mon-fri 09:00-17:00 Europe/Bonn", "Europe/Bonn"),
        ("mon-fri 09:00-17:00 Europe", "Europe"),
        ("mon-fri 09:00-17:00 ../etc/passwd", "../etc/passwd"),
        ("mon-fri 09:00-17:00 /etc/localtime", "/etc/localtime"),
    ],
)
def test_what_makes_no_hours_is_named_with_an_example(text, word):
    with pytest.raises(
        ValueError, match=r"hours look like .mon-fri 09:00-17:00 Europe/Berlin."
    ) as e:
        Hours.parse(text)
    assert f'"{word}"' in str(e.value)


@given(st.text(max_size=40) | st.builds("mon 0:00-1:00 {}".format, st.text(max_size=300)))
def test_any_text_is_hours_or_a_sentence(text):
    try:
        hours = Hours.parse(text)
    except ValueError as error:
        said = str(error)
    else:
        said = f"hours look like {Hours.parse(str(hours))}"
    assert "hours look like" in said


def test_a_machine_without_zones_knows_utc_and_says_what_it_lacks(tmp_path):
    zoneinfo.reset_tzpath([str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert Hours.parse("mon 09:00-17:00 UTC").allow(at(23, "9:00"))
        with pytest.raises(ValueError, match='"Europe/Berlin" is no time zone that this machine'):
            Hours.parse("mon 09:00-17:00 Europe/Berlin")
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("text", "moment", "allowed"),
    [
        ("mon-fri 09:00-17:00", at(23, "8:59"), False),
        ("mon-fri 09:00-17:00", at(23, "9:00"), True),
        ("mon-fri 09:00-17:00", at(27, "16:59"), True),
        ("mon-fri 09:00-17:00", at(27, "17:00"), False),
        ("mon-fri 09:00-17:00", at(28, "12:00"), False),
        ("mon-fri 09:00-17:00 Europe/Berlin", at(23, "8:00"), True),
        ("mon-fri 09:00-17:00 Europe/Berlin", at(23, "16:00"), False),
        ("mon 00:00-03:00 Asia/Tokyo", at(22, "15:00"), True),  # it is Monday there
        ("daily 00:00-24:00", at(29, "23:59"), True),
        ("sun-mon 09:00-17:00", at(29, "9:00"), True),
        ("sun-mon 09:00-17:00", at(28, "9:00"), False),
        # Past midnight: the night belongs to the day on which it starts.
        ("fri 22:00-04:00", at(27, "21:59"), False),
        ("fri 22:00-04:00", at(27, "22:00"), True),
        ("fri 22:00-04:00", at(28, "3:59"), True),
        ("fri 22:00-04:00", at(28, "4:00"), False),
        ("fri 22:00-04:00", at(27, "1:00"), False),
        ("sun 22:00-04:00", at(23, "1:00"), True),
        ("mon 22:00-00:00", at(23, "23:59"), True),
        ("mon 22:00-00:00", at(24, "0:00"), False),
    ],
)
def test_hours_allow(text, moment, allowed):
    assert Hours.parse(text).allow(moment) is allowed


@given(
    st.tuples(DAYS, DAYS),
    st.sets(st.integers(1, 1439), min_size=2, max_size=2),
    st.sampled_from(["UTC", BERLIN]),
    MOMENTS,
)
def test_hours_and_the_rest_of_the_day_are_a_whole_one(days, ends, zone, moment):
    """A window and its complement never allow the same minute; together they are always open."""
    one, other = (f"{start}-{end}" for start, end in permutations(map(clock, ends)))
    some, rest = Hours.parse(f"daily {one} {zone}"), Hours.parse(f"daily {other} {zone}")
    assert some.allow(moment) != rest.allow(moment)
    narrower = Hours.parse(f"{'-'.join(days)} {one} {zone}")
    assert some.allow(moment) or not narrower.allow(moment)


@given(DAYS, st.integers(1, 1439), MOMENTS)
def test_a_night_lasts_as_long_as_it_says(day, start, moment):
    """In UTC, a window is as many minutes of the week as there are between its ends."""
    end = start // 2
    hours = Hours.parse(f"{day} {clock(start)}-{clock(end)}")
    week = (moment + timedelta(minutes=10 * n) for n in range(7 * 24 * 6))
    assert abs(sum(map(hours.allow, week)) * 10 - (1440 - start + end)) <= 10


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ((), None),
        (("tikv-2", "pd-*"), None),
        (("pd-*", "TIKV-1"), "TIKV-1"),
        (("tikv-*", "tikv-1"), "tikv-*"),
        (("tikv",), None),
        (("cluster:staging",), None),
        (("cluster:Prod*",), "cluster:Prod*"),
        (("label:tier",), "label:tier"),
        (("label:tier=silver", "label:tier=gold"), "label:tier=gold"),
        (("label:team.io/*=a=b",), "label:team.io/*=a=b"),
        (("label:owner",), None),
    ],
)
def test_what_is_protected(patterns, found):
    assert Limits(protected=patterns).protects(GOLD, "production") == found


def test_a_node_without_labels_is_protected_by_none():
    assert Limits(protected=("label:tier", "label:*")).protects(TIKV, "production") is None


def test_the_labels_of_a_container_protect_it_and_hold_no_secret():
    labels = {
        "tier": "gold",
        "com.docker.compose.service": "tikv-1",
        "org.opencontainers.image.title": "TiKV",
        "db.password": "hunter2",
        "proxy": "http://root:hunter2@proxy",
    }
    container = Inspected.model_validate(
        {
            "Id": "c" * 64,
            "Name": "/tikv-1",
            "State": {"Status": "running"},
            "Config": {"Labels": labels},
            "NetworkSettings": {},
        }
    )
    found = container.node("tikv-1", Role.TIKV)
    assert found.labels == {
        "tier": "gold",
        "db.password": "[redacted]",
        "proxy": "http://root:[redacted]@proxy",
    }
    assert Limits(protected=("label:tier=gold",)).protects(found, "production")
    assert Limits(protected=("label:com.docker*",)).protects(found, "production") is None


@given(st.text("abc-[]*?!^1.", min_size=1, max_size=12))
def test_a_name_always_protects_itself(name):
    limits = Limits(protected=(name, f"cluster:{name}", f"label:{name}={name}"))
    named = TIKV.model_copy(update={"name": name})
    labelled = TIKV.model_copy(update={"labels": {name: name}})
    assert limits.protects(named, "x") == name
    assert limits.protects(TIKV, name) is not None
    assert limits.protects(labelled, "x") is not None


@pytest.mark.parametrize(
    "pattern", ["", " ", "lable:x", "cluster:", "label:", "label:=", "http://x"]
)
def test_a_pattern_that_protects_nothing_is_refused(pattern):
    with pytest.raises(ValidationError, match="protects nothing; patterns look like tikv-1"):
        Limits(protected=(pattern,))


def test_what_is_not_set_has_no_guard():
    assert Limits().guards(TIKV, "production", SATURDAY, None) == ()


@pytest.mark.parametrize(
    ("limits", "recent", "guard", "verdict", "text"),
    [
        (
            Limits(protected=("pd-*",)),
            0,
            "protected",
            Verdict.HELD,
            "tikv-1 (store 4) is not protected.",
        ),
        (
            Limits(protected=("tikv-*",)),
            0,
            "protected",
            Verdict.DEVIATED,
            'tikv-1 (store 4) is protected by "tikv-*"; only what no pattern protects may be harmed.',
        ),
        (
            Limits(hours=(Hours.parse("mon-fri 09:00-17:00 Europe/Berlin"),)),
            0,
            "allowed_hours",
            Verdict.DEVIATED,
            "Runs are allowed mon-fri 09:00-17:00 Europe/Berlin; it is Sat 11:02 there.",
        ),
        (
            Limits(
                hours=(
                    Hours.parse("mon-fri 09:00-17:00 Europe/Berlin"),
                    Hours.parse("sat 10:00-12:00"),
                )
            ),
            0,
            "allowed_hours",
            Verdict.HELD,
            "Runs are allowed mon-fri 09:00-17:00 Europe/Berlin and sat 10:00-12:00 UTC; it is Sat 11:02 Europe/Berlin and Sat 10:02 UTC.",
        ),
        (
            Limits(runs_an_hour=4),
            3,
            "runs_an_hour",
            Verdict.HELD,
            "At most 4 runs an hour may start; 3 did in the last sixty minutes.",
        ),
        (
            Limits(runs_an_hour=1),
            1,
            "runs_an_hour",
            Verdict.DEVIATED,
            "At most 1 run an hour may start; 1 did in the last sixty minutes.",
        ),
        (
            Limits(runs_an_hour=4),
            None,
            "runs_an_hour",
            Verdict.UNKNOWN,
            "At most 4 runs an hour may start; how many did could not be found out.",
        ),
    ],
)
def test_guards_say_what_would_be_right(limits, recent, guard, verdict, text):
    (answer,) = limits.guards(TIKV, "production", SATURDAY, recent)
    assert (answer.guard, answer.verdict, answer.text) == (guard, verdict, text)


def test_all_limits_that_are_set_have_their_guard():
    limits = Limits(protected=("pd-*",), hours=(Hours.parse("daily 00:00-24:00"),), runs_an_hour=2)
    answers = limits.guards(TIKV, "production", SATURDAY, 0)
    assert [a.guard for a in answers] == ["protected", "allowed_hours", "runs_an_hour"]
    assert {a.verdict for a in answers} == {Verdict.HELD}

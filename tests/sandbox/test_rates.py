import pytest

from bot.sandbox.rates import Rates


class Hand:
    """A clock moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand():
    return Hand()


@pytest.mark.parametrize(
    ("method", "permitted"),
    [
        ("users.list", 20),
        ("usergroups.users.list", 20),
        ("conversations.list", 20),
        ("chat.update", 50),
        ("conversations.replies", 50),
        ("reactions.add", 50),
        ("views.open", 100),
        ("chat.postEphemeral", 100),
        ("files.completeUploadExternal", 100),
    ],
)
def test_a_tier_permits_so_many_calls_a_minute_even_at_once(hand, method, permitted):
    rates = Rates(hand)
    assert [rates.take(method) for _ in range(permitted)] == [None] * permitted
    assert rates.take(method) == 60
    hand.now += 59
    assert rates.take(method) == 1
    hand.now += 1
    assert rates.take(method) is None


def test_an_update_each_second_runs_into_the_limit_after_fifty(hand):
    rates = Rates(hand)
    refused_at = None
    for second in range(60):
        if rates.take("chat.update") is not None and refused_at is None:
            refused_at = second
        hand.now += 1
    assert refused_at == 50


def test_methods_are_counted_apart(hand):
    rates = Rates(hand)
    for _ in range(50):
        rates.take("chat.update")
    assert rates.take("chat.update") == 60
    assert rates.take("chat.delete") is None


def test_posting_is_paced_in_each_channel_after_a_small_burst(hand):
    rates = Rates(hand)
    assert [rates.take("chat.postMessage", "C1") for _ in range(6)] == [None] * 5 + [1]
    assert rates.take("chat.postMessage", "C2") is None
    hand.now += 1
    assert rates.take("chat.postMessage", "C1") is None
    assert rates.take("chat.postMessage", "C1") == 1


def test_the_workspace_has_a_limit_of_its_own(hand):
    rates = Rates(hand)
    answers = [rates.take("chat.postMessage", f"C{n}") for n in range(301)]
    assert answers[:300] == [None] * 300
    assert answers[300] == 60


def test_a_refused_call_is_not_counted(hand):
    rates = Rates(hand)
    for _ in range(40):
        rates.take("users.list")
    hand.now += 60
    assert rates.take("users.list") is None


def test_limits_can_be_lifted(hand):
    rates = Rates(hand, enforced=False)
    assert all(rates.take("users.list") is None for _ in range(500))

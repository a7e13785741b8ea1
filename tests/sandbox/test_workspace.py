import pytest

from bot.sandbox.directory import CHAOS, STARTER
from bot.sandbox.errors import SlackError
from bot.sandbox.messages import Message
from bot.sandbox.workspace import Workspace


@pytest.fixture
def workspace():
    return Workspace(lambda: 1_700_000_000.0)


def post(workspace, text, thread_ts=None):
    message = Message(
        ts=workspace.new_ts(), channel=CHAOS, user=STARTER, text=text, thread_ts=thread_ts
    )
    return workspace.post(workspace.channel(CHAOS), message)


def test_timestamps_differ_even_when_the_clock_stands_still(workspace):
    first, second = workspace.new_ts(), workspace.new_ts()
    assert (first, second) == ("1700000000.000000", "1700000000.000001")


def test_a_channel_keeps_its_last_three_thousand_messages(workspace):
    root = post(workspace, "root")
    reply = post(workspace, "reply", thread_ts=root.ts)
    for number in range(2999):
        post(workspace, str(number))
    channel = workspace.channel(CHAOS)
    assert len(channel.messages) == 3000
    with pytest.raises(SlackError, match="thread_not_found"):
        workspace.root_of(channel, reply.ts)


def test_the_feed_tells_every_change_in_order(workspace):
    changes = []
    stop = workspace.feed.watch(changes.append)
    root = post(workspace, "root")
    post(workspace, "reply", thread_ts=root.ts)
    stop()
    post(workspace, "unheard")
    told = [(change["seq"], change["message"]["text"]) for change in changes]
    assert told == [(1, "root"), (2, "reply"), (3, "root")]
    assert changes[2]["message"]["reply_count"] == 1


def test_a_channel_is_found_by_id_name_or_user(workspace):
    assert workspace.channel("#chaos") is workspace.channel("chaos") is workspace.channel(CHAOS)
    assert workspace.channel(STARTER).im_with == STARTER
    for wrong in ("", "#", "C0NOWHERE", "USLACKBOT"):
        with pytest.raises(SlackError, match="channel_not_found"):
            workspace.channel(wrong)

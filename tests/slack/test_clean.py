"""What goes to Slack holds no secret, and what is read back from it is left alone."""

from __future__ import annotations

from bot.slack.clean import clean


def test_secrets_go_and_what_is_read_back_stays():
    said = {
        "channel": "C1",
        "text": "PD at http://root:hunter2hunter2@pd:2379 says xoxb-123456789-abcdefgh",
        "blocks": [
            {"type": "actions", "elements": [{"action_id": "x", "value": "hunter2hunter2"}]}
        ],
        "metadata": {"event_type": "chaosbot_message", "event_payload": {"run": 1, "key": "root"}},
    }
    told = clean(said, ("hunter2hunter2",))
    assert told["text"] == "PD at http://root:[redacted]@pd:2379 says [redacted]"
    assert told["blocks"] == said["blocks"]
    assert told["metadata"] == said["metadata"]
    plain = {"text": "all is well"}
    assert clean(plain, ("hunter2hunter2",)) is plain

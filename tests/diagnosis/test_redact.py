import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diagnosis.redact import blind, cut, redact

SECRETS = [
    ("slack xoxb-123456789012-abcdefABCDEF", "xoxb-123456789012-abcdefABCDEF"),
    ("app xapp-1-A024-567-abcdef", "xapp-1-A024-567-abcdef"),
    ("key sk-ant-api03-AbCdEf_123-xyz", "sk-ant-api03-AbCdEf_123-xyz"),
    ("id AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
    ("[secret-access-key=wJalrXUtnFEMI]", "wJalrXUtnFEMI"),
    ('{"password": "hunter2 and more"}', "hunter2"),
    ("passwd='hunter2'", "hunter2"),
    ("mysql://root:hunter2@db:4000/x", "hunter2"),
    ("http://:hunter2@db", "hunter2"),
    ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    ("authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ('"Authorization": "Bearer abcdefgh12345678"', "abcdefgh12345678"),
    ("sent bearer abcdefgh12345678", "abcdefgh12345678"),
    ("ghp_abcdefghijklmnopqrstuvwxyz012345", "abcdefghij"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_", "eyJzdWIi"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAB\n-----END RSA PRIVATE KEY----- x", "MIIEow"),
    ("-----BEGIN PRIVATE KEY----- MIIEow", "MIIEow"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_replaced(text, secret):
    clean = redact(text)
    assert secret not in clean
    assert "[redacted]" in clean


@pytest.mark.parametrize(
    "text",
    [
        '["connection abort"] [store_id=12] [addr=tikv1:20160]',
        "http://pd1:2379/pd/api/v1/stores",
        "store 4 (tikv-1) at tikv-1:20160",
        "risk-based task-list",
    ],
)
def test_the_rest_stays(text):
    assert redact(text) == text
    assert blind(text) == text


def test_what_cannot_be_seen_goes():
    assert redact("a\x00b\x1b[31mc\u202ed\n\te\u200b") == "a bc d e"


def test_names_of_tools_go_and_names_of_nodes_stay():
    text = "chaosbot-tikv-1 met chaos-mesh, Chaosbot and pumba"
    assert blind(text, ["chaosbot-tikv-1"]) == "chaosbot-tikv-1 met [tool], [tool] and [tool]"


def test_cutting():
    assert cut("abcdef", 4) == "abc…"
    assert cut("abcd", 4) == "abcd"


@given(st.text(max_size=6000), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_cleaned_in_one_line(text, names):
    clean = blind(text, names)
    assert not any(ord(c) < 32 for c in clean)
    clean.encode()
    json_free = cut(clean)
    assert len(json_free) <= 300

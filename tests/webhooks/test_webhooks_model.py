"""Signatures as the Standard Webhooks package verifies them, forms as real PHP writes them, and who hears of what."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pult.kit.errors import BadValue
from pult.staff.model import Channel, Hook
from pult.webhooks import model

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_" + base64.b64encode(b"another secret of old times").decode()


def test_the_specifications_own_vector():
    body = b'{"test": 2432232314}'
    signed = model.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [SECRET])
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(body: bytes, secrets: list[str]) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    signature = model.signature("event-1", now, body, secrets)
    return {"webhook-id": "event-1", "webhook-timestamp": str(now), "webhook-signature": signature}


@pytest.mark.parametrize("known", [SECRET, OLD])
def test_while_a_secret_is_changed_either_verifies(known):
    body = '{"a": "Привет"}'.encode()
    assert Webhook(known).verify(body, headers(body, [SECRET, OLD])) == {"a": "Привет"}


def test_a_secret_that_is_no_longer_live_does_not_verify():
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(b"{}", headers(b"{}", [SECRET]))


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_abc"])
def test_a_secret_that_is_none_is_said_without_showing_it(secret):
    with pytest.raises(BadValue) as error:
        model.signature("event-1", 1, b"{}", [secret])
    assert secret not in error.value.text


def php(values) -> str:
    """What http_build_query makes of the same JSON."""
    program = "echo http_build_query(json_decode(stream_get_contents(STDIN), true, 512, JSON_BIGINT_AS_STRING));"
    done = subprocess.run(["php", "-r", program], input=json.dumps(values).encode(), capture_output=True, check=True)
    return done.stdout.decode()


EVENT = {
    "secret": "0a1b",
    "ticket": {"id": 7, "email": None, "message": "<b>Привет & пока</b>", "files": ["https://a.example/1?x=1&y=2"]},
    "client": {"emails": [{"email": "a+b@c.example", "client_id": 3}], "phones": [], "additional_ids": []},
    "custom_fields": [{"id": 1, "value": "~*()!'"}, {"id": 2, "value": ""}],
    "custom_blocks": [],
    "ping": True,
    "silent": False,
    "seconds": [1.5, 1e25, 0.1, 1.0, 1e-7, 0.30000000000000004, 100000.5, 1234567890123456.0, 1e14, -0.5, 1.5e300],
    "odd names": {"a b": "c", "x[y]": "z", "é": 1, "": "empty"},
    "big": 2**62,
}


def test_a_form_is_spelled_as_php_spells_it():
    assert model.form(EVENT).decode() == php(EVENT)


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
# A name that PHP takes for a number moves to another place in its array; our payloads have none.
words = names.filter(lambda name: not name.lstrip("-").isdigit())
scalars = plain | st.integers(-(2**62), 2**62) | st.booleans() | st.none()
values = st.recursive(
    scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(words, part, max_size=3), max_leaves=8
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(words, values, max_size=4))
def test_any_form_is_spelled_as_php_spells_it(made):
    assert model.form(made).decode() == php(made)


def test_a_form_can_be_read_back():
    pairs = dict(parse_qsl(model.form(EVENT).decode(), keep_blank_values=True))
    assert pairs["ticket[message]"] == "<b>Привет & пока</b>"
    assert pairs["client[emails][0][email]"] == "a+b@c.example"
    assert pairs["ping"] == "1"
    assert pairs["silent"] == "0"
    assert "ticket[email]" not in pairs


def channel(number: int, hook: Hook | None) -> Channel:
    return Channel(id=number, type="api", name="x", group_id=None, email=None, hook=hook)


HOOKS = {
    1: channel(1, None),
    2: channel(2, Hook()),
    3: channel(3, Hook(events=["comment", "delivery"], watch=[5])),
    4: channel(4, Hook(events=[], watch=[5])),
    5: channel(5, Hook(events=["delivery"], watch=[], statuses=["SENT"])),
    6: channel(6, Hook(statuses=["SENT", "READ"])),
}


@pytest.mark.parametrize(
    ("event", "channel_id", "word", "hearing"),
    [
        ("ticket", 5, None, [2, 6]),
        ("comment", 5, None, [2, 3, 6]),
        ("comment", 1, None, [2, 6]),
        ("delivery", 5, "DELIVERED", [2, 3, 6]),
        ("delivery", 5, "NOT DELIVERED", [2, 3, 6]),
        ("delivery", 5, "SENT", [6]),
        ("delivery", 1, "READ", [6]),
    ],
)
def test_who_hears_of_what(event, channel_id, word, hearing):
    assert model.listeners(HOOKS, event, channel_id, word) == hearing

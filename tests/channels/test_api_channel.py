"""The channel without a provider: what integrations may tell it at its inbound address."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from pult.channels.api_channel import ApiAdapter, ApiSettings
from pult.messaging.contract import ChannelRecord, Hook, Incoming, Outside, Rating
from pult.webhooks.model import signature

SECRETS = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkIHNlY3JldCBvZiB0aGUgY2hhbm5lbA==")
MESSAGE = {
    "event": "message",
    "id": "m-1",
    "text": "Where is my order?",
    "client": {"name": "Dana", "phone": "79511234567"},
}
RATING = {"event": "rating", "id": "r-1", "ticket_id": 17, "rating": 5, "comment": "thank you"}


@pytest.fixture
def adapter():
    record = ChannelRecord(1, 2, "api", "Site", None, ApiSettings(), "s" * 32, SECRETS)
    return ApiAdapter(record, Outside(None, "https://desk.example", b"secret"))


def hook(body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Hook("POST", {}, {"content-type": "application/json", **headers}, raw)


def signed(body, *, secrets=SECRETS[:1], at=None):
    raw = json.dumps(body).encode()
    sent = int(time.time()) if at is None else at
    return hook(raw, **{
        "webhook-id": "msg_1", "webhook-timestamp": str(sent), "webhook-signature": signature("msg_1", sent, raw, secrets),
    })  # fmt: skip


async def told(adapter, call):
    reply = await adapter.handle(call)
    assert reply.status == 200, reply.body
    return [event.what for event in reply.events]


async def test_a_message(adapter):
    [message] = await told(adapter, hook(MESSAGE))
    assert isinstance(message, Incoming)
    assert (message.message_id, message.text, message.phone, message.name) == (
        "m-1",
        "Where is my order?",
        "79511234567",
        "Dana",
    )


async def test_a_rating(adapter):
    [rating] = await told(adapter, hook(RATING))
    assert isinstance(rating, Rating)
    assert (rating.ticket_id, rating.rating, rating.comment) == (17, 5, "thank you")


async def test_a_file_by_its_address(adapter):
    [message] = await told(adapter, hook({**MESSAGE, "files": [{"url": "https://site.example/a/photo.png"}]}))
    assert [(file.ref, file.name) for file in message.files] == [("https://site.example/a/photo.png", "photo.png")]


@pytest.mark.parametrize("secrets", [SECRETS[:1], SECRETS[1:], SECRETS])
async def test_each_live_secret_signs(adapter, secrets):
    assert len(await told(adapter, signed(MESSAGE, secrets=secrets))) == 1


@pytest.mark.parametrize("age", [301, -301, 10**9])
async def test_an_old_signature_is_refused(adapter, age):
    reply = await adapter.handle(signed(MESSAGE, at=int(time.time()) - age))
    assert (reply.status, reply.events) == (403, ())


@pytest.mark.parametrize(
    "spoiled",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "й"},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": ""},
        {"webhook-id": "msg_2"},
    ],
)
async def test_a_wrong_signature_is_refused(adapter, spoiled):
    call = signed(MESSAGE)
    reply = await adapter.handle(replace(call, headers={**call.headers, **spoiled}))
    assert (reply.status, reply.events) == (403, ())


async def test_a_body_that_was_changed_is_refused(adapter):
    call = signed(MESSAGE)
    reply = await adapter.handle(replace(call, body=call.body.replace(b"order", b"money")))
    assert (reply.status, reply.events) == (403, ())


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"{", b"\xff", b"[]", b"null", {}, {"event": "unknown"}, {"event": "message"}, {**MESSAGE, "id": ""},
        {**MESSAGE, "text": 5}, {**RATING, "rating": 6}, {**RATING, "rating": "5"}, {**RATING, "ticket_id": 0},
        {**MESSAGE, "files": [{"url": "file:///etc/passwd"}]}, {**MESSAGE, "text": "x" * 65_537},
    ],
)  # fmt: skip
async def test_what_is_no_sense_is_told_and_changes_nothing(adapter, wrong):
    reply = await adapter.handle(hook(wrong))
    assert (reply.status, reply.events) == (400, ())
    assert json.loads(reply.body)["error"]

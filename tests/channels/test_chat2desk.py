"""The adapter of Chat2Desk against its fake: what every adapter does, and what is Chat2Desk's own."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from conformance import Bench, Conformance, Ledger, file, message
from fakes.chat2desk import FIELDS, TIMESTAMP, Chat2DeskFake
from receiver import receiving

from pult.channels.chat2desk import Chat2DeskAdapter, Chat2DeskSettings
from pult.channels.chat2desk_events import signature_of, signed_by
from pult.kit.http_out import HttpOut
from pult.messaging.contract import (
    ChannelRecord,
    FileIn,
    Hook,
    Incoming,
    Outside,
    Receipt,
    Recipient,
    SendError,
    State,
    StatusReport,
    Template,
)

PHONE = "79161234567"

# The vendor's published example of a signature ("Webhook Signature Verification" in its Postman documentation).
VENDOR_BODY = (
    b'{"message_id":28780,"type":"from_client","text":"test7","transport":"widget","client_id":12568,"operator_id":null,'
    b'"dialog_id":942,"channel_id":1,"photo":null,"coordinates":null,"audio":null,"pdf":null,"client":{"id":12568,'
    b'"phone":"[chat] 1d0bb2e221762cfcc05c","client_phone":null,"name":"[chat] 1d0bb2e221762cfcc05c",'
    b'"assigned_name":null,"external_id":null},"hook_type":"inbox","request_id":5357,"attachments":[],'
    b'"is_new_request":false,"is_new_client":false,"insta_comment":false,"extra_data":{},"is_new":true,'
    b'"event_time":"2025-04-03T11:50:06.984494Z"}'
)
VENDOR_TIMESTAMP = "1743681006"
VENDOR_SIGNATURE = "88b574d8237e1b7740f88102018b734d3dd5bc6803c509a3694eff9721b0c595"


@pytest.fixture
async def http():
    made = HttpOut("127.0.0.0/8")
    yield made
    await made.close()


@pytest.fixture
async def fake():
    made = Chat2DeskFake()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def make(fake, http):
    """Makes an adapter with these settings beside the fake's own."""

    def adapter(**settings):
        told = {"base_url": f"{fake.url}/v1/", "token": "c2d-token", "channel_id": 44}
        found = msgspec.convert(told | settings, Chat2DeskSettings)
        record = ChannelRecord(1, 8, "viber_chat2desk", "Viber", None, found, inbound_secret="inbound-secret")
        return Chat2DeskAdapter(record, Outside(http, "https://desk.example", b"secret"))

    return adapter


def call(fake, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Hook("POST", {}, headers or {"x-signature": fake.signature(raw), "x-timestamp": TIMESTAMP}, raw)


@pytest.fixture
async def bench(fake, make):
    client = fake.add_client(PHONE)
    hook = call(fake, fake.inbox(client))
    return Bench(fake, lambda: make(signature="demanded"), Recipient(phone=PHONE), hook=hook)


class TestChat2Desk(Conformance):
    """What every adapter does; signatures are demanded, as the setting can."""


class TestChat2DeskByDefault(Conformance):
    """Signatures are checked where there are any: the header's name is not proven, the address is secret anyway."""

    @pytest.fixture
    async def bench(self, fake, make):
        client = fake.add_client(PHONE)
        return Bench(fake, make, Recipient(phone=PHONE), hook=call(fake, fake.inbox(client)))

    def forged(self, hook):
        return [headers for headers in super().forged(hook) if "x-signature" in headers]

    async def test_a_call_without_a_signature_is_taken(self, bench):
        reply = await bench.adapter().handle(replace(bench.hook, headers={}))
        assert reply.status == 200
        assert len(reply.events) == 1


async def send(bench, ledger=None, **changes):
    return await bench.adapter().send(message(bench, **changes), ledger or Ledger())


async def refused(bench, **changes):
    with pytest.raises(SendError) as error:
        await send(bench, **changes)
    assert not error.value.retry
    assert not error.value.maybe_sent
    return error.value


async def test_a_known_client_is_found_by_phone_and_then_remembered(bench):
    client = next(iter(bench.fake.clients))
    ledger = Ledger()
    receipt = await send(bench, ledger)
    assert receipt == Receipt(State.SENT, ("28781",), conversation=str(client))
    assert ledger.conversation == str(client)
    assert ledger.done == {"text": "28781"}
    calls = len(bench.fake.seen)
    await send(bench, to=Recipient(phone=PHONE, conversation=str(client)))
    assert len(bench.fake.seen) == calls + 1


async def test_a_phone_that_is_part_of_anothers_is_another_client(bench):
    receipt = await send(bench, to=Recipient(phone=PHONE[:-1]))
    assert bench.fake.clients[int(receipt.conversation)]["phone"] == PHONE[:-1]
    assert len(bench.fake.clients) == 2


async def test_a_client_that_exists_although_it_was_not_found(bench):
    bench.fake.finds = False
    receipt = await send(bench)
    assert receipt.conversation == str(next(iter(bench.fake.clients)))
    assert len(bench.fake.accepted) == 1


@pytest.mark.parametrize(
    ("errors", "found"),
    [
        ({"client": ["Client already exist", '{"id": 12568, "phone": "7"}']}, 12568),
        ({"client": ["Client already exist", "12568"]}, 12568),
        ({"client": ["Client already exist", 12568]}, 12568),
        ({"client": ["Client already exist", {"id": "12568"}]}, 12568),
        ({"client": ["Client already exist"]}, None),
        ({"client": "Client already exist"}, None),
    ],
)
async def test_the_forms_in_which_an_existing_client_may_be_told(bench, fake, monkeypatch, errors, found):
    fake.finds = False
    monkeypatch.setattr(fake, "add_client", lambda _phone: (_ for _ in ()).throw(fake.wrong(400, "", errors)))
    if found:
        assert (await send(bench, to=Recipient(phone="79990001122"))).conversation == str(found)
    else:
        assert (await refused(bench, to=Recipient(phone="79990001122"))).code == "no_client"


async def test_nobody_to_write_to(bench):
    assert (await refused(bench, to=Recipient(username="dana"))).code == "no_recipient"
    assert (await refused(bench, to=Recipient(conversation="dana"))).code == "no_recipient"


async def test_what_is_sent(fake, make):
    client = fake.add_client(PHONE)
    adapter = make(operator_id=39731, transport="viber_public")
    fake.transports = ["viber_public"]
    files = [file("photo.png"), file("договор.pdf", "application/pdf"), file("list.xlsx", "application/vnd.ms-excel")]
    ledger = Ledger()
    receipt = await adapter.send(message(Bench(fake, make, Recipient(phone=PHONE)), files=files), ledger)
    assert [{k: v for k, v in sent.items() if k not in {"to", "external_id"}} for sent in fake.accepted] == [
        {"text": "Hello, Dana"},
        {"attachment": "https://desk.example/files/photo.png"},
        {"pdf": "https://desk.example/files/договор.pdf"},
        {"attachment": "https://desk.example/files/list.xlsx"},
    ]
    assert {sent["external_id"] for sent in fake.accepted} == {"d-1-17"}
    assert {sent["operator_id"] for sent in fake.messages.values()} == {39731}
    assert list(ledger.done) == ["text", "file-1", "file-2", "file-3"]
    assert receipt.message_ids == tuple(str(number) for number in fake.messages)
    assert receipt.conversation == str(client)


async def test_after_a_failure_the_receipt_names_what_was_sent_before_too(bench):
    receipt = await send(bench, Ledger(done={"text": "77"}), files=[file()])
    assert receipt.message_ids == ("77", "28781")
    assert "text" not in bench.fake.accepted[0]


@pytest.mark.parametrize(("transport", "limit"), [("viber", 7000), ("viber_business", 1000)])
async def test_a_long_text_goes_in_parts(fake, make, transport, limit):
    fake.transports = [transport]
    words = " ".join(f"слово{n}" for n in range(limit // 5))
    ledger = Ledger()
    await make(transport=transport).send(message(Bench(fake, make, Recipient(phone=PHONE)), text=words), ledger)
    assert " ".join(sent["text"] for sent in fake.accepted) == words
    assert list(ledger.done) == ["text", "text-2"]


async def test_a_template_is_whatsapps(bench):
    assert (await refused(bench, text="", template=Template("Main"))).code == "no_templates"
    assert await bench.adapter().templates() is None


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ("You need to auth", "no_credentials", "does not accept the token"),
        ("You have to specify your token. See API manual", "no_credentials", "does not accept the token"),
        ("Number of API requests exceeded", "no_quota", "quota of API calls is used up"),
        ("API calls exceeded API limit per month", "no_quota", "quota of API calls is used up"),
        ("Something else", "200", "Something else"),
    ],
)
async def test_an_error_inside_an_answer_that_claims_to_be_well(bench, said, code, text):
    bench.fake.error_inside = said
    error = await refused(bench)
    assert error.code == code
    assert text in error.text
    assert bench.fake.accepted == []


async def test_a_revoked_token_is_said_plainly(bench):
    bench.fake.token = "another"
    error = await refused(bench)
    assert error.code == "no_credentials"
    assert "c2d-token" not in error.text


async def test_a_client_that_is_gone_is_refused(bench):
    error = await refused(bench, to=Recipient(conversation="1"))
    assert (error.code, error.text) == ("404", "Client not found")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("delivered", State.DELIVERED),
        ("Delivered", State.DELIVERED),
        ("read", State.READ),
        ("SENT", State.SENT),
        ("not_delivered", State.FAILED),
        ("failed", State.FAILED),
    ],
)
async def test_words_that_can_mean_only_one_thing(bench, word, state):
    receipt = await send(bench)
    (number,) = bench.fake.messages
    reply = await bench.adapter().handle(call(bench.fake, bench.fake.outbox_status(number, word)))
    code = word if state is State.FAILED else ""
    at = datetime(2025, 11, 22, 0, 0, 1, tzinfo=UTC)
    assert [event.what for event in reply.events] == [StatusReport(state, at, message_id=str(number), code=code)]
    bench.fake.messages[number]["recipient_status"] = word
    found = await bench.adapter().look_up(receipt)
    assert (found.state, found.message_id) == (state, str(number))


@pytest.mark.parametrize("word", ["queued", "", None, 3, {}, "Сообщение доставлено"])
async def test_words_that_nobody_knows_change_nothing(bench, word):
    receipt = await send(bench)
    (number,) = bench.fake.messages
    reply = await bench.adapter().handle(call(bench.fake, bench.fake.outbox_status(number, word)))
    assert (reply.status, reply.events) == (200, ())
    bench.fake.messages[number]["recipient_status"] = word
    assert await bench.adapter().look_up(receipt) is None


async def test_nothing_is_asked_about_a_message_without_an_id(bench):
    assert await bench.adapter().look_up(Receipt()) is None
    assert bench.fake.seen == []


async def test_a_clients_message_arrives_from_the_installed_webhook(fake, make):
    client = fake.add_client(PHONE, assigned_name="Dana")
    async with receiving(make(signature="demanded")) as desk:
        await desk.adapter.install(desk.url)
        assert await fake.deliver(fake.inbox(client), times=3) == [200, 200, 200]
        assert await fake.deliver(fake.outbox_status(1, "delivered")) == [200]
        assert await fake.deliver(fake.inbox(client), signed=False) == [403]
    assert len(desk.events) == 4
    assert {event.what.message_id for event in desk.events} == {"28780", "1"}
    assert desk.events[0].channel_ref == desk.adapter.channel_ref == "44"
    assert desk.events[0].what == Incoming(
        message_id="28780",
        at=datetime(2025, 11, 22, 0, 0, 0, 984494, tzinfo=UTC),
        text="Where is my order?",
        conversation=str(client),
        phone=PHONE,
        name="Dana",
    )


async def heard(bench, **changes):
    body = bench.fake.inbox(next(iter(bench.fake.clients)), **changes)
    reply = await bench.adapter().handle(call(bench.fake, body))
    assert reply.status == 200
    return [event.what for event in reply.events]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Hello,<br>I <b>need</b> help &amp; soon", "Hello,\nI need help & soon"),
        ("2 < 3 and 5 > 4", "2 < 3 and 5 > 4"),
        ("one\ntwo", "one\ntwo"),
        ("<script>alert(1)</script>Hi", "Hi"),
        ("Fish & chips", "Fish & chips"),
        ("a\x00b", "ab"),
        (None, "[…]"),
        (17, "[…]"),
    ],
)
async def test_text_is_read_out_of_html(bench, raw, text):
    (found,) = await heard(bench, text=raw)
    assert found.text == text


async def test_files_are_taken_once_wherever_they_stand(bench):
    link = "https://storage.example/1/photo.jpg"
    (found,) = await heard(
        bench,
        text="",
        photo=link,
        audio="https://storage.example/2/voice.mp3",
        pdf="https://storage.example/3/%D0%B4%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.pdf",
        attachments=[{"name": "Моё фото.jpg", "link": link}, {"name": "x", "link": "javascript:1"}, None, {"link": 5}],
    )
    assert found.text == ""
    assert found.files == (
        FileIn(link, "Моё фото.jpg", "image/jpeg"),
        FileIn("https://storage.example/2/voice.mp3", "voice.mp3", "audio/mpeg"),
        FileIn(
            "https://storage.example/3/%D0%B4%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80.pdf", "договор.pdf", "application/pdf"
        ),
    )


@pytest.mark.parametrize(
    ("client", "phone"),
    [
        ({"phone": "79161234567"}, "79161234567"),
        ({"phone": "+7 916 123-45-67"}, "79161234567"),
        ({"phone": "[viber] 0011223344556677"}, None),
        ({"phone": "[viber] x", "client_phone": "79161234567"}, "79161234567"),
        ({"phone": None, "client_phone": None}, None),
        ({"phone": 79161234567}, "79161234567"),
    ],
)
async def test_a_phone_is_taken_where_there_is_one(bench, client, phone):
    (found,) = await heard(bench, client={"id": 12568, "name": "Dana", "assigned_name": None, **client})
    assert found.phone == phone
    assert found.name == "Dana"
    assert found.conversation == "12568"


@pytest.mark.parametrize(
    "changes",
    [
        {"hook_type": "outbox", "type": "to_client"},
        {"hook_type": "imported_message", "type": "to_client"},
        {"hook_type": "comment", "type": "comment"},
        {"hook_type": "new_client"},
        {"hook_type": "of tomorrow"},
        {"hook_type": None},
        {"type": "autoreply"},
        {"transport": "telegram"},
        {"message_id": None},
        {"message_id": {}},
        {"client_id": None, "client": None},
    ],
)
async def test_what_no_client_wrote_here_is_no_message(bench, changes):
    assert await heard(bench, **changes) == []


async def test_what_a_client_wrote_in_the_messenger_itself_is_a_message(bench):
    (found,) = await heard(bench, hook_type="imported_message", transport="viber_public")
    assert found.text == "Where is my order?"


async def test_a_message_of_another_channel_says_so(bench):
    body = bench.fake.inbox(next(iter(bench.fake.clients)), channel_id=45)
    reply = await bench.adapter().handle(call(bench.fake, body))
    assert [event.channel_ref for event in reply.events] == ["45"]


@pytest.mark.parametrize("coordinates", ["55.75, 37.61", {"lat": 55.75, "lon": 37.61}])
async def test_a_place_is_seen(bench, coordinates):
    (found,) = await heard(bench, text=None, coordinates=coordinates)
    assert found.text == "55.75, 37.61"


async def test_a_large_call_and_a_deep_one_do_no_harm(bench):
    (found,) = await heard(bench, text="x" * 2**20)
    assert len(found.text) == 2**20
    (found,) = await heard(bench, text="<b>" * 300_000)
    assert len(found.text) < 2**20
    deep = await bench.adapter().handle(call(bench.fake, b"[" * 2**20))
    assert (deep.status, deep.events) == (200, ())


def test_the_vendors_example_of_a_signature():
    assert signature_of(b"md5_api_token", VENDOR_BODY, VENDOR_TIMESTAMP) == VENDOR_SIGNATURE


@pytest.mark.parametrize("raw_key", [False, True])
@pytest.mark.parametrize("form", ["either", "hex", "raw"])
def test_the_key_is_the_hex_or_the_raw_md5_of_the_token(fake, raw_key, form):
    fake.raw_key = raw_key
    signature = fake.signature(VENDOR_BODY, VENDOR_TIMESTAMP)

    def right(token="c2d-token", body=VENDOR_BODY, timestamp=VENDOR_TIMESTAMP, signature=signature):
        return signed_by(token, form, body=body, timestamp=timestamp, signature=signature)

    assert right() == (form in {"either", "raw" if raw_key else "hex"})
    assert right(signature=signature.upper()) == right()
    assert not right(token="another")
    assert not right(body=VENDOR_BODY + b" ")
    assert not right(timestamp="1743681007")
    assert not right(signature="")
    assert not right(signature="подпись")


@pytest.mark.parametrize(
    "headers",
    [
        {"x-timestamp": TIMESTAMP},
        {"x-webhook-timestamp": TIMESTAMP},
        {"x-c2d-time": TIMESTAMP, "x-request-id": "17"},
    ],
)
async def test_the_timestamp_is_found_whatever_its_header_is_called(fake, make, headers):
    hook = call(fake, fake.inbox(fake.add_client(PHONE)))
    adapter = make(signature="demanded")
    assert (await adapter.handle(replace(hook, headers=headers | {"x-signature": hook.headers["x-signature"]}))).events
    assert (await adapter.handle(replace(hook, headers={"x-signature": hook.headers["x-signature"]}))).status == 403


async def test_other_names_of_the_headers(fake, make):
    hook = call(fake, fake.inbox(fake.add_client(PHONE)))
    told = {"x-c2d-signature": hook.headers["x-signature"], "x-c2d-when": TIMESTAMP}
    adapter = make(signature="demanded", signature_header="X-C2D-Signature", timestamp_header="X-C2D-When")
    assert (await adapter.handle(replace(hook, headers=told))).events
    assert (await adapter.handle(hook)).status == 403


async def test_signatures_in_an_unknown_form_can_be_ignored(fake, make):
    hook = call(fake, fake.inbox(fake.add_client(PHONE)), **{"x-signature": "sha512=abc"})
    assert (await make().handle(hook)).status == 403
    assert (await make(signature="ignored").handle(hook)).events


async def test_installing_leaves_one_webhook_of_ours_and_those_of_others(fake, make):
    others = [{"id": n, "url": f"https://other.example/{n}", "events": ["inbox"], "status": "enable"} for n in range(4)]
    fake.webhooks = list(others)
    adapter = make()
    for _ in range(2):
        await adapter.install("https://desk.example/inbound/8/inbound-secret")
    assert fake.webhooks[:4] == others
    (ours,) = fake.webhooks[4:]
    assert ours["events"] == ["inbox", "imported_message", "outbox_status"]
    assert [found.ok for found in await adapter.check()] == [True, True, True]
    for change in ({"status": "disable"}, {"events": ["inbox"]}):
        fake.webhooks[4] |= change
        before = fake.webhooks[4]["id"]
        await adapter.install("https://desk.example/inbound/8/inbound-secret")
        assert fake.webhooks[4]["id"] != before
        assert (fake.webhooks[4]["status"], len(fake.webhooks)) == ("enable", 5)


async def test_a_check_says_what_is_wrong(fake, make):
    assert [found.ok for found in await make().check()] == [True, True, False]
    assert "no channel 45" in (await make(channel_id=45).check())[1].text
    assert "no transport viber_tr" in (await make(transport="viber_tr").check())[1].text
    fake.token = "another"
    (finding,) = await make().check()
    assert "does not accept the token" in finding.text


def test_what_is_not_known_for_sure_is_listed():
    """Whoever changes the fake's contract says how well each field is known."""
    assert {name for name, grade in FIELDS.items() if grade in {"C", "?"}} == {
        "messages.attachment (other files), attachment_filename",
        "messages/{id} -> data.recipient_status",
        "recipient_status, gateway_status: words",
        "clients -> 400 errors.client[1] as JSON text",
        "webhooks -> status words",
        "hook outbox_status: data.id, data.gateway_status",
        "hook signature: hex or raw MD5",
        "header X-Signature",
        "header X-Timestamp",
    }

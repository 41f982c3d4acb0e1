"""Pact: WhatsApp, WhatsApp Business, Telegram personal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from conformance import Bench, Conformance, Ledger, file
from fakes.pact import BUSINESS, COMPANY, DOUBTS, TELEGRAM, TOKEN, WHATSAPP, PactFake, system
from fakes.strict import Fault

from pult.channels import pact_account
from pult.channels.pact import PactSettings, TelegramPactAdapter, WhatsAppPactAdapter
from pult.channels.pact_events import first_name
from pult.kit.http_out import HttpOut
from pult.messaging.contract import (
    Cap,
    ChannelRecord,
    ChannelReport,
    FileIn,
    FileOut,
    Hook,
    Incoming,
    Outgoing,
    Outside,
    Receipt,
    Recipient,
    SendError,
    State,
    StatusReport,
    Template,
)

DANA = "79254697403"
BY_PHONE, BY_NAME = Recipient(phone=DANA), Recipient(username="ivanov")
DOCUMENT = Path(__file__).parents[2] / "docs" / "channels" / "pact.md"


@pytest.fixture
async def fake():
    made = PactFake()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(scope="module")
async def http():
    made = HttpOut("127.0.0.0/8")
    yield made
    await made.close()


@pytest.fixture
def adapter(fake: PactFake, http: HttpOut):
    """Makes adapters: by Pact's channel, anew each time."""

    def make(channel: int = WHATSAPP, **settings: Any):
        kind = TelegramPactAdapter if channel == TELEGRAM else WhatsAppPactAdapter
        given = {"token": TOKEN, "company_id": COMPANY, "channel_id": channel, "base_url": fake.base_url, **settings}
        record = ChannelRecord(1, channel, "", "", None, PactSettings(**given), "secret")
        return kind(record, Outside(http, "https://desk.example", b"secret"))

    return make


def hook(body: dict[str, Any] | bytes) -> Hook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Hook("POST", {}, {"content-type": "application/json"}, raw)


def job_done(message_id: int = 17) -> Hook:
    """Without a channel inside, as Pact's sample has it."""
    return hook(
        {"type": "job", "event": "executed", "data": {"id": 1, "result": "DELIVERED", "message_id": message_id}}
    )


def acknowledged(channel: int) -> Hook:
    data = {"external_id": 7, "channel": {"id": channel, "type": "whatsapp"}, "conversation_id": 5, "ack": 3}
    return hook({"type": "message", "event": "ack", "data": data})


class TestWhatsAppBusiness(Conformance):
    """A first message to a phone, as a template."""

    @pytest.fixture
    async def bench(self, fake: PactFake, adapter: Any):
        fake.conversations[5] = _conversation(5, BUSINESS)
        to = Recipient(phone=DANA, conversation="5")  # with whom one talks already: texts and files are free
        template = Template("8094", "ru", ["Dana", "18:00", "London"])
        return Bench(fake, lambda: adapter(BUSINESS), to, acknowledged(BUSINESS), signed=False, template=template)


class TestWhatsApp(Conformance):
    """A first message to a phone."""

    @pytest.fixture
    async def bench(self, fake: PactFake, adapter: Any):
        return Bench(fake, adapter, BY_PHONE, acknowledged(WHATSAPP), signed=False)

    async def test_a_template_is_sent(self, bench: Bench):
        """A channel that is not a business one refuses templates: the ticket stays, the message has failed."""
        with pytest.raises(SendError) as error:
            await self.send(bench, Ledger(), Outgoing("d-1-1", BY_PHONE, template=Template("8094")))
        assert error.value.code == "400"
        assert not error.value.retry
        assert not error.value.maybe_sent


class TestTelegram(Conformance):
    """A first message to a nickname."""

    @pytest.fixture
    async def bench(self, fake: PactFake, adapter: Any):
        return Bench(fake, lambda: adapter(TELEGRAM), BY_NAME, acknowledged(TELEGRAM), signed=False)


class TestTelegramConversation(Conformance):
    @pytest.fixture
    async def bench(self, fake: PactFake, adapter: Any):
        fake.conversations[5] = _conversation(5, TELEGRAM)
        to = Recipient(username="ivanov", conversation="5")
        return Bench(fake, lambda: adapter(TELEGRAM), to, acknowledged(TELEGRAM), signed=False)


def _conversation(number: int, channel: int, sender: str = DANA) -> dict[str, Any]:
    kind = {WHATSAPP: "whatsapp", BUSINESS: "whatsapp_business", TELEGRAM: "telegram_personal"}[channel]
    return {
        "external_id": number,
        "name": "Dana",
        "channel_id": channel,
        "channel_type": kind,
        "sender_external_id": sender,
        "meta": {},
        "_sender": sender,
        "_known": True,
    }


async def send(adapter: Any, to: Recipient, text: str = "Hello", ledger: Ledger | None = None, **more: Any) -> Receipt:
    return await adapter.send(Outgoing(own_id="d-1-17", to=to, text=text, **more), ledger or Ledger())


async def events(adapter: Any, body: dict[str, Any] | bytes) -> list[Any]:
    reply = await adapter.handle(hook(body))
    assert reply.status == 200
    return list(reply.events)


# What is sent


async def test_both_spellings_of_a_first_text_are_sent(fake: PactFake, adapter: Any):
    await send(adapter(), BY_PHONE, "Привет & до=свидания +1")
    assert fake.accepted[0]["text"] == "Привет & до=свидания +1"
    body = fake.seen[-1].body.decode()
    assert "&text=" in body
    assert "&message=" in body


async def test_a_template_is_sent_with_its_variables_in_order(fake: PactFake, adapter: Any):
    ledger = Ledger()
    template = Template("8094", "ru", ["John", "18:00", "London & more"])
    receipt = await send(adapter(BUSINESS), BY_PHONE, "", ledger, template=template)
    assert fake.accepted[0]["template"] == {"id": 8094, "language": "ru", "values": ["John", "18:00", "London & more"]}
    assert set(ledger.done) == {"template"}
    assert receipt.job_id in {str(job) for job in fake.jobs}


async def test_a_template_without_variables(fake: PactFake, adapter: Any):
    await send(adapter(BUSINESS), BY_PHONE, "ignored", template=Template("8095", "en_US"))
    assert [sent["template"]["values"] for sent in fake.accepted] == [[]]


async def test_a_template_finds_the_phone_of_a_conversation(fake: PactFake, adapter: Any):
    fake.conversations[5] = _conversation(5, BUSINESS)
    await send(adapter(BUSINESS), Recipient(conversation="5"), "", template=Template("8095"))
    assert fake.accepted[0]["conversation"] == 5


@pytest.mark.parametrize(("key", "variables"), [("8094", ["one"]), ("77", []), ("8095", ["too", "many"])])
async def test_a_template_that_does_not_fit_is_refused(fake: PactFake, adapter: Any, key: str, variables: list[str]):
    with pytest.raises(SendError) as error:
        await send(adapter(BUSINESS), BY_PHONE, "", template=Template(key, "ru", variables))
    assert not error.value.retry
    assert not error.value.maybe_sent
    assert fake.accepted == []


async def test_telegram_prefers_the_nickname(fake: PactFake, adapter: Any):
    ledger = Ledger()
    receipt = await send(adapter(TELEGRAM), Recipient(phone=DANA, username="ivanov"), "Hi", ledger)
    assert fake.conversations[fake.accepted[0]["conversation"]]["_sender"] == "ivanov"
    assert receipt.conversation == ledger.conversation == str(fake.accepted[0]["conversation"])
    await send(adapter(TELEGRAM), BY_PHONE, "Hi")
    assert fake.conversations[fake.accepted[1]["conversation"]]["_sender"] == DANA


async def test_an_unknown_nickname_is_refused(fake: PactFake, adapter: Any):
    with pytest.raises(SendError, match="user not found") as error:
        await send(adapter(TELEGRAM), Recipient(username="nobody"))
    assert not error.value.retry
    assert not error.value.maybe_sent


async def test_a_conversation_is_used_once_it_is_known(fake: PactFake, adapter: Any):
    await send(adapter(), BY_PHONE)
    ledger = Ledger()
    await send(adapter(), BY_PHONE, ledger=ledger)  # Pact says which conversation it is from the second message on
    assert ledger.conversation == str(fake.accepted[0]["conversation"])
    receipt = await send(adapter(), replace(BY_PHONE, conversation=ledger.conversation))
    assert receipt.conversation == ledger.conversation
    assert fake.seen[-1].path == f"/p1/companies/{COMPANY}/conversations/{ledger.conversation}/messages"


async def test_a_conversation_that_is_gone_begins_anew(fake: PactFake, adapter: Any):
    ledger = Ledger()
    await send(adapter(), Recipient(phone=DANA, conversation="4711"), ledger=ledger)
    assert len(fake.accepted) == 1
    with pytest.raises(SendError) as error:
        await send(adapter(), Recipient(conversation="4711"))
    assert error.value.code == "404"
    assert not error.value.retry


async def test_text_and_files_are_messages_of_their_own(fake: PactFake, adapter: Any):
    ledger = Ledger()
    sent = [file("a.png"), file('дого"вор.pdf', "application/pdf", b"%PDF")]
    receipt = await send(adapter(), BY_PHONE, "Look", ledger, files=sent)
    assert [(each.get("text"), each.get("file"), each.get("size")) for each in fake.accepted] == [
        ("Look", None, None),
        (None, "a.png", 12),
        (None, 'дого"вор.pdf', 4),
    ]
    assert list(ledger.done) == ["text", "file-1", "file-2"]
    assert set(receipt.message_ids) == set(ledger.done.values()) == {f"job-{job}" for job in fake.jobs}
    assert ledger.conversation == receipt.conversation


async def test_a_file_alone(fake: PactFake, adapter: Any):
    await send(adapter(), BY_PHONE, "", files=[file("a.png")])
    assert [each["file"] for each in fake.accepted] == ["a.png"]


async def test_telegram_sends_the_text_before_it_can_bring_files(fake: PactFake, adapter: Any):
    with pytest.raises(SendError) as error:
        await send(adapter(TELEGRAM), BY_NAME, "", files=[file("a.png")])
    assert error.value.code == "no_text"
    assert fake.seen == []
    await send(adapter(TELEGRAM), BY_NAME, "Look", files=[file("a.png")])
    assert [each.get("text") or each["file"] for each in fake.accepted] == ["Look", "a.png"]


async def test_a_file_whose_conversation_is_not_known_yet_waits(fake: PactFake, adapter: Any):
    ledger = Ledger(done={"text": ""})
    with pytest.raises(SendError) as error:
        await send(adapter(TELEGRAM), BY_NAME, "Look", ledger, files=[file("a.png")])
    assert error.value.retry
    assert not error.value.maybe_sent
    assert fake.accepted == []


async def test_files_that_cannot_be_brought_send_nothing(fake: PactFake, adapter: Any):
    async def read():
        async def chunks():
            yield b"12345"
            raise OSError("the disk is gone")

        return chunks()

    with pytest.raises(SendError) as error:
        await send(adapter(), BY_PHONE, "Look", ledger := Ledger(), files=[FileOut("a", "x/y", 10, read, "")])
    assert error.value.retry
    assert not error.value.maybe_sent
    assert fake.accepted == []
    assert ledger.began == 0


async def test_a_file_of_which_nobody_knows_is_not_sent_again(fake: PactFake, adapter: Any):
    fake.faults.extend([None, Fault.CUT_AFTER])  # the text goes well
    with pytest.raises(SendError) as error:
        await send(adapter(), BY_PHONE, "Look", ledger := Ledger(), files=[file("a.png"), file("b.png")])
    assert error.value.maybe_sent
    assert not error.value.retry
    assert list(ledger.done) == ["text"]
    assert len(fake.accepted) == 2


async def test_a_big_file(fake: PactFake, adapter: Any):
    await send(adapter(), BY_PHONE, "", files=[file("big.bin", "application/octet-stream", bytes(16 * 2**20))])
    assert fake.accepted[0]["size"] == 16 * 2**20


async def test_a_conversation_that_opens_in_another_channel_is_not_used(fake: PactFake, adapter: Any):
    fake.channels = {44: "whatsapp", **fake.channels}
    with pytest.raises(SendError) as error:
        await send(adapter(), BY_PHONE, "Look", files=[file("a.png")])
    assert error.value.code == "other_channel"
    assert not error.value.retry
    assert fake.accepted == []


async def test_a_long_text_is_cut(fake: PactFake, adapter: Any):
    text = "\n".join(f"line {n} " + "😀" * 60 for n in range(100))
    ledger = Ledger()
    await send(adapter(), BY_PHONE, text, ledger)
    assert len(fake.accepted) > 2
    assert "".join("\n".join(each["text"] for each in fake.accepted).split()) == "".join(text.split())
    assert list(ledger.done) == ["text", *(f"text-{n}" for n in range(2, len(fake.accepted) + 1))]


async def test_a_long_text_goes_on_where_it_stopped(fake: PactFake, adapter: Any):
    text = "\n".join(f"line {n} " + "x" * 90 for n in range(100))
    ledger = Ledger()
    await send(adapter(), BY_PHONE, text, Ledger())
    whole = [each["text"] for each in fake.accepted]
    fake.accepted.clear()
    fake.faults.extend([Fault.UNAVAILABLE])
    with pytest.raises(SendError):
        await send(adapter(), BY_PHONE, text, ledger)
    await send(adapter(), BY_PHONE, text, ledger)
    assert [each["text"] for each in fake.accepted] == whole


async def test_nobody_to_write_to(fake: PactFake, adapter: Any):
    for channel in (WHATSAPP, TELEGRAM):
        with pytest.raises(SendError) as error:
            await send(adapter(channel), Recipient())
        assert error.value.code == "no_phone"
    assert fake.seen == []


async def test_a_conversation_that_is_no_number_is_not_put_into_an_address(fake: PactFake, adapter: Any):
    await send(adapter(), Recipient(phone=DANA, conversation="../../channels/22"))
    assert fake.seen[-1].path == f"/p1/companies/{COMPANY}/channels/{WHATSAPP}/conversations"


# What goes wrong


async def test_an_unpaid_company(fake: PactFake, adapter: Any):
    fake.unpaid = True
    with pytest.raises(SendError, match="has not been paid for") as error:
        await send(adapter(), BY_PHONE)
    assert error.value.code == "402"
    assert not error.value.retry
    assert not error.value.maybe_sent


async def test_a_revoked_token(fake: PactFake, adapter: Any):
    with pytest.raises(SendError, match="token") as error:
        await send(adapter(token="other-token"), BY_PHONE)
    assert error.value.code == "401"
    assert "other-token" not in str(error.value)
    assert not error.value.retry


async def test_a_wait_in_words_is_kept(fake: PactFake, adapter: Any):
    fake.faults.append(Fault.TOO_MANY)
    with pytest.raises(SendError) as error:
        await send(adapter(), BY_PHONE)
    assert error.value.retry_after == 50


@pytest.mark.parametrize("path", ["conversations", "attachments"])
async def test_preparing_is_always_tried_again(fake: PactFake, http: HttpOut, adapter: Any, path: str):
    """Opening a conversation and bringing a file send nothing, whatever their answer."""

    async def broken(request: web.Request) -> web.StreamResponse:
        await request.read()
        if request.path.endswith(path):
            raise web.HTTPInternalServerError
        return web.json_response({"status": "ok", "data": {"conversation": {"external_id": 5}}})

    runner = web.AppRunner(_application(broken))
    await runner.setup()
    await (site := web.TCPSite(runner, "127.0.0.1", 0)).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        with pytest.raises(SendError) as error:
            await send(adapter(base_url=url), BY_PHONE, "Look", ledger := Ledger(), files=[file("a.png")])
    finally:
        await site.stop()
        await runner.cleanup()
    assert error.value.retry
    assert not error.value.maybe_sent
    assert ledger.began == 0


def _application(handler: Any) -> web.Application:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    return application


@pytest.mark.parametrize(
    ("status", "body", "code", "fate"),
    [
        (200, b'{"status": "error", "message": "no such phone"}', "200", "refused"),
        (200, b"", "", "taken"),
        (200, b"[]", "", "taken"),
        (200, b'{"status": "ok", "data": {"id": "18", "message_id": true}}', "", "taken"),
        (200, b"<html>", "not_json", "unsure"),
        (400, b'{"error": {"message": ["bad phone"]}}', "400", "refused"),
        (403, b"", "403", "refused"),
        (404, b"<html>", "404", "refused"),
        (410, b"{}", "410", "refused"),
        (418, b"null", "418", "refused"),
        (429, b'{"errors": "slow down"}', "429", "again"),
        (500, b"{}", "500", "unsure"),
        (502, b"<html>", "502", "unsure"),
        (503, b"", "503", "again"),
    ],
)
async def test_answers_of_every_kind(fake: PactFake, adapter: Any, status: int, body: bytes, code: str, fate: str):
    async def answer(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(status=status, body=body)

    runner = web.AppRunner(_application(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        pact = adapter(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/")
        if fate == "taken":
            assert (await send(pact, BY_PHONE)).state is State.SENT
            return
        with pytest.raises(SendError) as error:
            await send(pact, BY_PHONE)
    finally:
        await runner.cleanup()
    assert error.value.code == code
    assert (error.value.retry, error.value.maybe_sent) == (fate == "again", fate == "unsure")


# What Pact tells


async def test_a_message_is_followed_from_its_job_to_the_reading(fake: PactFake, adapter: Any):
    receipt = await send(adapter(), BY_PHONE)
    job = int(receipt.job_id or 0)
    message_id = fake.message_of(job)
    (sent,) = await events(adapter(), fake.new_message(message_id))
    assert sent.channel_ref == adapter().channel_ref
    assert sent.what == StatusReport(
        State.SENT,
        datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC),
        message_id=f"job-{job}",
        job_id=str(job),
        also_known_as=str(message_id),
        conversation=str(fake.accepted[0]["conversation"]),
    )
    (delivered,) = await events(adapter(), fake.executed(job))
    assert (delivered.what.state, delivered.what.job_id) == (State.DELIVERED, str(job))
    assert delivered.what.at == datetime(2026, 11, 22, 12, 46, tzinfo=UTC)
    states = [(await events(adapter(), fake.acknowledged(message_id, ack)))[0].what.state for ack in (1, 2, 3)]
    assert states == [State.SENT, State.DELIVERED, State.READ]


async def test_a_job_that_failed(fake: PactFake, adapter: Any):
    receipt = await send(adapter(), BY_PHONE)
    (failed,) = await events(adapter(), fake.executed(int(receipt.job_id or 0), "Contact is not present"))
    assert failed.what.state is State.FAILED
    assert (failed.what.code, failed.what.text) == ("not_delivered", "Contact is not present")


async def test_a_message_sent_without_a_job(fake: PactFake, adapter: Any):
    fake.synchronous = True
    receipt = await send(adapter(), BY_PHONE)
    message_id = next(iter(fake.messages))
    assert str(message_id) in receipt.message_ids
    first, second = await events(adapter(), fake.new_message(message_id))
    assert first.what.message_id == str(message_id)  # ours, if its name is known
    assert (second.what.message_id, second.what.written_by_us) == (str(message_id), True)  # otherwise somebody's


async def test_the_first_message_of_a_telegram_conversation_is_known_again(fake: PactFake, adapter: Any):
    receipt = await send(adapter(TELEGRAM), BY_NAME, "Hello,\n Dana ")
    assert receipt.job_id is None
    (name,) = receipt.message_ids
    message_id = next(iter(fake.messages))
    fake.messages[message_id]["text"] = "Hello, Dana"
    told = await events(adapter(TELEGRAM), fake.new_message(message_id))
    tied = [event.what for event in told if isinstance(event.what, StatusReport) and event.what.message_id == name]
    assert [report.also_known_as for report in tied] == [str(message_id)]
    assert isinstance(told[-1].what, Incoming)  # the desk knows the id by now and shows nothing


async def test_a_client_writes(fake: PactFake, adapter: Any):
    (event,) = await events(adapter(), fake.from_client(WHATSAPP, DANA, "Where is\nmy order?"))
    conversation = next(iter(fake.conversations))
    assert event.channel_ref == adapter().channel_ref
    assert event.what == Incoming(
        message_id=str(next(iter(fake.messages))),
        at=datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC),
        text="Where is\nmy order?",
        conversation=str(conversation),
        phone=DANA,
        name="Dana",
    )


async def test_a_client_of_telegram_has_no_phone(fake: PactFake, adapter: Any):
    (event,) = await events(adapter(TELEGRAM), fake.from_client(TELEGRAM, "ivanov", "Hi"))
    assert (event.what.phone, event.what.username, event.what.name) == (None, None, "Dana")


async def test_somebody_of_ours_writes_on_the_phone(fake: PactFake, adapter: Any):
    body = fake.from_phone(WHATSAPP, DANA, "I call you")
    incoming = (await events(adapter(), body))[-1].what
    assert (incoming.written_by_us, incoming.text, incoming.phone) == (True, "I call you", DANA)


async def test_who_it_is_is_asked_once(fake: PactFake, adapter: Any):
    pact, body = adapter(), fake.from_client(WHATSAPP, DANA, "Hi")
    for _ in range(50):
        await events(pact, body)
    assert len(fake.seen) == 1


async def test_who_it_is_is_not_asked_where_pact_said_so(fake: PactFake, adapter: Any):
    pact, body = adapter(), fake.from_client(WHATSAPP, DANA, "Hi")
    assert await events(pact, fake.new_conversation(next(iter(fake.conversations)))) == []
    (event,) = await events(pact, body)
    assert (event.what.phone, event.what.name) == (DANA, "Dana")
    assert fake.seen == []


async def test_a_slow_answer_holds_no_message_up(fake: PactFake, adapter: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pact_account, "ASK_WITHIN", 0.1)
    answer = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await answer.wait()
        return web.json_response({})

    runner = web.AppRunner(_application(slow))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        pact = adapter(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/")
        (event,) = await events(pact, fake.from_client(WHATSAPP, DANA, "Hi"))
        assert (event.what.text, event.what.phone) == ("Hi", None)
        assert len((await pact.handle(job_done())).events) == 1
    finally:
        answer.set()
        await runner.cleanup()


async def test_a_message_is_taken_although_pact_does_not_say_who_it_is(fake: PactFake, adapter: Any):
    body = fake.from_client(WHATSAPP, DANA, "Hi")
    pact = adapter()
    await fake.stop()
    (event,) = await events(pact, body)
    assert (event.what.text, event.what.phone) == ("Hi", None)
    await fake.start()
    (event,) = await events(pact, body)  # what was not answered is asked again
    assert event.what.phone == DANA


async def test_a_message_without_a_channel_is_asked_for(fake: PactFake, adapter: Any):
    body = fake.from_client(TELEGRAM, "ivanov", "Hi")
    del body["data"]["channel"], body["data"]["channel_id"]
    (event,) = await events(adapter(), body)
    assert event.channel_ref == adapter(TELEGRAM).channel_ref
    body["data"]["conversation_id"] = 4711
    assert await events(adapter(), body) == []


async def test_files_of_a_client(fake: PactFake, adapter: Any):
    fake.cdn["photo.jpg"] = b"\xff\xd8 photo"
    url = f"{fake.url}/cdn/photo.jpg"
    told = [
        {"id": 1, "file_name": "photo.jpg", "mime_type": "image/jpeg", "size": 8, "attachment_url": url},
        url,
        {"url": "/cdn/photo.jpg", "name": "a/b.jpg"},
        {"id": 3},
        {"url": "javascript:alert(1)"},
        {"url": "http://[broken"},
        17,
    ]
    (event,) = await events(adapter(), fake.from_client(WHATSAPP, DANA, "Look", told))
    first, second, third = event.what.files
    assert first == FileIn(url, "photo.jpg", "image/jpeg", 8)
    assert (second.ref, second.name, third.ref, third.name) == (url, "photo.jpg", url, "a_b.jpg")
    assert event.what.text == "Look\n[4 attachment(s) that can be seen in Pact only]"
    content = await adapter().open_file(first)
    assert b"".join([chunk async for chunk in content.chunks]) == fake.cdn["photo.jpg"]
    gone = await adapter().open_file(replace(first, ref=f"{fake.url}/cdn/gone"))
    with pytest.raises(SendError) as error:
        await anext(gone.chunks)
    assert error.value.retry


async def test_a_file_at_an_address_of_our_own_network_is_not_fetched(adapter: Any):
    content = await adapter().open_file(FileIn("http://10.0.0.1/secret", "secret"))
    with pytest.raises(SendError) as error:
        await anext(content.chunks)
    assert error.value.code == "private_address"
    assert not error.value.retry


async def test_a_location_is_shown(fake: PactFake, adapter: Any):
    body = fake.from_client(WHATSAPP, DANA, "")
    body["data"] |= {"message": None, "location": {"latitude": 55.7, "longitude": 37.6}}
    (event,) = await events(adapter(), body)
    assert event.what.text == '[location] {"latitude":55.7,"longitude":37.6}'


@pytest.mark.parametrize(
    ("message", "healthy"),
    [
        ("authorized", True),
        ("phone online", True),
        ("synchronized", True),
        ("phone offline", False),
        ("unavailable", False),
        ("disabled", False),
        ("trying_resume_work", False),
    ],
)
async def test_how_the_channel_is(adapter: Any, message: str, healthy: bool):
    (event,) = await events(adapter(), system(TELEGRAM, message))
    assert isinstance(event.what, ChannelReport)
    assert event.what.healthy is healthy
    assert event.what.at == datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC)
    assert event.channel_ref == adapter(TELEGRAM).channel_ref


async def test_a_qr_code_is_wanted(adapter: Any):
    code = {"type": "qr_code", "event": "new", "company_id": COMPANY, "channel_id": WHATSAPP, "data": "aGk="}
    (event,) = await events(adapter(), code)
    assert not event.what.healthy
    assert "aGk" not in event.what.text
    assert await events(adapter(), code | {"company_id": 12}) == []


# One company, several channels


async def test_calls_are_routed_by_the_channel_inside(fake: PactFake, adapter: Any):
    (event,) = await events(adapter(WHATSAPP), fake.from_client(TELEGRAM, "ivanov", "Hi"))
    assert event.channel_ref == adapter(TELEGRAM).channel_ref != adapter(WHATSAPP).channel_ref
    assert adapter(TELEGRAM, base_url="http://127.0.0.1:1/").channel_ref != adapter(TELEGRAM).channel_ref
    assert adapter(TELEGRAM, company_id=12).channel_ref != adapter(TELEGRAM).channel_ref


async def test_a_job_is_routed_although_its_call_names_no_channel(fake: PactFake, adapter: Any):
    fake.conversations[5] = _conversation(5, TELEGRAM)
    receipt = await send(adapter(TELEGRAM), Recipient(conversation="5"))
    body = fake.executed(int(receipt.job_id or 0))
    pact = adapter(WHATSAPP)
    (event,) = await events(pact, body)
    assert event.channel_ref == adapter(TELEGRAM).channel_ref
    asked = len(fake.seen)
    for _ in range(50):
        assert (await events(pact, body))[0].channel_ref == event.channel_ref
    assert len(fake.seen) == asked


async def test_a_job_that_no_channel_has_is_the_called_channels(fake: PactFake, adapter: Any):
    """It is none of ours then, and the desk knows no message of that name."""
    (event,) = (await adapter().handle(job_done())).events
    assert event.channel_ref == adapter().channel_ref


async def test_a_job_that_cannot_be_asked_for_is_this_channels(fake: PactFake, adapter: Any):
    pact = adapter()
    await fake.stop()
    (event,) = (await pact.handle(job_done())).events
    assert event.channel_ref == pact.channel_ref


async def test_another_companys_message_is_another_channels(fake: PactFake, adapter: Any):
    body = fake.from_client(WHATSAPP, DANA, "Hi")
    body["data"] |= {"channel": {"id": 999, "type": "whatsapp"}, "channel_id": 999, "conversation_id": 888}
    (event,) = await events(adapter(), body)
    assert event.channel_ref not in {adapter(channel).channel_ref for channel in fake.channels}


# What is no sense, too much, or not for us


@pytest.mark.parametrize(
    "body",
    [
        {"source": "pact.im", "operation": "test"},
        {"type": "conversation", "event": "new", "data": {"external_id": 1, "channel_id": WHATSAPP}},
        {"type": "group_message", "event": "new", "data": {"external_id": 1, "conversation_id": 1, "income": True}},
        {"type": "message", "event": "new", "data": {"external_id": [], "conversation_id": {}, "income": True}},
        {"type": "message", "event": "new", "data": {"external_id": 1, "conversation_id": 1, "income": "yes"}},
        {"type": "message", "event": "new", "data": {"external_id": -1, "conversation_id": 1, "income": True}},
        {"type": "message", "event": "new", "data": {"external_id": True, "conversation_id": 1, "income": True}},
        {"type": "message", "event": "new", "data": {"external_id": 2**70, "conversation_id": 1, "income": True}},
        {"type": "message", "event": "new", "data": "text"},
        {"type": "message", "event": "edited", "data": {}},
        {"type": "message", "event": "ack", "data": {"external_id": 1, "ack": "3"}},
        {"type": "message", "event": "ack", "data": {"external_id": 1, "ack": -1}},
        {"type": "message", "event": "ack", "data": {"external_id": 1, "ack": 0}},
        {"type": "message", "event": "ack", "data": {"ack": 2}},
        {"type": ["message"], "event": {"new": 1}, "data": []},
        {"type": "job", "event": "executed", "data": {"id": 1, "result": "PERHAPS"}},
        {"type": "job", "event": "executed", "data": {"result": "DELIVERED"}},
        {"type": "system", "data": {"message": "unheard of", "details": {"entity": "channel", "entity_id": 22}}},
        {"type": "system", "data": {"message": "authorized", "details": {"entity": "moon", "entity_id": 22}}},
        {"type": "system", "data": {"message": "authorized"}},
        {"type": "qr_code", "event": "new", "channel_id": "x"},
    ],
)
async def test_calls_that_say_nothing(fake: PactFake, adapter: Any, body: dict[str, Any]):
    assert await events(adapter(), body) == []
    assert fake.accepted == []


@pytest.mark.parametrize(
    ("unix", "written", "at"),
    [
        (1795351553, None, datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC)),
        (None, "2026-11-22 12:45:53 UTC", datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC)),
        (None, "2026-11-22T15:45:53.000+03:00", datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC)),
        (10**18, "2026-11-22T12:45:53Z", datetime(2026, 11, 22, 12, 45, 53, tzinfo=UTC)),
        (True, 17, None),
        ("soon", "0001-01-01T00:00:00+23:00", None),
    ],
)
async def test_times(fake: PactFake, adapter: Any, unix: Any, written: Any, at: datetime | None):
    body = fake.from_client(WHATSAPP, DANA, "Hi")
    body["data"] |= {"created_at_timestamp": unix, "created_at": written}
    before = datetime.now(UTC)
    (event,) = await events(adapter(), body)
    if at is None:
        assert before <= event.what.at <= datetime.now(UTC)
    else:
        assert event.what.at == at


async def test_a_megabyte(fake: PactFake, adapter: Any):
    body = fake.from_client(WHATSAPP, DANA, "x" * 2**20)
    (event,) = await events(adapter(), body)
    assert len(event.what.text) == 2**20
    assert await events(adapter(), b"[" * 2**20) == []
    assert await events(adapter(), b'{"type":' * 100_000) == []


async def test_ten_thousand_repeats_ask_once(fake: PactFake, adapter: Any):
    receipt = await send(adapter(), BY_PHONE)
    body = json.dumps(fake.executed(int(receipt.job_id or 0))).encode()
    pact, asked = adapter(), len(fake.seen)
    for _ in range(10_000):
        assert len((await pact.handle(hook(body))).events) == 1
    assert len(fake.seen) == asked + 1


# What is asked of Pact


async def test_what_became_of_it_can_be_asked(fake: PactFake, adapter: Any):
    receipt = await send(adapter(), BY_PHONE, "Look", files=[file("a.png")])
    text, picture = sorted(fake.jobs)
    assert await adapter().look_up(receipt) is None
    fake.executed(text)
    assert await adapter().look_up(receipt) is None  # a part of it is not known yet
    fake.executed(picture)
    found = await adapter().look_up(receipt)
    assert (found.state, found.also_known_as) == (State.DELIVERED, str(fake.message_of(picture)))
    fake.executed(text, "Message was rejected")
    failed = await adapter().look_up(Receipt(message_ids=receipt.message_ids))
    assert (failed.state, failed.text) == (State.FAILED, "Message was rejected")


async def test_what_pact_does_not_know_is_not_known(fake: PactFake, adapter: Any):
    assert await adapter().look_up(Receipt(job_id="4711")) is None
    assert await adapter().look_up(Receipt(message_ids=["17", first_name("5", "Hi")])) is None
    await fake.stop()
    assert await adapter().look_up(Receipt(job_id="17")) is None


async def test_templates_come_page_by_page(fake: PactFake, adapter: Any):
    fake.templates = [
        {"id": 8000 + n, "waba_id": f"1_template_{n}", "substitutions_count": n % 3, "name": f"n {n}"}
        for n in range(250)
    ]
    found = await adapter(BUSINESS).templates()
    assert [known.key for known in found[:2]] == ["8000", "1_template_0"]
    assert {known.key: known.variables for known in found}["8100"] == 1
    assert len({known.key for known in found}) == 500


async def test_templates_that_cannot_be_asked_for(fake: PactFake, adapter: Any):
    del fake.channels[BUSINESS]
    assert await adapter().templates() is None
    assert await adapter(TELEGRAM).templates() is None
    assert Cap.TEMPLATE not in adapter(TELEGRAM).caps


async def test_pact_is_told_where_to_call(fake: PactFake, adapter: Any):
    called: list[Any] = []

    async def desk(request: web.Request) -> web.StreamResponse:
        reply = await adapter().handle(hook(await request.read()))
        called.append(reply.events)
        return web.Response(status=reply.status, body=reply.body)

    runner = web.AppRunner(_application(desk))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/inbound/22/secret"
        await adapter().install(url)
        assert called == [()]
        assert fake.webhook_url == url
        assert await fake.tell(fake.from_client(WHATSAPP, DANA, "Hi"), times=2) == [200, 200]
        assert [len(told) for told in called] == [0, 1, 1]
    finally:
        await runner.cleanup()
    with pytest.raises(SendError, match="does not answer"):
        await adapter().install(url)


async def test_a_channel_is_checked(fake: PactFake, adapter: Any):
    assert [finding.ok for finding in await adapter().check()] == [True, True, False]  # nobody is called yet
    fake.webhook_url = "https://desk.example/inbound/22/secret"
    assert all(finding.ok for finding in await adapter().check())
    assert all(finding.ok for finding in await adapter(BUSINESS).check())
    fake.webhook_url = "https://elsewhere.example/hidden-path"
    last = (await adapter().check())[-1]
    assert not last.ok
    assert "elsewhere.example" in last.text
    assert "hidden-path" not in last.text
    wrong = [
        await adapter(channel_id=99).check(),
        await adapter(token="bad").check(),
        await adapter(company_id=1).check(),
    ]
    assert [[finding.ok for finding in found] for found in wrong] == [[False], [False], [False]]
    fake.channels[WHATSAPP] = "viber"
    assert [finding.ok for finding in await adapter().check()] == [True, False, False]
    assert fake.accepted == []


# Settings, and what is still open


def test_settings_of_a_desk_file():
    settings = {"base_url": "http://127.0.0.1:9101/p1/", "token": "pact-token", "company_id": 11, "channel_id": 22}
    read = msgspec.convert(settings, PactSettings)
    assert (read.company_id, read.delivered_within, read.claim_delivered) == (11, 3.0, False)
    for wrong in ({"token": ""}, {"company_id": 0}, {"channel_id": "x"}, {"base_url": "api.pact.im"}, {"tokn": "x"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(settings | wrong, PactSettings)


def test_every_doubt_stands_in_the_documents():
    written = DOCUMENT.read_text().lower()
    assert [doubt for doubt in DOUBTS if f"**{doubt}**".lower() not in written] == []

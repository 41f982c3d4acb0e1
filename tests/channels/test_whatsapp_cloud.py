"""WhatsApp's own Cloud API, against a fake that checks sends by a closed schema and signs what it posts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
import pywa_async
from conformance import Bench, Conformance, Ledger, file
from fakes.door import Door
from fakes.strict import Fault
from fakes.whatsapp_cloud import STAMP, WhatsAppCloudFake
from pywa.types.base_update import RawUpdate
from pywa.utils import webhook_updates_validator
from pywa_async.types import Message, MessageStatus

from pult.channels.whatsapp_cloud import WhatsAppCloudAdapter, WhatsAppCloudSettings
from pult.kit.http_out import HttpOut
from pult.messaging.contract import (
    ChannelRecord,
    FileIn,
    Hook,
    KnownTemplate,
    Outgoing,
    Outside,
    Recipient,
    SendError,
    State,
    Template,
)

DANA = Recipient(phone="79161234567")
WHEN = datetime.fromtimestamp(STAMP, UTC)
PATH = "/inbound/9/s3cret"


@pytest.fixture
async def http():
    made = HttpOut("127.0.0.0/8")
    yield made
    await made.close()


@pytest.fixture
async def fake():
    made = WhatsAppCloudFake()
    made.template("code", "ru", "Ваш код {{1}}, {{2}}")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def door():
    made = Door()
    await made.start(PATH)
    yield made
    await made.stop()


def adapter_of(fake, http, secret=b"secret", **settings):
    given = {
        "base_url": f"{fake.url}/v23.0/",
        "token": fake.token,
        "phone_number_id": fake.number,
        "app_secret": fake.app_secret,
        "verify_token": fake.verify_token,
        "waba_id": fake.account,
    }
    made = WhatsAppCloudSettings(**{**given, **settings})
    record = ChannelRecord(1, 9, "whatsapp_cloud", "WhatsApp", None, made, "s3cret")
    return WhatsAppCloudAdapter(record, Outside(http, "https://desk.example", secret))


@pytest.fixture
def adapter(fake, http):
    return adapter_of(fake, http)


def asked(to=DANA, **changes):
    return Outgoing(own_id="d-1-17", to=to, **{"text": "Hello, Dana", **changes})


def hook(fake, body):
    raw, headers = fake.signed(body)
    return Hook("POST", {}, {"content-type": "application/json", **headers}, raw)


async def told(fake, adapter, body):
    reply = await adapter.handle(hook(fake, body))
    assert reply.status == 200
    return [event.what for event in reply.events]


class TestWhatsAppCloud(Conformance):
    @pytest.fixture
    async def bench(self, fake, http):
        return Bench(
            fake,
            lambda: adapter_of(fake, http),
            DANA,
            hook=hook(fake, fake.written("text", {"body": "Здравствуйте"})),
            template=Template("code", "ru", ["1234", "Дана"]),
        )

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[1]", b"[" * 2**20, b'{"entry": {}}', b'{"entry": [{"changes": [7]}]}']
    )
    async def test_no_sense_that_is_signed_right_changes_nothing(self, fake, adapter, body):
        assert await told(fake, adapter, body) == []


class TestSending:
    async def test_every_field_of_a_text(self, adapter, fake):
        receipt = await adapter.send(asked(text="https://example.com"), Ledger())
        assert [seen.path for seen in fake.seen] == ["/v23.0/106540352242922/messages"]
        assert fake.accepted == [
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": "79161234567",
                "type": "text",
                "text": {"body": "https://example.com", "preview_url": True},
                "biz_opaque_callback_data": fake.accepted[0]["biz_opaque_callback_data"],
                "media": None,
            }
        ]
        assert (receipt.state, receipt.message_ids, receipt.conversation) == (State.SENT, ["wamid.OUT1"], "79161234567")

    async def test_a_client_is_called_as_whatsapp_calls_them(self, adapter, fake):
        fake.wa_ids["5212221234567"] = "522221234567"
        receipt = await adapter.send(asked(to=Recipient(phone="+52 1 222 123-45-67")), Ledger())
        assert receipt.conversation == "522221234567"
        await adapter.send(asked(to=Recipient(phone="5212221234567", conversation=receipt.conversation)), Ledger())
        assert [sent["to"] for sent in fake.accepted] == ["5212221234567", "522221234567"]

    async def test_a_client_without_a_phone(self, adapter, fake):
        await adapter.send(asked(to=Recipient(conversation="RU.1776622120445919")), Ledger())
        assert fake.accepted[0]["recipient"] == "RU.1776622120445919"
        assert "to" not in fake.accepted[0]

    @pytest.mark.parametrize(
        ("name", "mime", "kind"),
        [
            ("a.png", "image/png", "image"),
            ("a.mp4", "video/mp4", "video"),
            ("голос.ogg", "audio/ogg; codecs=opus", "audio"),
            ('счёт "новый".pdf', "application/pdf", "document"),
        ],
    )
    async def test_files_are_uploaded_whole_and_sent_by_their_id(self, adapter, fake, name, mime, kind):
        content = bytes(range(256)) * 1000
        await adapter.send(asked(text="", files=[file(name, mime, content)]), Ledger())
        (sent,) = fake.accepted
        assert sent["type"] == kind
        assert sent[kind].get("filename") == (name if kind == "document" else None)
        assert sent["media"] == (name.replace('"', "%22"), mime.partition(";")[0], content)

    async def test_an_answer_that_does_not_name_the_message(self, adapter, fake):
        fake.nameless = True
        with pytest.raises(SendError) as error:
            await adapter.send(asked(), Ledger())
        assert (error.value.maybe_sent, error.value.retry) == (True, False)

    async def test_what_nothing_takes_is_refused_before_its_text_is_sent(self, adapter, fake):
        with pytest.raises(SendError) as error:
            await adapter.send(asked(files=[replace(file(), size=101 * 2**20)]), Ledger())
        assert (error.value.code, error.value.retry) == ("file_too_large", False)
        assert fake.seen == []

    async def test_a_file_that_is_not_taken(self, adapter, fake):
        with pytest.raises(SendError) as error:
            await adapter.send(asked(text="", files=[file("a.exe", "application/x-msdownload")]), Ledger())
        assert (error.value.code, error.value.retry, error.value.maybe_sent) == ("100", False, False)
        assert fake.accepted == []

    @pytest.mark.parametrize(("status", "retry"), [(500, True), (503, True), (429, True), (401, False)])
    async def test_a_failed_upload_was_not_sent_for_certain(self, adapter, fake, status, retry):
        fake.failing_uploads.append(status)
        with pytest.raises(SendError) as error:
            await adapter.send(asked(files=[file()]), ledger := Ledger())
        assert (error.value.retry, error.value.maybe_sent) == (retry, False)
        assert list(ledger.done) == ["text"]
        await adapter.send(asked(files=[file()]), ledger)
        assert [sent["type"] for sent in fake.accepted] == ["text", "image"]

    async def test_a_file_that_cannot_be_read_is_tried_again(self, adapter, fake):
        async def broken():
            async def chunks():
                yield b"123"
                raise OSError

            return chunks()

        with pytest.raises(SendError) as error:
            await adapter.send(asked(text="", files=[replace(file(), read=broken)]), Ledger())
        assert error.value.retry
        assert fake.accepted == []

    async def test_a_template(self, adapter, fake):
        await adapter.send(asked(text="as shown", template=Template("code", "ru", ["1", "2"])), Ledger())
        filled = [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]
        assert [sent["template"] for sent in fake.accepted] == [
            {
                "name": "code",
                "language": {"policy": "deterministic", "code": "ru"},
                "components": [{"type": "body", "parameters": filled}],
            }
        ]

    @pytest.mark.parametrize(
        ("template", "code", "words"),
        [
            (Template("code", "ru", ["1"]), "132000", "another number of variables"),
            (Template("Main", "ru"), "132001", "no approved template"),
        ],
    )
    async def test_a_template_that_is_refused(self, adapter, fake, template, code, words):
        with pytest.raises(SendError) as error:
            await adapter.send(asked(text="", template=template), Ledger())
        assert (error.value.code, error.value.retry, error.value.maybe_sent) == (code, False, False)
        assert words in error.value.text

    @pytest.mark.parametrize(
        ("status", "code", "retry", "words"),
        [
            (400, 131047, False, "takes only a template"),
            (400, 131026, False, "cannot be reached"),
            (400, 131030, False, "test number"),
            (401, 190, False, "access token is not valid"),
            (403, 200, False, "lacks the right"),
            (400, 130429, True, "for now"),
            (400, 131056, True, "to this client"),
            (400, 80007, True, "for now"),
            (500, 131057, True, "maintenance"),
            (400, 987654, False, "Odd thing"),
        ],
    )
    async def test_errors_by_number(self, adapter, fake, status, code, retry, words):
        fake.refusals.append((status, code, "Odd thing"))
        with pytest.raises(SendError) as error:
            await adapter.send(asked(), Ledger())
        assert (error.value.code, error.value.retry, error.value.maybe_sent) == (str(code), retry, False)
        assert words in error.value.text
        assert "Odd thing" in error.value.text

    async def test_a_token_is_never_shown(self, fake, http):
        with pytest.raises(SendError) as error:
            await adapter_of(fake, http, token="EAAG-revoked").send(asked(), Ledger())
        assert error.value.code == "190"
        assert "EAAG" not in str(error.value)

    async def test_what_nobody_knows_is_settled_by_its_report(self, adapter, fake):
        fake.faults.append(Fault.CUT_AFTER)
        with pytest.raises(SendError) as error:
            await adapter.send(asked(), Ledger())
        assert error.value.maybe_sent
        (report,) = await told(fake, adapter, fake.status(1, "sent"))
        assert (report.own_id, report.message_id, report.state) == ("d-1-17", "wamid.OUT1", State.SENT)

    async def test_another_desks_reports_name_no_message_of_ours(self, adapter, fake, http):
        await adapter_of(fake, http, secret=b"of another desk").send(asked(), Ledger())
        (report,) = await told(fake, adapter, fake.status(1, "read"))
        assert (report.own_id, report.message_id) == (None, "wamid.OUT1")


class TestReports:
    @pytest.mark.parametrize(
        ("word", "state"),
        [("sent", State.SENT), ("delivered", State.DELIVERED), ("read", State.READ), ("played", State.READ)],
    )
    async def test_states(self, adapter, fake, word, state):
        await adapter.send(asked(), Ledger())
        more = {"conversation": {"id": "c", "origin": {"type": "utility"}}, "pricing": {"billable": True}}
        (report,) = await told(fake, adapter, fake.status(1, word, **more))
        assert (report.state, report.at, report.code) == (state, WHEN, "")

    async def test_a_failure_says_why(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        details = "Message failed to send because more than 24 hours have passed"
        error = {"code": 131047, "title": "Re-engagement message", "message": "x", "error_data": {"details": details}}
        (report,) = await told(fake, adapter, fake.status(1, "failed", errors=[error]))
        assert (report.state, report.code) == (State.FAILED, "131047")
        assert report.text.startswith(
            "more than 24 hours since the client last wrote: WhatsApp now takes only a template"
        )
        assert details in report.text

    async def test_unknown_states_and_reports_without_a_name(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        assert await told(fake, adapter, fake.status(1, "warned")) == []
        assert (
            await told(fake, adapter, fake.update({"statuses": [{"status": "read"}, 1, {"id": "x", "status": 3}]}))
            == []
        )
        (report,) = await told(
            fake, adapter, fake.update({"statuses": [{"id": "x", "status": "failed", "errors": "?"}]})
        )
        assert (report.state, report.own_id, report.text) == (State.FAILED, None, "")

    async def test_registered_called_repeated_and_out_of_order(self, adapter, fake, door):
        door.adapter = adapter
        await adapter.install(door.url)
        assert fake.called_at == door.url
        await adapter.send(asked(), Ledger())
        answers = await fake.tell(fake.status(1, "read"), fake.status(1, "delivered"), times=2)
        assert answers == [200] * 4
        assert [event.what.state for event in door.events] == [State.READ, State.READ, State.DELIVERED, State.DELIVERED]
        assert door.events[0] == door.events[1]
        assert {event.channel_ref for event in door.events} == {fake.number}


class TestIncoming:
    async def test_a_text(self, adapter, fake):
        reply = await adapter.handle(hook(fake, fake.written("text", {"body": "Добрый день \U0001f44b"})))
        (event,) = reply.events
        assert event.channel_ref == adapter.channel_ref == fake.number
        assert (event.what.message_id, event.what.text, event.what.at) == ("wamid.IN1", "Добрый день \U0001f44b", WHEN)
        assert (event.what.phone, event.what.conversation, event.what.name) == ("79161234567", "79161234567", "Dana")

    @pytest.mark.parametrize(
        ("kind", "content", "text"),
        [
            ("button", {"text": "Да", "payload": "yes"}, "Да"),
            ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Позвоните"}}, "Позвоните"),
            ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Доставка"}}, "Доставка"),
            ("interactive", {"type": "nfm_reply", "nfm_reply": {"body": "Sent", "response_json": "{}"}}, "Sent"),
            ("interactive", {"type": ["x"]}, "[interactive]"),
            ("reaction", {"emoji": "👍", "message_id": "x"}, "👍"),
            ("location", {"latitude": 55.75, "longitude": 37.61}, "https://maps.google.com/?q=55.75,37.61"),
            ("contacts", [{"name": {"formatted_name": "Боб"}, "phones": [{"phone": "+7 999"}]}], "Боб +7 999"),
            ("order", {"catalog_id": "1", "product_items": []}, "[order]"),
            ("unsupported", {"type": "poll"}, "[unsupported]"),
            ("edit", {"original_message_id": "x", "message": {"type": "text", "text": {"body": "Нет"}}}, "Нет"),
            ("edit", {"message": {"type": "edit"}}, "[edit]"),
            ("text", "not an object", "[text]"),
        ],
    )
    async def test_whatever_was_written_can_be_read(self, adapter, fake, kind, content, text):
        (incoming,) = await told(fake, adapter, fake.written(kind, content))
        assert incoming.text == text
        assert incoming.files == []

    @pytest.mark.parametrize(
        ("kind", "content", "name", "text"),
        [
            ("image", {"caption": "чек", "mime_type": "image/jpeg"}, "image.jpg", "чек"),
            ("document", {"filename": "договор.pdf", "mime_type": "application/pdf"}, "договор.pdf", ""),
            ("document", {"filename": "../../etc/passwd", "mime_type": "text/plain"}, ".._.._etc_passwd", ""),
            ("audio", {"mime_type": "audio/ogg; codecs=opus", "voice": True}, "audio.ogg", ""),
            ("sticker", {"mime_type": "image/webp", "animated": False}, "sticker.webp", ""),
        ],
    )
    async def test_a_file(self, adapter, fake, kind, content, name, text):
        (incoming,) = await told(fake, adapter, fake.written(kind, {**content, "id": "777", "sha256": "x"}))
        assert [(found.ref, found.name, found.mime) for found in incoming.files] == [
            ("777", name, content["mime_type"])
        ]
        assert incoming.text == text

    async def test_what_nobody_wrote_is_no_message(self, adapter, fake):
        for kind in ("system", "request_welcome", "revoke"):
            assert await told(fake, adapter, fake.written(kind, {"body": "changed"})) == []
        value = {"event": "APPROVED", "message_template_name": "code"}
        assert await told(fake, adapter, fake.update(value, field="message_template_status_update")) == []

    async def test_what_we_wrote_on_the_phone_is_shown(self, adapter, fake):
        echo = {"from": "79990000000", "to": "79161234567", "id": "wamid.E1", "timestamp": str(STAMP), "type": "text"}
        body = fake.update({"message_echoes": [{**echo, "text": {"body": "Перезвоню"}}]}, field="smb_message_echoes")
        (found,) = await told(fake, adapter, body)
        assert (found.written_by_us, found.conversation, found.text) == (True, "79161234567", "Перезвоню")

    async def test_a_client_without_a_phone(self, adapter, fake):
        body = fake.written("text", {"body": "?"})
        value = body["entry"][0]["changes"][0]["value"]
        value["contacts"][0] = {"profile": {"name": "Dana"}, "user_id": "RU.1776622120445919"}
        value["messages"][0] |= {"from": "", "from_user_id": "RU.1776622120445919"}
        (incoming,) = await told(fake, adapter, body)
        assert (incoming.conversation, incoming.phone, incoming.name) == ("RU.1776622120445919", None, "Dana")

    async def test_one_call_with_several(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        body = fake.written("text", {"body": "1"})
        body["entry"] += [*fake.status(1, "read")["entry"], None, {"changes": None}, {"changes": [{"value": []}]}]
        assert [type(what).__name__ for what in await told(fake, adapter, body)] == ["Incoming", "StatusReport"]

    async def test_one_megabyte(self, adapter, fake):
        (incoming,) = await told(fake, adapter, fake.written("text", {"body": "я" * 170_000}))
        assert len(incoming.text) == 170_000


class TestSignature:
    BODY = (
        rb'{"object":"whatsapp_business_account","entry":[],"note":"\u041f\u0440\u0438\u0432\u0435\u0442 \ud83d\udc4b"}'
    )
    # printf '%s' "$BODY" | openssl dgst -sha256 -hmac it-is-a-secret
    KNOWN = "sha256=9b6118721389f46da07d1d16e9a0ac48bc985d41d028e9bf473c0cc32a4c4546"

    async def status(self, fake, http, body, headers):
        adapter = adapter_of(fake, http, app_secret="it-is-a-secret")
        return (await adapter.handle(Hook("POST", {}, headers, body))).status

    async def test_a_known_answer(self, fake, http):
        assert await self.status(fake, http, self.BODY, {"x-hub-signature-256": self.KNOWN}) == 200

    async def test_the_same_json_in_other_bytes_is_another_body(self, fake, http):
        written_anew = json.dumps(json.loads(self.BODY), ensure_ascii=False).encode()
        assert await self.status(fake, http, written_anew, {"x-hub-signature-256": self.KNOWN}) == 403

    @pytest.mark.parametrize("told", ["", "sha256=", KNOWN[7:], KNOWN.upper(), f"{KNOWN} ", "sha1=abc", "sha256=é"])
    async def test_anything_else_is_refused(self, fake, http, told):
        assert await self.status(fake, http, self.BODY, {"x-hub-signature-256": told}) == 403
        assert await self.status(fake, http, self.BODY, {"x-hub-signature": told}) == 403

    async def test_the_handshake(self, fake, http, adapter, door):
        door.adapter = adapter
        assert await fake.ask_back(door.url, fake.verify_token) == (200, "1158201444")
        assert (await fake.ask_back(door.url, "wrong"))[0] == 403
        assert (await adapter.handle(Hook("GET", {}, {}, b""))).status == 403
        assert (await adapter.handle(Hook("GET", {"hub.verify_token": fake.verify_token}, {}, b""))).status == 403

    async def test_an_address_that_does_not_answer_is_not_registered(self, fake, adapter, door):
        with pytest.raises(SendError) as error:
            await adapter.install("http://127.0.0.1:9/inbound/9/s3cret")
        assert error.value.code == "2200"
        assert fake.called_at == ""


class TestFiles:
    async def content(self, adapter, found):
        content = await adapter.open_file(found)
        return content, b"".join([chunk async for chunk in content.chunks])

    async def test_a_file_is_fetched_with_the_token(self, adapter, fake):
        fake.files["777"] = ("image/jpeg", b"\xff\xd8" * 100_000)
        content, found = await self.content(adapter, FileIn("777", "image.jpg"))
        assert found == b"\xff\xd8" * 100_000
        assert (content.name, content.mime, content.size) == ("image.jpg", "image/jpeg", 200_000)

    async def test_the_token_goes_to_no_other_host(self, adapter, fake):
        other = WhatsAppCloudFake()
        await other.start()
        fake.files["777"], fake.files_at = ("image/jpeg", b"1"), other.url
        with pytest.raises(SendError) as error:
            await self.content(adapter, FileIn("777", "image.jpg"))
        assert error.value.retry
        assert ["Authorization" in seen.headers for seen in other.seen] == [False]
        await other.stop()

    async def test_a_file_that_is_gone(self, adapter):
        with pytest.raises(SendError) as error:
            await adapter.open_file(FileIn("1/../106540352242922", "image.jpg"))
        assert not error.value.retry


class TestAccount:
    async def test_templates_of_all_pages(self, adapter, fake, http):
        fake.template("code", "en", "Your code {{1}}, {{2}}")
        fake.template("hello", "ru", "Здравствуйте, {{name}}")
        fake.template("new", "ru", "{{1}}", state="PENDING")
        fake.template("bye", "ru", "До свидания")
        assert await adapter.templates() == [
            KnownTemplate("code", 2, ["ru"], "Ваш код {{1}}, {{2}}"),
            KnownTemplate("code", 2, ["en"], "Your code {{1}}, {{2}}"),
            KnownTemplate("hello", 1, ["ru"], "Здравствуйте, {{name}}"),
            KnownTemplate("bye", 0, ["ru"], "До свидания"),
        ]
        assert await adapter_of(fake, http, waba_id=None).templates() is None

    async def test_check(self, adapter, fake, http):
        number, templates = await adapter.check()
        assert number.ok
        assert "Pult +7 999 000-00-00, quality GREEN" in number.text
        assert templates.text == "1 templates are approved"
        fake.quality = "RED"
        assert not (await adapter.check())[0].ok
        (finding,) = await adapter_of(fake, http, token="wrong").check()
        assert not finding.ok

    def test_settings_as_a_desk_file_has_them(self):
        given = {"token": "t", "phone_number_id": "1", "app_secret": "s", "verify_token": "v"}
        settings = msgspec.convert(given, WhatsAppCloudSettings)
        assert settings.base_url == "https://graph.facebook.com/v23.0/"
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**given, "app_secret": ""}, WhatsAppCloudSettings)


class TestAgainstAnotherProgram:
    """pywa talks to the real service every day: the fake takes what it sends, and it understands what the fake posts."""

    @pytest.fixture
    async def pywa(self, fake):
        session = httpx.AsyncClient(trust_env=False)
        made = pywa_async.WhatsApp(fake.number, fake.token, session=session, server=None)
        session.base_url = f"{fake.url}/v23.0"
        yield made
        await session.aclose()

    async def test_the_fake_takes_its_messages(self, fake, pywa):
        await pywa.send_message("79161234567", "Hello", tracker="d-1-17")
        await pywa.send_document("79161234567", b"%PDF-1.4", filename="a.pdf", mime_type="application/pdf")
        text, document = fake.accepted
        assert (text["text"]["body"], text["biz_opaque_callback_data"]) == ("Hello", "d-1-17")
        assert document["media"] == ("a.pdf", "application/pdf", b"%PDF-1.4")

    async def test_it_understands_the_fakes_calls(self, adapter, fake, pywa):
        await adapter.send(asked(), Ledger())
        raw, headers = fake.signed(fake.written("document", {"id": "777", "mime_type": "text/plain", "sha256": "x"}))
        assert webhook_updates_validator(fake.app_secret, raw, headers["x-hub-signature-256"])
        message = Message.from_update(pywa, RawUpdate(raw, hmac_header=None, update_hash="1"))
        assert (message.id, message.from_user.wa_id, message.document.id) == ("wamid.IN1", "79161234567", "777")
        raw, _ = fake.signed(fake.status(1, "delivered"))
        status = MessageStatus.from_update(pywa, RawUpdate(raw, hmac_header=None, update_hash="1"))
        assert (status.status, status.tracker, status.id) == (
            "delivered",
            fake.accepted[0]["biz_opaque_callback_data"],
            "wamid.OUT1",
        )

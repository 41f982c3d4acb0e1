"""WhatsApp through Infobip, against a fake that takes nothing that the vendor's tables do not have."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from conformance import Bench, Conformance, Ledger, file
from fakes.door import Door
from fakes.infobip import InfobipFake
from fakes.strict import Fault

from pult.channels.infobip import InfobipAdapter, InfobipSettings
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
    StatusReport,
    Template,
)

DANA = Recipient(phone="79161234567")
POST = {"content-type": "application/json"}
CODE_TEMPLATE = ("code", "ru", "Ваш код {{1}}, {{2}}. Ещё раз: {{1}}")


def asked(to=DANA, **changes):
    return Outgoing(own_id="d-1-17", to=to, **{"text": "Hello, Dana", **changes})


@pytest.fixture
async def http():
    made = HttpOut("127.0.0.0/8")
    yield made
    await made.close()


@pytest.fixture
async def fake():
    made = InfobipFake()
    made.template(*CODE_TEMPLATE)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def door():
    made = Door()
    await made.start("/inbound/7/s3cret")
    yield made
    await made.stop()


def adapter_of(fake, http, address="https://desk.example", secret=b"secret", **settings):
    given = {"base_url": fake.url, "api_key": fake.key, "sender": fake.sender, **settings}
    record = ChannelRecord(1, 7, "whatsapp_infobip", "WhatsApp", None, InfobipSettings(**given), "s3cret")
    return InfobipAdapter(record, Outside(http, address, secret))


@pytest.fixture
def adapter(fake, http):
    return adapter_of(fake, http)


def hook(body):
    return Hook("POST", {}, POST, body if isinstance(body, bytes) else json.dumps(body).encode())


async def told(adapter, body):
    reply = await adapter.handle(hook(body))
    assert reply.status == 200
    return [event.what for event in reply.events]


class TestInfobip(Conformance):
    @pytest.fixture
    async def bench(self, fake, http):
        return Bench(
            fake,
            lambda: adapter_of(fake, http),
            DANA,
            hook=hook(fake.written({"type": "TEXT", "text": "Здравствуйте"})),
            signed=False,
            template=Template("code", "ru", ["1234", "Дана"]),
        )


class TestSending:
    async def test_every_field_of_a_text(self, adapter, fake):
        receipt = await adapter.send(asked(text="https://example.com"), Ledger())
        assert fake.accepted == [
            {
                "kind": "text",
                "from": "79990000000",
                "to": "79161234567",
                "messageId": receipt.message_ids[0],
                "content": {"text": "https://example.com", "previewUrl": True},
                "callbackData": "d-1-17",
                "notifyUrl": "https://desk.example/inbound/7/s3cret",
            }
        ]
        assert len(receipt.message_ids[0]) == 50
        assert receipt.state is State.SENT

    async def test_the_phone_is_digits_however_it_is_written(self, adapter, fake):
        await adapter.send(asked(to=Recipient(phone="+7 (916) 123-45-67")), Ledger())
        assert fake.accepted[0]["to"] == "79161234567"

    async def test_without_a_phone_nothing_is_asked(self, adapter, fake):
        with pytest.raises(SendError) as error:
            await adapter.send(asked(to=Recipient(username="dana")), Ledger())
        assert error.value.code == "no_phone"
        assert not error.value.retry
        assert fake.seen == []

    async def test_a_long_text_is_several_messages_with_ids_of_their_own(self, adapter, fake):
        text = "\n".join(f"{number}. " + "слово " * 100 for number in range(20))
        await adapter.send(asked(text=text), ledger := Ledger())
        assert list(ledger.done) == ["text", "text-2", "text-3", "text-4"]
        assert all(len(sent["content"]["text"]) <= 4096 for sent in fake.accepted)
        assert " ".join(sent["content"]["text"] for sent in fake.accepted).split() == text.split()
        assert len({sent["messageId"] for sent in fake.accepted}) == 4

    @pytest.mark.parametrize(
        ("name", "mime", "kind"),
        [
            ("a.png", "image/png", "image"),
            ("a.jpg", "image/jpeg; q=1", "image"),
            ("a.mp4", "video/mp4", "video"),
            ("a.ogg", "audio/ogg; codecs=opus", "audio"),
            ("a.gif", "image/gif", "document"),
            ("счёт.pdf", "application/pdf", "document"),
        ],
    )
    async def test_files_go_by_their_type(self, adapter, fake, name, mime, kind):
        await adapter.send(asked(text="", files=[file(name, mime)]), Ledger())
        assert [sent["kind"] for sent in fake.accepted] == [kind]
        content = fake.accepted[0]["content"]
        assert content["mediaUrl"].startswith("https://desk.example/files/")
        assert content.get("filename") == (name if kind == "document" else None)

    async def test_a_picture_too_large_for_one_is_a_document_and_what_nothing_takes_is_refused(self, adapter, fake):
        large = replace(file(), size=6 * 2**20)
        await adapter.send(asked(text="", files=[large]), Ledger())
        assert fake.accepted[0]["kind"] == "document"
        with pytest.raises(SendError) as error:
            await adapter.send(asked(files=[replace(large, size=101 * 2**20)]), Ledger())
        assert error.value.code == "file_too_large"
        assert len(fake.accepted) == 1  # nor its text

    async def test_a_template_is_sent_alone_with_its_variables_in_order(self, adapter, fake):
        template = Template("code", "ru", ["1", "2"])
        await adapter.send(asked(text="as the desk shows it", template=template), Ledger())
        filled = {"body": {"placeholders": ["1", "2"]}}
        assert [sent["content"] for sent in fake.accepted] == [
            {"templateName": "code", "templateData": filled, "language": "ru"}
        ]

    async def test_a_template_that_infobip_does_not_know_is_its_own_refusal(self, adapter, fake):
        with pytest.raises(SendError) as error:
            await adapter.send(asked(text="", template=Template("Main")), Ledger())
        assert error.value.code == "BAD_REQUEST"
        assert "no such template" in error.value.text
        assert not error.value.retry

    async def test_a_message_refused_in_an_answer_of_200(self, adapter, fake):
        fake.refusals.append("REJECTED_NOT_ENOUGH_CREDITS")
        with pytest.raises(SendError) as error:
            await adapter.send(asked(), Ledger())
        assert error.value.code == "REJECTED_NOT_ENOUGH_CREDITS"
        assert "no credit left" in error.value.text
        assert not error.value.retry
        assert not error.value.maybe_sent

    async def test_a_revoked_key_is_said_clearly_and_not_shown(self, fake, http):
        with pytest.raises(SendError) as error:
            await adapter_of(fake, http, api_key="old-key").send(asked(), Ledger())
        assert (error.value.code, error.value.retry) == ("UNAUTHORIZED", False)
        assert "does not accept the API key" in error.value.text
        assert "old-key" not in str(error.value)

    async def test_what_was_taken_and_not_answered_is_recognised(self, adapter, fake):
        fake.faults.append(Fault.CUT_AFTER)
        with pytest.raises(SendError):
            await adapter.send(asked(), Ledger())
        receipt = await adapter.send(asked(), Ledger())
        assert receipt.message_ids == [fake.accepted[0]["messageId"]]
        assert len(fake.accepted) == 1
        assert len(fake.seen) == 2

    async def test_an_answer_that_says_nothing_is_asked_for_again(self, adapter, fake):
        fake.silent = True
        with pytest.raises(SendError) as error:
            await adapter.send(asked(), Ledger())
        assert error.value.retry
        fake.silent = False
        await adapter.send(asked(), Ledger())
        assert len(fake.accepted) == 1

    async def test_ids_are_those_of_the_message_the_part_and_the_desk(self, adapter, fake, http):
        files = [file("a.png"), file("b.png")]
        await adapter.send(asked(files=files), Ledger())
        await adapter_of(fake, http, secret=b"of another desk").send(asked(files=files), Ledger())
        await adapter.send(asked(text="the next day, of a desk brought back"), Ledger())
        assert len(fake.accepted) == len(fake.seen_ids) == 7
        later = [replace(one, url=f"{one.url}?expires=later") for one in files]
        await adapter.send(asked(files=later), Ledger())
        assert len(fake.accepted) == 7


class TestReports:
    @pytest.mark.parametrize(
        ("name", "state"),
        [
            ("PENDING_ENROUTE", State.SENT),
            ("DELIVERED_TO_OPERATOR", State.SENT),
            ("DELIVERED_TO_HANDSET", State.DELIVERED),
            ("UNDELIVERABLE_NOT_DELIVERED", State.FAILED),
            ("EXPIRED_EXPIRED", State.FAILED),
            ("REJECTED_DESTINATION", State.FAILED),
        ],
    )
    async def test_states(self, adapter, fake, name, state):
        await adapter.send(asked(), Ledger())
        (report,) = await told(adapter, fake.report(1, name))
        assert (report.state, report.message_id, report.own_id) == (state, fake.accepted[0]["messageId"], "d-1-17")
        assert report.at == datetime(2026, 11, 21, 12, 0, 2, tzinfo=UTC)
        assert (report.code == name) == (state is State.FAILED)

    async def test_the_reason_of_a_failure_is_the_error_where_there_is_one(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        error = {"groupId": 2, "groupName": "USER_ERRORS", "id": 7040, "name": "EC_UNREACHABLE", "permanent": True}
        (report,) = await told(
            adapter, fake.report(1, "UNDELIVERABLE_NOT_DELIVERED", **error, description="Not on WhatsApp")
        )
        assert (report.code, report.text) == ("EC_UNREACHABLE", "Not on WhatsApp")

    async def test_seen_is_read(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        (report,) = await told(adapter, fake.seen_report(1))
        assert (report.state, report.message_id) == (State.READ, fake.accepted[0]["messageId"])

    async def test_the_report_on_a_repetition_fails_nothing(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        assert await told(adapter, fake.report(1, "REJECTED_DUPLICATE_MESSAGE_ID")) == []

    async def test_reports_come_to_where_each_message_asked_for_them(self, fake, http, door):
        address = door.url.removesuffix("/inbound/7/s3cret")
        door.adapter = adapter_of(fake, http, address=f"{address}/")
        await door.adapter.send(asked(), Ledger())
        assert fake.accepted[0]["notifyUrl"] == door.url
        await fake.tell(1, fake.seen_report(1), fake.report(1, "DELIVERED_TO_HANDSET"), times=2)
        assert [event.what.state for event in door.events] == [State.READ, State.READ, State.DELIVERED, State.DELIVERED]
        assert door.events[0] == door.events[1]

    async def test_one_call_with_everything(self, adapter, fake):
        await adapter.send(asked(), Ledger())
        bodies = [
            fake.report(1, "DELIVERED_TO_HANDSET"),
            fake.seen_report(1),
            fake.written({"type": "TEXT", "text": "Да"}),
        ]
        deleted = {"messageId": "wamid.IN1", "from": "79161234567", "deletedAt": "2026-11-21T12:00:00.000+0000"}
        results = [
            *(body["results"][0] for body in bodies),
            deleted,
            {"messageId": "x", "status": {"groupName": "NEW"}},
        ]
        found = await told(adapter, {"results": results})
        assert [type(what).__name__ for what in found] == ["StatusReport", "StatusReport", "Incoming"]


class TestIncoming:
    async def test_a_text(self, adapter, fake):
        reply = await adapter.handle(hook(fake.written({"type": "TEXT", "text": "Добрый день \U0001f44b"})))
        (event,) = reply.events
        assert event.channel_ref == adapter.channel_ref == "79990000000"
        assert (event.what.message_id, event.what.text) == ("wamid.IN1", "Добрый день \U0001f44b")
        assert (event.what.phone, event.what.conversation) == ("79161234567", "79161234567")
        assert event.what.name == "Dana"
        assert event.what.at == datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ({"type": "BUTTON", "text": "Да", "payload": "yes"}, "Да"),
            ({"type": "INTERACTIVE_BUTTON_REPLY", "id": "1", "title": "Позвоните"}, "Позвоните"),
            ({"type": "INTERACTIVE_LIST_REPLY", "id": "1", "title": "Доставка", "description": "d"}, "Доставка"),
            ({"type": "REACTION", "emoji": "👍", "messageId": "x"}, "👍"),
            (
                {"type": "LOCATION", "latitude": 55.75, "longitude": 37.61, "name": "Офис", "address": "Москва"},
                "Офис\nМосква\nhttps://maps.google.com/?q=55.75,37.61",
            ),
            (
                {
                    "type": "CONTACT",
                    "contacts": [{"name": {"formattedName": "Боб"}, "phones": [{"phone": "+7999"}, 5]}, 1],
                },
                "Боб +7999",
            ),
            ({"type": "ORDER", "catalogId": "1"}, "[ORDER]"),
            ({"type": "INFECTED_CONTENT"}, "[INFECTED_CONTENT]"),
            ({"type": "IMAGE", "caption": "чек"}, "чек"),  # the file is missing: its words are not lost
            ({"type": "IMAGE", "url": "file:///etc/passwd"}, "[IMAGE]"),
            ({"type": "TEXT", "text": "a\u0000b"}, "ab"),
        ],
    )
    async def test_whatever_was_written_can_be_read(self, adapter, fake, content, text):
        (incoming,) = await told(adapter, fake.written(content))
        assert incoming.text == text
        assert incoming.files == []

    @pytest.mark.parametrize(
        ("content", "name", "text"),
        [
            ({"type": "IMAGE", "caption": "чек"}, "image", "чек"),
            ({"type": "DOCUMENT", "caption": "договор.pdf"}, "договор.pdf", ""),
            ({"type": "DOCUMENT", "caption": "вот он"}, "document", "вот он"),
            ({"type": "VOICE"}, "voice", ""),
        ],
    )
    async def test_a_file(self, adapter, fake, content, name, text):
        url = f"{fake.url}/whatsapp/1/senders/79990000000/media/abc-1"
        (incoming,) = await told(adapter, fake.written({**content, "url": url}))
        assert [(found.ref, found.name) for found in incoming.files] == [(url, name)]
        assert incoming.text == text

    async def test_a_client_without_a_phone_is_known_by_the_providers_id(self, adapter, fake):
        body = fake.written({"type": "TEXT", "text": "?"}, sender="RU.1776622120445919")
        body["results"][0]["contact"] = {"name": "Dana", "phoneNumber": "79161234567", "userId": "RU.1776622120445919"}
        (incoming,) = await told(adapter, body)
        assert (incoming.conversation, incoming.phone) == ("RU.1776622120445919", "79161234567")

    async def test_one_megabyte(self, adapter, fake):
        (incoming,) = await told(adapter, fake.written({"type": "TEXT", "text": "я" * 500_000}))
        assert len(incoming.text) == 500_000
        for body in (b"[" * 2**20, b'{"results":' * 90_000, b"\x00" * 2**20):
            assert await told(adapter, body) == []

    @pytest.mark.parametrize(
        "result",
        [
            None,
            {},
            {"messageId": None},
            {"messageId": "x" * 1000, "seenAt": "now"},
            {"messageId": "a", "message": {"type": "TEXT"}},
            {"messageId": "a", "status": "DELIVERED"},
            {"messageId": "a", "status": {"groupName": 3}},
            {"messageId": "a\nb", "message": {"type": "TEXT", "text": "x"}, "from": "79161234567"},
        ],
    )
    async def test_parts_that_make_no_sense_change_nothing(self, adapter, result):
        assert await told(adapter, {"results": [result]}) == []

    async def test_times_that_make_no_sense_are_now(self, adapter):
        before = datetime.now(UTC)
        body = {"results": [{"messageId": "a", "seenAt": text} for text in ("yesterday", 10**30, "2026-13-41T99:00")]}
        found = await told(adapter, body)
        assert [type(what) for what in found] == [StatusReport] * 3
        assert all(before <= what.at <= datetime.now(UTC) for what in found)


class TestFiles:
    async def content(self, adapter, found):
        content = await adapter.open_file(found)
        return content, b"".join([chunk async for chunk in content.chunks])

    async def test_a_file_is_fetched_with_the_key_from_the_accounts_own_host(self, adapter, fake):
        fake.files["abc-1"] = (b"%PDF-1.4", "application/pdf")
        link = FileIn("https://api.infobip.com/whatsapp/1/senders/79990000000/media/abc-1", "document")
        content, found = await self.content(adapter, link)
        assert found == b"%PDF-1.4"
        assert (content.name, content.mime, content.size) == ("document.pdf", "application/pdf", 8)

    async def test_the_key_goes_nowhere_else(self, adapter, fake):
        other = InfobipFake()
        await other.start()
        with pytest.raises(SendError):
            await self.content(adapter, FileIn(f"{other.url}/somewhere/else.pdf", "else.pdf"))
        assert [("Authorization" in seen.headers) for seen in other.seen] == [False]
        await other.stop()
        assert fake.seen == []

    async def test_a_file_that_is_gone_and_one_that_may_come_later(self, adapter, fake):
        link = FileIn(f"{fake.url}/whatsapp/1/senders/79990000000/media/gone", "image")
        with pytest.raises(SendError) as error:
            await adapter.open_file(link)
        assert not error.value.retry
        await fake.stop()
        with pytest.raises(SendError) as error:
            await adapter.open_file(link)
        assert error.value.retry


class TestAccount:
    async def test_templates(self, adapter, fake):
        fake.template("code", "en", "Your code {{1}}, {{2}}")
        fake.template("code", "de", "Code {{1}}")
        fake.template("hello", "ru", "Здравствуйте")
        fake.template("new", "ru", "{{1}}", state="PENDING")
        assert await adapter.templates() == [
            KnownTemplate("code", 2, ["ru"], CODE_TEMPLATE[2]),
            KnownTemplate("code", 2, ["en"], "Your code {{1}}, {{2}}"),
            KnownTemplate("code", 1, ["de"], "Code {{1}}"),
            KnownTemplate("hello", 0, ["ru"], "Здравствуйте"),
        ]

    async def test_check(self, fake, http):
        assert [finding.ok for finding in await adapter_of(fake, http).check()] == [True]
        for wrong in ({"api_key": "x"}, {"sender": "1234567"}):
            (finding,) = await adapter_of(fake, http, **wrong).check()
            assert not finding.ok

    def test_settings_as_a_desk_file_has_them(self):
        given = {"base_url": "http://127.0.0.1:9102", "api_key": "infobip-key", "sender": "79990000000"}
        settings = msgspec.convert(given, InfobipSettings)
        assert settings.delivered_within == 3.0
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**given, "sendr": "1"}, InfobipSettings)

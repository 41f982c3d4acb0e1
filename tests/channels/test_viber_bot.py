"""The Viber bot's adapter against a strict Viber: the conformance suite, and what is peculiar to Viber."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from conformance import Bench, Conformance, Ledger, file, message
from fakes.door import Door
from fakes.strict import Fault
from fakes.viber_bot import SIGNATURE, ViberBotFake

from pult.channels.viber_bot import REFUSALS, ViberBotAdapter, ViberBotSettings
from pult.kit.http_out import HttpOut
from pult.messaging.contract import ChannelRecord, FileIn, Hook, Outside, Recipient, SendError, State

INBOUND = "in-0123456789abcdef"
DANA = Recipient(conversation="01234567890A=", name="Dana")
GOOD = {"receiver": "01234567890A=", "type": "text", "text": "Hi", "sender": {"name": "Northwind"}}
TOKEN = 4_912_661_846_655_238_146

# openssl dgst -sha256 -hmac 4453b6ac-12345678-02b43f
VECTOR = (
    '{"event":"message","timestamp":1457764197627,"message_token":4912661846655238145,'
    '"sender":{"id":"01234567890A=","name":"Дана"},"message":{"type":"text","text":"Где заказ?"}}'
).encode()
VECTOR_SIGNATURE = "0fc0b4f9543dac09f22d7fe93dc9e775f688821cdd3c5da37824ec53533413f2"


@pytest.fixture
async def fake():
    running = ViberBotFake()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def http():
    out = HttpOut("127.0.0.0/8")
    yield out
    await out.close()


@pytest.fixture
def adapter_of(fake, http):
    """`adapter_of(token=…)`: the channel with these settings."""

    def make(**settings):
        known = {"token": fake.token, "sender_name": "Northwind", "base_url": f"{fake.url}/pa/", **settings}
        record = ChannelRecord(1, 9, "viber_bot", "Viber", None, ViberBotSettings(**known), INBOUND)
        return ViberBotAdapter(record, Outside(http, "https://desk.example", b"secret"))

    return make


def hook_of(fake, told):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = {name.lower(): value for name, value in fake.signed(body).items()}
    return Hook("POST", {}, {"content-type": "application/json"} | signed, body)


@pytest.fixture
def bench(fake, adapter_of):
    return Bench(fake, adapter_of, DANA, hook_of(fake, fake.says(text="Hello")))


@pytest.fixture
def understand(adapter_of, fake):
    """What becomes of one call: the desk's, or None."""

    async def handle(told):
        reply = await adapter_of().handle(hook_of(fake, told))
        assert reply.status == 200
        assert len(reply.events) <= 1
        return reply.events[0].what if reply.events else None

    return handle


class TestViberBot(Conformance):
    """The suite that every adapter passes."""


class TestTheFake:
    async def post(self, fake, http, body, **headers):
        sent = {"Content-Type": "application/json", "X-Viber-Auth-Token": fake.token, **headers}
        answer = await http.request("POST", f"{fake.url}/pa/send_message", headers=sent, data=json.dumps(body).encode())
        return answer.status, json.loads(answer.body)["status"]

    async def test_it_takes_what_is_right(self, fake, http):
        assert await self.post(fake, http, GOOD) == (200, 0)
        assert len(fake.accepted) == 1

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"colour": 1}, 3),
            ({"text": 5}, 3),
            ({"text": ""}, 3),
            ({"text": "x" * 7001}, 3),
            ({"sender": {"name": "x" * 29}}, 3),
            ({"sender": {}}, 4),
            ({"type": "shout"}, 3),
            ({"type": "picture", "media": "https://a.example/x.bmp"}, 3),
            ({"receiver": "79511234567"}, 6),
            ({"tracking_data": "x" * 4001}, 3),
            ({"text": "x" * 6000, "tracking_data": "ё" * 4000}, 3),
        ],
    )
    async def test_it_refuses_each_deviation_with_http_200(self, fake, http, change, status):
        assert await self.post(fake, http, GOOD | change) == (200, status)
        assert fake.accepted == []

    async def test_it_asks_for_the_token(self, fake, http):
        assert await self.post(fake, http, GOOD, **{"X-Viber-Auth-Token": "other"}) == (200, 2)
        answer = await http.request("POST", f"{fake.url}/pa/send_message", data=b"{}")
        assert json.loads(answer.body) == {"status": 2, "status_message": "missing_auth_token"}


class TestSending:
    async def test_a_text_as_it_leaves(self, bench):
        ledger = Ledger()
        receipt = await bench.adapter().send(message(bench), ledger)
        assert bench.fake.accepted == [
            {
                "receiver": "01234567890A=",
                "type": "text",
                "text": "Hello, Dana",
                "sender": {"name": "Northwind"},
                "tracking_data": "d-1-17",
                "min_api_version": 1,
            }
        ]
        token = bench.fake.next_token
        assert token > 2**53  # every digit of it counts
        assert (receipt.state, receipt.message_ids) == (State.SENT, (str(token),))
        assert (receipt.conversation, ledger.done) == ("01234567890A=", {"text": str(token)})

    async def test_a_bot_cannot_write_first(self, bench):
        with pytest.raises(SendError, match="cannot write first") as error:
            await bench.adapter().send(message(bench, to=Recipient(phone="79511234567")), ledger := Ledger())
        assert (error.value.retry, error.value.maybe_sent, ledger.began) == (False, False, 0)
        assert bench.fake.seen == []

    async def test_nothing_is_not_sent(self, bench):
        with pytest.raises(SendError, match="nothing to send"):
            await bench.adapter().send(message(bench, text=" \n"), Ledger())

    @pytest.mark.parametrize(
        "words",
        [
            " ".join(["слово"] * 3000),
            "😀" * 15_000,
            '"\\\n' * 7000,
            "\x01" * 20_000,
        ],
    )
    async def test_a_long_text_keeps_both_limits(self, bench, words):
        ledger = Ledger()
        await bench.adapter().send(message(bench, text=words), ledger)
        sent = [accepted["text"] for accepted in bench.fake.accepted]
        assert len(sent) > 1
        assert "".join("".join(sent).split()) == "".join(words.split())
        assert list(ledger.done) == ["text", *(f"text-{number}" for number in range(2, len(sent) + 1))]
        assert all(len(seen.body) <= 30_000 for seen in bench.fake.seen)

    async def test_a_text_without_gaps_is_filled_to_the_limit(self, bench):
        await bench.adapter().send(message(bench, text="я" * 7001), Ledger())
        assert [len(accepted["text"]) for accepted in bench.fake.accepted] == [7000, 1]

    @pytest.mark.parametrize(
        ("outgoing", "expected"),
        [
            (
                file("photo.png"),
                {"type": "picture", "text": "", "media": "https://desk.example/files/photo.png"},
            ),
            (
                file("clip.mp4", "video/mp4", b"1234"),
                {"type": "video", "media": "https://desk.example/files/clip.mp4", "size": 4},
            ),
            (
                file("bill.pdf", "application/pdf", b"12345"),
                {"type": "file", "media": "https://desk.example/files/bill.pdf", "size": 5, "file_name": "bill.pdf"},
            ),
            (
                replace(file("photo.png"), url="https://desk.example/files/17?sig=x.png"),  # no ending: not a picture's
                {
                    "type": "file",
                    "media": "https://desk.example/files/17?sig=x.png",
                    "size": 12,
                    "file_name": "photo.png",
                },
            ),
            (
                replace(file("large.png"), size=2**20 + 1),
                {
                    "type": "file",
                    "media": "https://desk.example/files/large.png",
                    "size": 2**20 + 1,
                    "file_name": "large.png",
                },
            ),
            (
                replace(file("x" * 300 + ".pdf", "application/pdf"), url="https://desk.example/f"),
                {"type": "file", "media": "https://desk.example/f", "size": 12, "file_name": "x" * 252 + ".pdf"},
            ),
        ],
    )
    async def test_files_are_links(self, bench, outgoing, expected):
        await bench.adapter().send(message(bench, text="", files=[outgoing]), ledger := Ledger())
        [sent] = bench.fake.accepted
        general = {"receiver", "sender", "tracking_data", "min_api_version"}
        assert {name: value for name, value in sent.items() if name not in general} == expected
        assert list(ledger.done) == ["file-1"]

    async def test_too_large_a_file_is_refused_before_anything_is_sent(self, bench):
        with pytest.raises(SendError, match="50 MB") as error:
            await bench.adapter().send(message(bench, files=[replace(file(), size=51 * 2**20)]), Ledger())
        assert not error.value.retry
        assert bench.fake.seen == []


class TestRefusals:
    @pytest.mark.parametrize("status", [int(status) for status in REFUSALS] + [99])
    async def test_a_status_is_an_error_though_http_says_200(self, bench, status):
        bench.fake.refusals.append((status, "theirWords"))
        with pytest.raises(SendError) as error:
            await bench.adapter().send(message(bench), ledger := Ledger())
        assert bench.fake.seen[-1].status == 200
        assert error.value.code == str(status)
        assert "theirWords" in error.value.text
        assert REFUSALS.get(str(status), "theirWords") in error.value.text
        assert (error.value.retry, error.value.maybe_sent) == (status in {10, 12}, False)
        assert ledger.done == {}

    async def test_who_is_not_subscribed(self, bench):
        with pytest.raises(SendError, match="not subscribed") as error:
            await bench.adapter().send(message(bench, to=Recipient(conversation="nobody=")), Ledger())
        assert not error.value.retry

    async def test_a_revoked_token_is_said_clearly_and_not_shown(self, bench, adapter_of):
        with pytest.raises(SendError, match="token is not valid") as error:
            await adapter_of(token="revoked-token-1").send(message(bench), Ledger())
        assert (error.value.code, error.value.retry) == ("2", False)
        assert "revoked-token-1" not in str(error.value)

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_the_token_is_in_no_error(self, bench, fault):
        bench.fake.faults.append(fault)
        with pytest.raises(SendError) as error:
            await bench.adapter().send(message(bench), Ledger())
        assert bench.fake.token not in f"{error.value} {error.value.__cause__!r}"

    @pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"status": null}', b'{"message_token": 5}', b""])
    async def test_an_answer_that_says_nothing_leaves_it_open(self, bench, adapter_of, body):
        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(SendError) as error:
                await adapter_of(base_url=f"http://127.0.0.1:{port}/pa/").send(message(bench), Ledger())
        assert (error.value.retry, error.value.maybe_sent) == (False, True)


class TestReceiving:
    async def test_the_vector_made_with_openssl(self, adapter_of):
        hook = Hook("POST", {}, {SIGNATURE.lower(): VECTOR_SIGNATURE}, VECTOR)
        reply = await adapter_of().handle(hook)
        found = reply.events[0].what
        assert (reply.status, found.text, found.name) == (200, "Где заказ?", "Дана")
        assert (found.message_id, found.conversation) == ("4912661846655238145", "01234567890A=")
        assert found.at == datetime(2016, 3, 12, 6, 29, 57, 627_000, tzinfo=UTC)
        for wrong in (VECTOR + b" ", VECTOR.replace("Где".encode(), b"\\u0413\\u0434\\u0435")):
            assert (await adapter_of().handle(replace(hook, body=wrong))).status == 403

    @pytest.mark.parametrize("given", [None, "", "00", "ё", "\udcff"])
    async def test_the_signature_is_asked_for_first(self, adapter_of, given):
        headers = {} if given is None else {SIGNATURE.lower(): given}
        reply = await adapter_of().handle(Hook("POST", {}, headers, VECTOR))
        assert (reply.status, reply.events) == (403, ())

    async def test_another_bots_signature_is_none(self, adapter_of):
        hook = Hook("POST", {}, {SIGNATURE.lower(): VECTOR_SIGNATURE}, VECTOR)
        assert (await adapter_of(token="another").handle(hook)).status == 403

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"text": " Hi \x00"}, "Hi"),
            ({"type": "location", "location": {"lat": 50.7, "lon": -22.5}}, "geo:50.7,-22.5"),
            ({"type": "contact", "contact": {"name": "Eve", "phone_number": "+79519999999"}}, "Eve, +79519999999"),
            ({"type": "url", "media": "https://a.example/x"}, "https://a.example/x"),
            ({"type": "url", "media": "https://a.example/x", "text": "https://a.example/x"}, "https://a.example/x"),
            ({"type": "sticker", "sticker_id": 46105}, "[sticker 46105]"),
        ],
    )
    async def test_words(self, understand, fake, told, words):
        found = await understand(fake.says(**told))
        assert (found.text, found.name, found.conversation, found.phone) == (
            words,
            "Dana Petrova",
            "01234567890A=",
            None,
        )
        assert found.at == datetime.fromtimestamp(1_790_000_000.123, UTC)
        assert not found.files

    @pytest.mark.parametrize(
        ("told", "words", "name", "mime"),
        [
            (
                {"type": "picture", "media": "https://m.example/a/p.jpg?Expires=1", "text": "Look"},
                "Look",
                "p.jpg",
                "image/jpeg",
            ),
            ({"type": "video", "media": "https://m.example/v.mp4", "duration": 5}, "", "v.mp4", "video/mp4"),
            (
                {"type": "file", "media": "https://m.example/17", "file_name": "счёт.pdf", "file_size": 7},
                "",
                "счёт.pdf",
                "application/pdf",
            ),
            ({"type": "sticker", "media": "https://m.example/s.png", "sticker_id": 1}, "", "s.png", "image/png"),
        ],
    )
    async def test_files(self, understand, fake, told, words, name, mime):
        found = await understand(fake.says(**told))
        assert found.text == words
        assert [(attached.ref, attached.name, attached.mime) for attached in found.files] == [
            (told["media"], name, mime)
        ]

    @pytest.mark.parametrize(
        ("event", "more", "state", "text"),
        [
            ("delivered", {}, State.DELIVERED, ""),
            ("seen", {}, State.READ, ""),
            ("failed", {"desc": "failure description"}, State.FAILED, "failure description"),
        ],
    )
    async def test_what_became_of_a_message(self, understand, fake, event, more, state, text):
        found = await understand(fake.report(event, TOKEN, **more))
        assert (found.state, found.message_id, found.text) == (state, str(TOKEN), text)
        assert (found.at, found.conversation) == (datetime.fromtimestamp(1_790_000_001, UTC), "01234567890A=")

    @pytest.mark.parametrize(
        "told",
        [
            {"event": "webhook", "timestamp": 1, "message_token": 1},
            {
                "event": "subscribed",
                "timestamp": 1,
                "user": {"id": "01234567890A=", "name": "Dana"},
                "message_token": 1,
            },
            {"event": "unsubscribed", "timestamp": 1, "user_id": "01234567890A=", "message_token": 1},
            {"event": "conversation_started", "type": "open", "user": {"id": "01234567890A="}, "subscribed": False},
            {"event": "client_status", "message_token": 1},
            {"event": ["message"]},
            {"event": {"delivered": 1}},
            {"event": "delivered"},
            {"event": "seen", "message_token": None},
            {"event": "message", "message_token": 5, "sender": [], "message": "odd"},
            {"event": "message", "message_token": 5, "sender": {"id": "x"}, "message": {"type": ["text"]}},
            {
                "event": "message",
                "message_token": 5,
                "sender": {"id": "x"},
                "message": {"type": "picture", "media": "file:///etc"},
            },
            {
                "event": "message",
                "message_token": 5,
                "sender": {"id": "x"},
                "message": {"type": "location", "location": {}},
            },
            {
                "event": "message",
                "message_token": True,
                "sender": {"id": "x"},
                "message": {"type": "text", "text": "x"},
            },
        ],
    )
    async def test_everything_else_changes_nothing(self, understand, told):
        assert await understand(told) is None

    @pytest.mark.parametrize("stamp", [None, "x", -5, 10**30, 1e300, True, []])
    async def test_an_odd_time_loses_no_message(self, understand, fake, stamp):
        assert (await understand(fake.says(text="Hi") | {"timestamp": stamp})).text == "Hi"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"9" * 5000])
    async def test_signed_garbage_is_swallowed(self, understand, body):
        assert await understand(body) is None

    async def test_a_megabyte_and_repeats(self, adapter_of, fake):
        hook = hook_of(fake, fake.says(text="я" * 500_000))
        assert len(hook.body) > 1_000_000
        adapter = adapter_of()
        assert len({(await adapter.handle(hook)).events[0].what.message_id for _ in range(20)}) == 1


class TestWebhook:
    @pytest.fixture
    async def door(self, adapter_of):
        opened = Door(adapter_of())
        await opened.start(f"/inbound/9/{INBOUND}")
        yield opened
        await opened.stop()

    async def test_viber_calls_before_it_answers(self, fake, door):
        await door.adapter.install(door.url)
        assert door.statuses == [200]
        assert door.events == []
        assert fake.webhook == {
            "url": door.url,
            "event_types": ["delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started"],
            "send_name": True,
            "send_photo": False,
        }

    async def test_an_address_that_does_not_answer_is_refused(self, door, adapter_of):
        door.adapter = adapter_of(token="another")  # so that the signature is wrong there
        with pytest.raises(SendError, match="result from webhook: 403") as error:
            await adapter_of().install(door.url)
        assert (error.value.code, error.value.retry) == ("1", False)

    async def test_reports_in_any_order_and_repeated(self, fake, door, bench):
        await door.adapter.install(door.url)
        receipt = await door.adapter.send(message(bench), Ledger())
        token = int(receipt.message_ids[0])
        assert await fake.call(fake.report("seen", token), times=2) == [200, 200]
        assert await fake.call(fake.report("delivered", token)) == [200]
        assert [(event.what.state, event.what.message_id) for event in door.events] == [
            (State.READ, str(token)),
            (State.READ, str(token)),
            (State.DELIVERED, str(token)),
        ]

    async def test_what_a_check_says(self, fake, door, adapter_of):
        adapter = adapter_of()
        assert [finding.ok for finding in await adapter.check()] == [True, False]
        await adapter.install(door.url)
        found = await adapter.check()
        assert [finding.ok for finding in found] == [True, True]
        assert found[0].facts == {"name": "Northwind", "subscribers": 35}
        assert INBOUND not in str(found)
        fake.webhook["url"] = "https://other.example/hook"
        assert "another address" in (await adapter.check())[1].text
        revoked = await adapter_of(token="revoked").check()
        assert [(finding.ok, "revoked" in finding.text) for finding in revoked] == [(False, True)]


class TestFiles:
    async def test_a_file_is_fetched_without_the_token(self, fake, adapter_of):
        fake.media["/media/p.jpg"] = b"\xff\xd8\xff" * 50_000
        content = await adapter_of().open_file(FileIn(f"{fake.url}/media/p.jpg", "p.jpg", "image/jpeg"))
        assert b"".join([chunk async for chunk in content.chunks]) == b"\xff\xd8\xff" * 50_000
        assert content.name == "p.jpg"

    async def test_a_link_that_is_over(self, fake, adapter_of):
        content = await adapter_of().open_file(FileIn(f"{fake.url}/media/gone.jpg", "gone.jpg"))
        with pytest.raises(SendError) as error:
            [chunk async for chunk in content.chunks]
        assert error.value.retry

    async def test_an_address_of_our_own_network(self, fake):
        guarded = HttpOut()
        settings = ViberBotSettings(token=fake.token, sender_name="N")
        record = ChannelRecord(1, 9, "viber_bot", "Viber", None, settings, INBOUND)
        adapter = ViberBotAdapter(record, Outside(guarded, "https://desk.example", b"secret"))
        content = await adapter.open_file(FileIn(f"{fake.url}/media/p.jpg", "p.jpg"))
        with pytest.raises(SendError, match="PULT_ALLOW_PRIVATE") as error:
            [chunk async for chunk in content.chunks]
        assert not error.value.retry
        await guarded.close()
        assert fake.seen == []


@pytest.mark.parametrize(
    "change", [{"token": ""}, {"token": "a b"}, {"token": "a\n"}, {"sender_name": "x" * 29}, {"poll": True}]
)
def test_wrong_settings_are_refused_when_saved(change):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"token": "t", "sender_name": "N"} | change, ViberBotSettings)

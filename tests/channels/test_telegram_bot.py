"""The Telegram bot's adapter against a strict Bot API server: the conformance suite, and what is peculiar to Telegram."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from conformance import Bench, Conformance, Ledger, file, message
from fakes.door import Door
from fakes.strict import Fault
from fakes.telegram_bot import CONTRACT, TelegramBotFake

from pult.channels.telegram_bot import TelegramBotAdapter, TelegramBotSettings
from pult.kit.files import FileGone
from pult.kit.http_out import HttpOut
from pult.messaging.contract import Cap, ChannelRecord, FileIn, FileOut, Hook, Outside, Recipient, SendError, State

HEADER = "x-telegram-bot-api-secret-token"
INBOUND = "in-0123456789abcdef"
DANA = Recipient(conversation="7001", name="Dana")
ODD = [True, 1e300, -1, "x" * 600, [], {}, 10**30]
GARBAGE = [
    *(b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"1" * 5000, b'{"message": [1]}', b"[" * 100_000),
    *(b'{"message": {"chat": {}}}', b'{"message": {"date": "\\ud800"}}'),
    *(
        json.dumps(
            {"message": {"chat": {"id": odd, "type": odd}, "message_id": odd, "date": odd, "text": "x"}}
        ).encode()
        for odd in ODD
    ),
    b'{"message": {"chat": {"id": %b}, "message_id": 1, "text": "x"}}' % (b"9" * 5000),
]
SOON = 5  # seconds in which everything here must have happened


@pytest.fixture
async def fake():
    running = TelegramBotFake()
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
    """`adapter_of(poll=True)`: the channel with these settings."""

    def make(**settings):
        known = {"token": fake.token, "base_url": fake.url, **settings}
        record = ChannelRecord(1, 9, "telegram_bot", "Telegram", None, TelegramBotSettings(**known), INBOUND)
        return TelegramBotAdapter(record, Outside(http, "https://desk.example", b"secret"))

    return make


def hook_of(adapter, update):
    return Hook("POST", {}, {"content-type": "application/json", HEADER: adapter._secret}, json.dumps(update).encode())


@pytest.fixture
def bench(fake, adapter_of):
    adapter = adapter_of()
    return Bench(fake, adapter_of, DANA, hook_of(adapter, fake.tell(text="Hello")))


@pytest.fixture
def understand(adapter_of, fake):
    """What becomes of one message of a client's: the desk's, or None."""

    async def handle(**told):
        adapter = adapter_of()
        reply = await adapter.handle(hook_of(adapter, fake.tell(**told)))
        assert reply.status == 200
        assert len(reply.events) <= 1
        return reply.events[0].what if reply.events else None

    return handle


class TestTelegramBot(Conformance):
    """The suite that every adapter passes."""


class Trap:
    """An inbox that keeps what it is given; `full` is set when it has `wanted` events."""

    def __init__(self, wanted, cursor=None):
        self.events, self.cursors, self.kept, self.wanted = [], [], cursor, wanted
        self.full, self.idle = asyncio.Event(), asyncio.Event()

    async def cursor(self):
        return self.kept

    async def take(self, events, cursor=None):
        self.events += events
        self.cursors.append(cursor)
        if len(self.events) >= self.wanted:
            self.full.set()

    async def well(self, text="", **counters):
        if self.full.is_set():
            self.idle.set()


async def test_the_fake_knows_the_contract(fake, http):
    """Each deviation is refused: the fake would not show a mistake of ours otherwise."""
    url = f"{fake.url}/bot{fake.token}/sendMessage"
    for body, word in [
        ({"chat_id": 7001, "text": "x", "colour": 1}, "unknown parameter colour"),
        ({"chat_id": 7001}, "missing"),
        ({"chat_id": [7001], "text": "x"}, "wrong type"),
        ({"chat_id": 7001, "text": 5}, "wrong type"),
        ({"chat_id": 7001, "text": ""}, "text is empty"),
        ({"chat_id": 5, "text": "x"}, "chat not found"),
    ]:
        headers = {"Content-Type": "application/json"}
        answer = await http.request("POST", url, headers=headers, data=msgspec.json.encode(body))
        assert (answer.status, word in answer.text) == (400, True)
    assert (await http.request("GET", url)).status == 404
    assert (await http.request("POST", f"{fake.url}/bot1:x/getMe")).status == 401
    assert fake.accepted == []
    assert len(CONTRACT["methods"]) == 9


class TestSending:
    async def test_the_ids_name_chat_and_message(self, bench):
        ledger = Ledger()
        receipt = await bench.adapter().send(message(bench), ledger)
        assert (receipt.state, receipt.message_ids, receipt.conversation) == (State.SENT, ("7001:1",), "7001")
        assert ledger.done == {"text": "7001:1"}

    async def test_a_bot_cannot_write_first(self, bench):
        for to in (Recipient(phone="79511234567"), Recipient(username="dana_t")):
            with pytest.raises(SendError, match="cannot write first") as error:
                await bench.adapter().send(message(bench, to=to), ledger := Ledger())
            assert (error.value.retry, error.value.maybe_sent, ledger.began) == (False, False, 0)
        assert bench.fake.seen == []

    @pytest.mark.parametrize("words", ["", " \n "])
    async def test_nothing_is_not_sent(self, bench, words):
        with pytest.raises(SendError, match="nothing to send"):
            await bench.adapter().send(message(bench, text=words), Ledger())
        assert bench.fake.seen == []

    async def test_a_long_text_is_split_where_it_hurts_least(self, bench):
        paragraph = "Слово и ещё слово. " * 60
        words = "\n\n".join([paragraph.strip()] * 9)
        ledger = Ledger()
        receipt = await bench.adapter().send(message(bench, text=words), ledger)
        sent = [accepted["content"] for accepted in bench.fake.accepted]
        assert len(sent) == 3
        assert "\n\n".join(sent) == words
        assert list(ledger.done) == ["text", "text-2", "text-3"]
        assert receipt.message_ids == ("7001:1", "7001:2", "7001:3")
        assert ledger.began == 3

    async def test_a_text_without_gaps_is_filled_to_the_limit(self, bench):
        await bench.adapter().send(message(bench, text="x" * 5000), Ledger())
        assert [len(accepted["content"]) for accepted in bench.fake.accepted] == [4096, 904]

    async def test_an_emoji_counts_twice(self, bench):
        await bench.adapter().send(message(bench, text="😀" * 4000), Ledger())
        assert [len(accepted["content"]) for accepted in bench.fake.accepted] == [2048, 1952]

    async def test_a_split_text_goes_on_where_it_stopped(self, bench):
        words, ledger = "word " * 2000, Ledger()
        bench.fake.faults.extend([None, Fault.TOO_MANY])
        with pytest.raises(SendError):
            await bench.adapter().send(message(bench, text=words), ledger)
        await bench.adapter().send(message(bench, text=words), ledger)
        assert " ".join(accepted["content"] for accepted in bench.fake.accepted) == words.strip()

    async def test_files_are_streamed_as_photo_or_document(self, bench):
        read = []

        async def chunks():
            for number in range(64):
                read.append(number)
                yield bytes([number]) * 64 * 1024

        async def opened():
            return chunks()

        large = FileOut('отчёт "за\nмай".bin', "application/octet-stream", 4 * 2**20, opened, "https://desk.example/f")
        await bench.adapter().send(message(bench, text="", files=[file(), large]), ledger := Ledger())
        photo, document = bench.fake.accepted
        assert (photo["kind"], photo["content"].name, photo["content"].mime) == ("photo", "photo.png", "image/png")
        assert photo["content"].content == b"\x89PNG\r\n\x1a\n0123"
        assert document["kind"] == "document"
        assert document["content"].name == "отчёт %22за%0Aмай%22.bin"
        assert document["content"].content == b"".join(bytes([number]) * 64 * 1024 for number in range(64))
        assert read == list(range(64))
        assert ledger.done == {"file-1": "7001:1", "file-2": "7001:2"}

    async def test_what_is_no_photo_goes_as_a_file(self, bench):
        broken = file("photo.jpg", "image/jpeg", b"not an image at all")
        await bench.adapter().send(message(bench, text="", files=[broken]), ledger := Ledger())
        assert [accepted["kind"] for accepted in bench.fake.accepted] == ["document"]
        assert ledger.began == 2

    async def test_a_file_that_ends_early_was_not_sent(self, bench):
        lying = replace(file("a.bin", "application/pdf"), size=5000)
        with pytest.raises(SendError) as error:
            await bench.adapter().send(message(bench, text="", files=[lying]), Ledger())
        assert (error.value.retry, error.value.maybe_sent) == (True, False)
        assert bench.fake.accepted == []

    async def test_a_file_that_is_gone_is_said_so(self, bench):
        async def gone():
            raise FileGone

        with pytest.raises(SendError) as error:
            await bench.adapter().send(message(bench, text="", files=[replace(file(), read=gone)]), ledger := Ledger())
        assert (error.value.code, error.value.retry, ledger.began) == ("file_gone", False, 0)

    async def test_too_large_a_file_is_refused_before_anything_is_sent(self, fake, http):
        settings = TelegramBotSettings(token=fake.token)  # Telegram's own server
        record = ChannelRecord(1, 9, "telegram_bot", "Telegram", None, settings, INBOUND)
        adapter = TelegramBotAdapter(record, Outside(http, "https://desk.example", b"secret"))
        outgoing = message(Bench(fake, lambda: adapter, DANA), files=[replace(file(), size=51 * 2**20)])
        with pytest.raises(SendError, match="50 MB"):
            await adapter.send(outgoing, Ledger())


class TestRefusals:
    @pytest.mark.parametrize(
        ("description", "means"),
        [
            ("bot was blocked by the user", "the client has blocked the bot"),
            ("user is deactivated", "the client's account is deleted"),
            ("bot was kicked from the group chat", "removed from the group"),
            ("bot can't initiate conversation with a user", "cannot write first"),
        ],
    )
    async def test_who_forbids_is_not_asked_again(self, bench, description, means):
        bench.fake.chats[7001] = description
        with pytest.raises(SendError) as error:
            await bench.adapter().send(message(bench), Ledger())
        assert (error.value.code, error.value.retry, error.value.maybe_sent) == ("403", False, False)
        assert means in error.value.text
        assert description in error.value.text

    async def test_the_pause_is_the_one_that_the_body_names(self, bench):
        bench.fake.refusals.append((429, "Too Many Requests: retry after 35", {"retry_after": 35}))
        with pytest.raises(SendError) as error:
            await bench.adapter().send(message(bench), Ledger())
        assert (error.value.retry, error.value.retry_after) == (True, 35)

    async def test_a_group_that_moved_is_followed(self, bench):
        bench.fake.moved[-42] = -1001234
        bench.fake.chats[-1001234] = None
        ledger = Ledger()
        to = Recipient(conversation="-42")
        receipt = await bench.adapter().send(message(bench, to=to, files=[file()]), ledger)
        assert [accepted["chat"] for accepted in bench.fake.accepted] == [-1001234, -1001234]
        assert (ledger.conversation, receipt.conversation) == ("-1001234", "-1001234")
        assert ledger.done == {"text": "-1001234:1", "file-1": "-1001234:2"}

    async def test_an_unknown_chat_and_an_odd_one(self, bench):
        for conversation, code in [("5", "400"), ("dana", "bad_conversation")]:
            with pytest.raises(SendError) as error:
                await bench.adapter().send(message(bench, to=Recipient(conversation=conversation)), Ledger())
            assert (error.value.code, error.value.retry) == (code, False)

    async def test_the_token_is_in_no_error(self, bench, adapter_of, fake, http):
        """It is part of each address: whatever fails must not show it, nor the errors that it came from."""
        texts = []
        for fault in Fault:
            fake.faults.append(fault)
            with pytest.raises(SendError) as error:
                await adapter_of().send(message(bench), Ledger())
            texts.append(error.value)
        for echoed in (fake.token, fake.token[:-3], fake.token.replace(":", "%3a")):
            fake.refusals.append((400, f"Bad Request: https://x/bot{echoed}", {}))
            with pytest.raises(SendError, match="bot…") as error:
                await adapter_of().send(message(bench), Ledger())
            texts.append(error.value)
        for settings in (
            {"token": "999:wrong-token"},
            {"base_url": "http://127.0.0.1:1/"},
            {"base_url": "http://[/"},
        ):
            with pytest.raises(SendError) as error:
                await adapter_of(**settings).send(message(bench), Ledger())
            texts.append(error.value)
        for error in texts:
            chain = [str(error), repr(error.__cause__)]
            assert not any(secret in text for text in chain for secret in ("secret_to", "wrong-token"))
            assert error.__suppress_context__  # so a logged traceback ends here
        assert len(texts) == len(Fault) + 6

    @pytest.mark.parametrize(
        "body", ['{"ok": true}', "[]", '{"ok": true, "result": {"message_id": "x"}}', "{}", "null"]
    )
    async def test_an_answer_that_says_nothing_leaves_it_open(self, bench, http, aiohttp_answer, adapter_of, body):
        with pytest.raises(SendError) as error:
            await adapter_of(base_url=await aiohttp_answer(body)).send(message(bench), Ledger())
        assert (error.value.retry, error.value.maybe_sent) == (False, True)


@pytest.fixture
async def aiohttp_answer():
    """`await aiohttp_answer(body)`: the address of a server that answers every call with that."""
    servers = []

    async def start(body):
        async def answer(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body.encode())
            )
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()


class TestReceiving:
    async def test_a_text(self, understand):
        found = await understand(text=" Where is my order? \x00", message_id=55)
        assert (found.message_id, found.conversation, found.text) == ("7001:55", "7001", "Where is my order?")
        assert (found.name, found.username, found.phone) == ("Dana Petrova", "dana_t", None)
        assert found.at == datetime.fromtimestamp(1_790_000_000, UTC)
        assert found.files == []

    async def test_nobody_is_named_who_has_no_name(self, understand):
        found = await understand(text="Hi", **{"from": {"id": 7001, "is_bot": False, "first_name": "Eve"}})
        assert (found.name, found.username) == ("Eve", None)

    @pytest.mark.parametrize(
        ("told", "name", "mime", "words"),
        [
            (
                {
                    "photo": [{"file_id": "s", "width": 90}, {"file_id": "F", "width": 1280, "file_size": 70}],
                    "caption": "Look",
                },
                "photo.jpg",
                "image/jpeg",
                "Look",
            ),
            (
                {
                    "document": {
                        "file_id": "F",
                        "file_name": "счёт.pdf",
                        "mime_type": "application/pdf",
                        "file_size": 70,
                    }
                },
                "счёт.pdf",
                "application/pdf",
                "",
            ),
            ({"voice": {"file_id": "F", "mime_type": "audio/ogg", "file_size": 70}}, "voice.ogg", "audio/ogg", ""),
            ({"video": {"file_id": "F", "file_size": 70}}, "video.mp4", "video/mp4", ""),
            ({"video_note": {"file_id": "F", "file_size": 70}}, "video.mp4", "video/mp4", ""),
            ({"audio": {"file_id": "F", "file_size": 70, "file_name": "song.m4a"}}, "song.m4a", "audio/mpeg", ""),
            (
                {"animation": {"file_id": "F", "file_size": 70}, "document": {"file_id": "F2"}},
                "animation.mp4",
                "video/mp4",
                "",
            ),
            ({"sticker": {"file_id": "F", "file_size": 70, "emoji": "👍"}}, "sticker.webp", "image/webp", "👍"),
            (
                {"sticker": {"file_id": "F", "file_size": 70, "is_animated": True}},
                "sticker.tgs",
                "application/gzip",
                "",
            ),
            ({"sticker": {"file_id": "F", "file_size": 70, "is_video": True}}, "sticker.webm", "video/webm", ""),
        ],
    )
    async def test_files(self, understand, told, name, mime, words):
        found = await understand(**told)
        assert found.files == [FileIn("F", name, mime, 70)]
        assert found.text == words

    @pytest.mark.parametrize(
        ("told", "words"),
        [
            ({"location": {"latitude": 55.75, "longitude": -37.5}}, "geo:55.75,-37.5"),
            (
                {
                    "location": {"latitude": 55, "longitude": 37},
                    "venue": {"location": {}, "title": "Office", "address": "Main street 1"},
                },
                "Office\nMain street 1\ngeo:55,37",
            ),
            ({"poll": {"question": "When?", "options": [{"text": "Now"}, {"text": "Later"}]}}, "When?\n- Now\n- Later"),
            ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
            ({"contact": {"phone_number": "79519999999", "first_name": "Eve", "user_id": 5}}, "Eve, +79519999999"),
        ],
    )
    async def test_what_is_no_file_is_put_in_words(self, understand, told, words):
        found = await understand(**told)
        assert (found.text, found.phone) == (words, None)

    async def test_only_ones_own_contact_is_ones_phone(self, understand):
        found = await understand(contact={"phone_number": "+7 951 123-45-67", "first_name": "Dana", "user_id": 7001})
        assert found.phone == "79511234567"
        assert (await understand(contact={"phone_number": "79511234567", "first_name": "Dana"})).phone is None

    async def test_a_group_is_one_conversation(self, understand):
        chat = {"id": -1001234, "type": "supergroup", "title": "Acme and Northwind"}
        found = await understand(text="Good morning", chat=chat, message_id=3)
        assert (found.conversation, found.message_id) == ("-1001234", "-1001234:3")
        assert (found.name, found.username, found.text) == ("Acme and Northwind", None, "Dana Petrova: Good morning")

    @pytest.mark.parametrize(
        "told",
        [
            {"new_chat_members": [{"id": 5, "first_name": "Eve"}]},
            {"migrate_to_chat_id": -1001234},
            {"pinned_message": {"message_id": 3}},
            {"text": "no chat", "chat": 5},
            {"text": "no id", "message_id": None},
            {"text": ["no", "text"]},
            {"photo": {"file_id": "F"}},
            {"document": {"file_name": "no id.pdf"}},
            {"location": {"latitude": "x", "longitude": None}},
        ],
    )
    async def test_what_says_nothing_is_no_message(self, understand, told):
        assert await understand(**told) is None

    @pytest.mark.parametrize(
        "kind", ["edited_message", "channel_post", "callback_query", "my_chat_member", "newer_kind"]
    )
    async def test_other_updates_change_nothing(self, adapter_of, fake, kind):
        update = fake.tell(text="Hello")
        update[kind] = update.pop("message")
        reply = await (adapter := adapter_of()).handle(hook_of(adapter, update))
        assert (reply.status, list(reply.events)) == (200, [])

    @pytest.mark.parametrize("body", GARBAGE)
    async def test_garbage_with_the_right_secret_is_swallowed(self, adapter_of, body):
        adapter = adapter_of()
        reply = await adapter.handle(replace(hook_of(adapter, {}), body=body))
        assert reply.status == 200

    async def test_a_megabyte_and_repeats(self, adapter_of, fake):
        adapter = adapter_of()
        hook = hook_of(adapter, fake.tell(text="я" * 500_000, extra={"deep": ["x" * 1000] * 500}))
        assert len(hook.body) > 1_000_000
        ids = {(await adapter.handle(hook)).events[0].what.message_id for _ in range(20)}
        assert len(ids) == 1

    @pytest.mark.parametrize("given", [None, "", "wrong", "ё", "\udcff"])
    async def test_the_secret_is_asked_for_first(self, adapter_of, fake, given):
        adapter = adapter_of()
        hook = hook_of(adapter, fake.tell(text="Hello"))
        headers = {"content-type": "application/json"} | ({} if given is None else {HEADER: given})
        assert (await adapter.handle(replace(hook, headers=headers))).status == 403
        assert (await adapter.handle(hook)).status == 200


class TestWebhook:
    async def test_set_called_and_repeated(self, fake, adapter_of):
        door = Door(adapter_of())
        await door.start(f"/inbound/9/{INBOUND}")
        try:
            await door.adapter.install(door.url)
            assert fake.webhook["allowed_updates"] == ["message"]
            assert re.fullmatch(r"[0-9a-f]{64}", fake.webhook["secret_token"])
            assert INBOUND not in fake.webhook["secret_token"]
            assert await fake.call(fake.tell(text="One"), times=3) == [200, 200, 200]
            fake.webhook["secret_token"] = "another"
            assert await fake.call(fake.tell(text="Two")) == [403]
        finally:
            await door.stop()
        assert {event.what.text for event in door.events} == {"One"}
        assert len({event.what.message_id for event in door.events}) == 1

    async def test_what_a_check_says(self, fake, adapter_of):
        adapter = adapter_of()
        assert [finding.ok for finding in await adapter.check()] == [True, False]
        await adapter.install(f"https://desk.example/inbound/9/{INBOUND}")
        found = await adapter.check()
        assert [finding.ok for finding in found] == [True, True]
        assert found[0].facts == {"username": "pult_bot"}
        fake.last_error = "Wrong response from the webhook: 502 Bad Gateway"
        found = await adapter.check()
        assert "502" in found[1].text
        assert not found[1].ok
        await adapter.install("https://other.example/hook")
        assert "another address" in (await adapter.check())[1].text
        assert not any(INBOUND in finding.text + str(finding.facts) for finding in found)

    async def test_what_a_check_says_of_a_revoked_token(self, adapter_of):
        found = await adapter_of(token="1:revoked").check()
        assert [(finding.ok, "revoked" in finding.text) for finding in found] == [(False, True)]

    async def test_an_address_without_https_is_refused_with_the_providers_words(self, adapter_of):
        with pytest.raises(SendError, match="HTTPS URL must be provided") as error:
            await adapter_of().install("http://desk.example/inbound")
        assert not error.value.retry


class TestPolling:
    async def test_it_asks_from_where_it_was(self, fake, adapter_of):
        await adapter_of().install(f"https://desk.example/inbound/9/{INBOUND}")
        for number in range(3):
            fake.tell(text=f"Message {number}")
        adapter = adapter_of(poll=True)
        assert Cap.LISTEN in adapter.caps
        assert Cap.LISTEN not in adapter_of().caps
        inbox = Trap(wanted=3, cursor="503")  # 501 and 502 were taken already
        task = asyncio.create_task(adapter.listen(inbox))
        async with asyncio.timeout(SOON):
            while not fake.asked:  # the fake has no event of this
                await asyncio.sleep(0.01)
            fake.tell(text="Message 3")
            fake.tell(text="Message 4")
            await inbox.full.wait()
            await inbox.idle.wait()
        task.cancel()
        assert [event.what.text for event in inbox.events] == ["Message 2", "Message 3", "Message 4"]
        assert fake.webhook == {}
        assert fake.asked[0] == 503
        assert inbox.cursors[-1] in {"506", "0"}

    async def test_a_confirmed_offset_is_forgotten(self, fake, adapter_of, monkeypatch):
        """After a week of silence Telegram numbers updates anew: a kept offset would hide them."""
        monkeypatch.setattr("pult.channels.telegram_bot.ASK_FOR", 0)
        fake.tell(text="Old")
        inbox = Trap(wanted=2)
        task = asyncio.create_task(adapter_of(poll=True).listen(inbox))
        async with asyncio.timeout(SOON):
            while 502 not in fake.asked or fake.asked[-1] is not None:  # the fake has no event of this
                await asyncio.sleep(0.01)
            fake.next_update = 100  # the numbers start anew
            fake.tell(text="New")
            await inbox.full.wait()
        task.cancel()
        assert [event.what.text for event in inbox.events] == ["Old", "New"]
        assert inbox.cursors[:3] == ["502", "0", "102"]

    async def test_updates_that_say_nothing_are_passed_over(self, fake, adapter_of):
        fake.updates += [{"update_id": 600, "poll": {}}, {"update_id": 601, "message": "odd"}]
        fake.next_update = 601
        fake.tell(text="Hello")
        inbox = Trap(wanted=1)
        task = asyncio.create_task(adapter_of(poll=True).listen(inbox))
        async with asyncio.timeout(SOON):
            await inbox.full.wait()
        task.cancel()
        assert inbox.cursors[0] == "603"

    async def test_a_refusal_is_raised(self, adapter_of):
        with pytest.raises(SendError, match="revoked"):
            await adapter_of(token="1:revoked", poll=True).listen(Trap(wanted=1))

    async def test_who_is_called_does_not_ask(self, fake, adapter_of):
        await adapter_of().listen(Trap(wanted=1))
        assert fake.seen == []

    async def test_installing_takes_the_webhook_away(self, fake, adapter_of):
        await adapter_of().install(f"https://desk.example/inbound/9/{INBOUND}")
        assert not (await adapter_of(poll=True).check())[1].ok
        await adapter_of(poll=True).install(f"https://desk.example/inbound/9/{INBOUND}")
        assert fake.webhook == {}
        assert (await adapter_of(poll=True).check())[1].ok


class TestFiles:
    async def test_a_file_is_fetched(self, fake, adapter_of):
        fake.files["F"] = ("documents/file #1?.pdf", b"%PDF" * 50_000)
        content = await adapter_of().open_file(FileIn("F", "bill.pdf", "application/pdf"))
        assert (content.name, content.mime, content.size) == ("bill.pdf", "application/pdf", 200_000)
        assert b"".join([chunk async for chunk in content.chunks]) == b"%PDF" * 50_000

    @pytest.mark.parametrize(
        ("known", "code", "retry"),
        [
            (("documents/large", bytes(20 * 2**20 + 1)), "400", False),
            (("", b"x"), "no_file", True),
            (("/var/lib/telegram/f", b"x"), "local_file", False),
        ],
    )
    async def test_a_file_that_cannot_be_had(self, fake, adapter_of, known, code, retry):
        fake.files["F"] = known
        with pytest.raises(SendError) as error:
            await adapter_of().open_file(FileIn("F", "bill.pdf"))
        assert (error.value.code, error.value.retry) == (code, retry)

    async def test_a_download_that_fails_may_come_later_and_shows_no_token(self, fake, adapter_of):
        fake.files["F"] = ("documents/a", b"abc")
        content = await adapter_of().open_file(FileIn("F", "bill.pdf"))
        fake.files.clear()
        with pytest.raises(SendError) as error:
            [chunk async for chunk in content.chunks]
        assert error.value.retry
        assert fake.token not in error.value.text
        assert error.value.__suppress_context__


@pytest.mark.parametrize("token", ["", "no colon", "1:a b", "1:a/../b", "1:a\n"])
def test_a_token_that_is_none_is_refused_when_saved(token):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"token": token}, TelegramBotSettings)

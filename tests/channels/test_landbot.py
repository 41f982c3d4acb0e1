"""The adapter of Landbot against its fake: what every adapter does, and what is Landbot's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from conformance import Bench, Conformance, Ledger, file, message
from fakes.landbot import FIELDS, LandbotFake
from fakes.strict import Fault
from receiver import receiving

from pult.channels.landbot import LandbotAdapter, LandbotSettings
from pult.kit.http_out import HttpOut
from pult.messaging.contract import (
    ChannelRecord,
    FileIn,
    Hook,
    Incoming,
    KnownTemplate,
    Outside,
    Recipient,
    SendError,
    Template,
)

PHONE = "79161234567"
HOOK_TOKEN = "what-landbot-says-back"
TEMPLATES = [
    {"id": 501, "params_number": 2, "text": "Hello {{1}}, order {{2}}", "name": "main_order", "language": "ru"},
    {"id": 502, "params_number": 0, "text": "Thanks"},
    {"id": 503, "params_number": 1, "text": "Code {{1}}", "name": "code"},
]


@pytest.fixture
async def http():
    made = HttpOut("127.0.0.0/8")
    yield made
    await made.close()


@pytest.fixture
async def fake():
    made = LandbotFake(templates=list(TEMPLATES))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def make(fake, http):
    """Makes an adapter with these settings beside the fake's own."""

    def adapter(**settings):
        told = {"base_url": f"{fake.url}/v1/", "token": "landbot-token", "channel_id": 33, "hook_token": HOOK_TOKEN}
        found = msgspec.convert(told | {"templates": {"Main": 501}} | settings, LandbotSettings)
        record = ChannelRecord(1, 7, "whatsapp_landbot", "WhatsApp", None, found, inbound_secret="inbound-secret")
        return LandbotAdapter(record, Outside(http, "https://desk.example", b"secret"))

    return adapter


@pytest.fixture
async def bench(fake, make):
    customer = fake.add_customer(PHONE)
    body = msgspec.json.encode(fake.told(customer))
    hook = Hook("POST", {}, {"authorization": f"Token {HOOK_TOKEN}"}, body)
    return Bench(fake, make, Recipient(phone=PHONE), hook=hook, template=Template("Main", "ru", ["Dana", "17"]))


class TestLandbot(Conformance):
    """What every adapter does."""

    async def test_without_retry_after_the_pause_is_its_own(self, bench):
        bench.fake.faults.extend([Fault.TOO_MANY, Fault.TOO_MANY])
        pauses = []
        for _ in range(2):
            with pytest.raises(SendError) as error:
                await self.send(bench, Ledger(), message(bench))
            pauses.append(error.value.retry_after)
        assert all(1 <= pause <= 5 for pause in pauses)
        assert pauses[0] != pauses[1]


async def send(bench, ledger=None, **changes):
    return await bench.adapter().send(message(bench, **changes), ledger or Ledger())


async def refused(bench, **changes):
    with pytest.raises(SendError) as error:
        await send(bench, **changes)
    assert not error.value.retry
    assert not error.value.maybe_sent
    return error.value


async def test_the_first_message_opts_in_by_phone_and_the_next_knows_the_customer(bench):
    ledger = Ledger()
    receipt = await send(bench, ledger)
    customer = next(iter(bench.fake.customers))
    assert bench.fake.opt_ins == [f"+{PHONE}"]
    assert receipt.conversation == ledger.conversation == str(customer)
    await send(bench, to=Recipient(phone=PHONE, conversation=receipt.conversation))
    assert bench.fake.opt_ins == [f"+{PHONE}"]
    assert [sent["to"] for sent in bench.fake.accepted] == [customer, customer]


async def test_a_phone_that_landbot_does_not_know_becomes_a_customer(bench):
    receipt = await send(bench, to=Recipient(phone="79990001122"))
    assert bench.fake.customers[int(receipt.conversation)].phone == "79990001122"


async def test_the_opt_in_key_and_address_can_be_told(fake, make):
    fake.opt_in_key = "told"
    adapter = make(opt_in_key="told", opt_in_url=f"{fake.url}/wa/{{key}}/opt_in")
    await adapter.send(message(Bench(fake, make, Recipient(phone=PHONE))), Ledger())
    assert not any("/v1/channels/" in seen.path for seen in fake.seen)
    assert len(fake.accepted) == 1


async def test_landbots_own_address_is_asked_for_opt_ins_where_the_api_is_landbots_own(make):
    adapter = make(base_url="https://api.landbot.io/v1/", opt_in_key="K")
    assert await adapter._opt_in_address() == "https://messages.landbot.io/wa/K/opt_in"
    adapter = make(base_url="https://notlandbot.io/v1/", opt_in_key="K")
    assert await adapter._opt_in_address() == "https://notlandbot.io/wa/K/opt_in"


async def test_a_wrong_opt_in_key_is_said(fake, make):
    with pytest.raises(SendError, match="404") as error:
        await make(opt_in_key="wrong").send(message(Bench(fake, make, Recipient(phone=PHONE))), Ledger())
    assert not error.value.retry


async def test_nobody_to_write_to(bench):
    assert (await refused(bench, to=Recipient(username="dana"))).code == "no_recipient"


@pytest.mark.parametrize("holder", ["bot", "agent"])
async def test_a_customer_held_by_another_is_taken_over_once(bench, holder):
    customer = next(iter(bench.fake.customers))
    bench.fake.customers[customer].held_by = holder
    ledger = Ledger()
    await send(bench, ledger, text="first")
    await send(bench, text="second")
    assert [sent["text"] for sent in bench.fake.accepted] == ["first", "second"]
    assert [seen.status for seen in bench.fake.seen if "send_text" in seen.path] == [412, 200, 200]
    assert ledger.began == 2


async def test_a_blocked_customer_is_refused_in_landbots_words(bench):
    bench.fake.customers[next(iter(bench.fake.customers))].blocked = True
    error = await refused(bench)
    assert error.code == "412"
    assert "You can't send message to this customer" in error.text
    assert [seen.status for seen in bench.fake.seen if "send_text" in seen.path] == [412, 412]


async def test_taking_over_that_fails_may_be_tried_again(bench):
    bench.fake.customers[next(iter(bench.fake.customers))].held_by = "bot"
    bench.fake.faults.append(Fault.UNAVAILABLE)
    with pytest.raises(SendError) as error:
        await send(bench)
    assert error.value.retry
    await send(bench)
    assert len(bench.fake.accepted) == 1


async def test_a_revoked_token_is_said_plainly(fake, make, bench):
    fake.token = "another"
    error = await refused(bench)
    assert error.code == "401"
    assert "does not accept the token" in error.text
    assert "landbot-token" not in error.text


async def test_a_customer_that_is_gone_is_refused(bench):
    error = await refused(bench, to=Recipient(conversation="1"))
    assert error.code == "404"


async def test_a_long_text_goes_in_parts_and_goes_on_where_it_stopped(bench):
    words = " ".join(f"word{n}" for n in range(1500)) + " 😀" * 1000
    ledger = Ledger()
    await send(bench, ledger, text=words)
    sent = [part["text"] for part in bench.fake.accepted]
    assert len(sent) > 2
    assert " ".join(sent) == words
    assert list(ledger.done) == ["text", *(f"text-{n}" for n in range(2, len(sent) + 1))]
    bench.fake.accepted.clear()
    rest = Ledger(done={"text": ""})
    await send(bench, rest, text=words)
    assert [part["text"] for part in bench.fake.accepted] == sent[1:]


async def test_pictures_are_shown_and_other_files_are_linked_in_the_text(bench):
    large = replace(file("large.png"), size=6 * 1024 * 1024)
    files = [file("photo.png"), file("договор.pdf", "application/pdf"), large]
    await send(bench, text="See:", files=files)
    text, picture = bench.fake.accepted
    assert text["text"].splitlines() == [
        "See:",
        "",
        "договор.pdf: https://desk.example/files/договор.pdf",
        "large.png: https://desk.example/files/large.png",
    ]
    assert picture["image"] == "https://desk.example/files/photo.png"


async def test_a_template_by_its_name_in_the_settings(bench):
    await send(bench, text="", template=Template("Main", "ru", ["Dana", "17"]))
    sent = bench.fake.accepted[0]
    assert (sent["template"], sent["language"], sent["params"]) == (501, "ru", ["Dana", "17"])


@pytest.mark.parametrize("key", ["code", "503"])
async def test_a_template_by_the_name_or_number_of_landbots_list(bench, key):
    await send(bench, text="", template=Template(key, "es_MX", ["42"]))
    assert bench.fake.accepted[0]["template"] == 503


async def test_a_template_that_stands_nowhere_is_refused_before_anything_is_sent(bench):
    error = await refused(bench, text="", template=Template("Unknown", "ru", []))
    assert error.code == "unknown_template"
    assert "Unknown" in error.text
    assert bench.fake.opt_ins == []


async def test_a_template_with_too_few_variables_is_refused_by_landbot(bench):
    assert (await refused(bench, text="", template=Template("Main", "ru", ["Dana"]))).code == "422"


async def test_the_templates_are_those_of_the_list_by_number_and_by_every_name(make):
    known = {found.key: found for found in await make().templates()}
    assert known["Main"] == KnownTemplate("Main", 2)
    assert known["main_order"] == KnownTemplate("main_order", 2)
    assert known["502"] == KnownTemplate("502", 0)
    assert set(known) == {"Main", "501", "main_order", "502", "503", "code"}


async def test_without_an_answer_the_templates_are_not_known(fake, make):
    fake.token = "another"
    assert await make().templates() is None


async def test_installing_leaves_one_hook_of_ours_and_those_of_others(fake, make):
    adapter = make()
    fake.hooks = [{"id": 900 + n, "url": f"https://other.example/{n}"} for n in range(3)]
    await adapter.install("https://desk.example/inbound/7/inbound-secret")
    await adapter.install("https://desk.example/inbound/7/inbound-secret")
    assert [hook["url"] for hook in fake.hooks][:3] == [f"https://other.example/{n}" for n in range(3)]
    (ours,) = fake.hooks[3:]
    assert ours["token"] == HOOK_TOKEN
    assert [found.ok for found in await adapter.check()] == [True, True]


async def test_a_check_says_what_is_wrong(fake, make):
    assert [found.ok for found in await make().check()] == [True, False]
    (finding,) = await make(channel_id=34).check()
    assert "no channel 34" in finding.text
    fake.token = "another"
    (finding,) = await make().check()
    assert "does not accept the token" in finding.text


async def test_a_clients_message_arrives_from_the_installed_hook(fake, make):
    customer = fake.add_customer(PHONE)
    async with receiving(make(hook_token=None)) as desk:
        await desk.adapter.install(desk.url)
        assert await fake.deliver(fake.told(customer, "u-1"), times=3) == [200, 200, 200]
    assert fake.hooks[0]["token"] == "inbound-secret"
    assert {event.what.message_id for event in desk.events} == {"u-1"}
    assert desk.events[0].what == Incoming(
        message_id="u-1",
        at=datetime(2025, 11, 22, tzinfo=UTC),
        text="Where is my order?",
        conversation=str(customer),
        phone=PHONE,
        name="Dana",
    )


async def heard(bench, body, headers=None):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    reply = await bench.adapter().handle(replace(bench.hook, body=raw, headers=headers or bench.hook.headers))
    assert reply.status == 200
    return [event.what for event in reply.events]


def told(bench, **changes):
    return bench.fake.told(next(iter(bench.fake.customers)), **changes)


@pytest.mark.parametrize("author", ["bot", "agent", "sys", "", None, 7])
async def test_what_others_than_the_customer_write_is_no_message(bench, author):
    assert await heard(bench, told(bench, sender={"id": 1, "name": "Bot", "type": author})) == []


async def test_a_file_is_named_and_fetched_without_the_token(bench, fake, make):
    data = {"url": "https://storage.example/channels/33/photo%201.jpg?x=1", "caption": "Look"}
    (found,) = await heard(bench, told(bench, type="image", data=data))
    assert found.text == "Look"
    assert found.files == (
        FileIn("https://storage.example/channels/33/photo%201.jpg?x=1", "photo 1.jpg", "image/jpeg"),
    )


async def test_a_customers_file_is_fetched_without_the_token(fake, make):
    fake.stored["photo.jpg"] = b"\xff\xd8" + bytes(300_000)
    content = await make().open_file(FileIn(f"{fake.url}/storage/photo.jpg", "photo.jpg", "image/jpeg"))
    assert b"".join([chunk async for chunk in content.chunks]) == fake.stored["photo.jpg"]
    assert (content.name, content.mime) == ("photo.jpg", "image/jpeg")


@pytest.mark.parametrize(("url", "later"), [("{fake}/storage/gone.jpg", True), ("http://10.0.0.1/secret", False)])
async def test_a_file_that_cannot_be_had_is_said(fake, make, url, later):
    content = await make().open_file(FileIn(url.format(fake=fake.url), "x"))
    with pytest.raises(SendError) as error:
        [chunk async for chunk in content.chunks]
    assert error.value.retry is later


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"type": "location", "data": {"latitude": 55.75, "longitude": 37.61}}, "55.75, 37.61"),
        ({"type": "sticker", "data": {}}, "[sticker]"),
        ({"type": "document", "data": {"url": "http://[::1", "caption": 5}}, "[document]"),
        ({"type": "text", "data": {"body": "a\x00b"}}, "ab"),
        ({"type": "button", "data": {"title": "Yes"}}, "Yes"),
    ],
)
async def test_messages_of_other_kinds_are_seen(bench, changes, text):
    (found,) = await heard(bench, told(bench, **changes))
    assert found.text == text
    assert found.files == ()


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        (1763769600.25, datetime(2025, 11, 22, 0, 0, 0, 250000, tzinfo=UTC)),
        (1763769600, datetime(2025, 11, 22, tzinfo=UTC)),
    ],
)
async def test_times_are_utc_whole_or_not(bench, timestamp, at):
    (found,) = await heard(bench, told(bench, timestamp=timestamp))
    assert found.at == at


@pytest.mark.parametrize("timestamp", ["soon", None, -1, 1e300, [], True])
async def test_a_time_that_is_none_is_now(bench, timestamp):
    (found,) = await heard(bench, told(bench, timestamp=timestamp))
    assert abs((datetime.now(UTC) - found.at).total_seconds()) < 60


async def test_without_an_id_the_calls_trace_tells_repeats_and_without_that_the_body(bench):
    body = told(bench, _raw=None)
    trace = {**bench.hook.headers, "sentry-trace": "abc-1"}
    assert [found.message_id for found in await heard(bench, body, trace)] == ["abc-1"]
    (first,), (again,) = await heard(bench, body), await heard(bench, body)
    (other,) = await heard(bench, told(bench, _raw=None, timestamp=1763769601))
    assert first.message_id == again.message_id != other.message_id


@pytest.mark.parametrize("odd", [{"customer": {}}, {"customer": None}, {"type": None}, {"sender": "customer"}])
async def test_what_is_no_message_of_somebody_changes_nothing(bench, odd):
    assert await heard(bench, told(bench, **odd)) == []


async def test_a_large_call_and_a_deep_one_do_no_harm(bench):
    (found,) = await heard(bench, told(bench, data={"body": "x" * 2**20}))
    assert len(found.text) == 2**20
    assert await heard(bench, b'{"messages":' + b"[" * 2**20) == []


async def test_a_hook_made_by_hand_needs_no_token_but_the_secret_address(make, bench):
    adapter = make(hook_token=None)
    assert (await adapter.handle(replace(bench.hook, headers={}))).status == 200
    assert (await adapter.handle(replace(bench.hook, headers={"authorization": "Token inbound-secret"}))).status == 200
    for wrong in ("Token wrong", "Bearer inbound-secret", "inbound-secret", "", "Token тест"):
        assert (await adapter.handle(replace(bench.hook, headers={"authorization": wrong}))).status == 403


def test_what_is_not_known_for_sure_is_listed():
    """Whoever changes the fake's contract says how well each field is known."""
    assert {name for name, grade in FIELDS.items() if grade in {"C", "?"}} == {
        "send_image.url",
        "send_image.caption",
        "templates[].params_number",
        "templates[].name",
        "opt_in?phone",
        "channels[].token is the opt-in key",
        "hook: messages[].data.url, caption, filename",
    }

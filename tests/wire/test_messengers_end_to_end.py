"""Every messenger from create/ticket to the client's answer, over the desk's public addresses and the provider's strict fake.

Pact's are in test_messenger_seed.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from fakes.strict import Fault
from messenger_lines import LINES, PHONE, Chat2Desk, Infobip, Landbot, Line, TelegramBot, ViberBot, WhatsAppCloud

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NAMES = [line.type for line in LINES]
FIRST = [line for line in LINES if line.writes_first]
BOTS = [line for line in LINES if not line.writes_first]


@pytest.fixture
async def line(request) -> AsyncIterator[Line]:
    made = request.param()
    await made.fake.start()
    yield made
    await made.fake.stop()


@pytest.fixture
async def desk(new_desk, line):
    made = await new_desk(line.channel())
    await line.connect(made)
    return made


def over(*lines):
    """The test is made for each of these."""
    return pytest.mark.parametrize("line", lines, indirect=True, ids=[one.type for one in lines])


async def write(desk, line: Line, **given):
    """An agent's first message to somebody with whom there is no ticket; a bot's client has written before."""
    if not line.writes_first and "client_id" not in given:
        given["client_id"] = await met(desk, line)
    whom = {"client_phone": PHONE} if line.writes_first else {}
    sample = {"subject": "First msg", "message": "Hello", "from": "user", "user_id": desk.agent("bob"), **whom}
    asked = {"channel_id": desk.channel("line"), **sample, **given}
    return await desk.call("create/ticket", **{name: value for name, value in asked.items() if value is not None})


async def met(desk, line: Line) -> int:
    """The client who has written to the bot."""
    assert await line.tell(line.written("Good day", 1)) == [200]
    return (await desk.ticket((await desk.listed())[-1]))["ticket"]["client_id"]


async def said_in(desk, ticket_id: int) -> list[tuple[str, str]]:
    """Who wrote what, oldest first."""
    shown = await desk.ticket(ticket_id)
    return [(comment["from"], comment["message"]) for comment in reversed(shown["comments"])]


async def delivery_of(desk, comment_id: int) -> dict:
    """What the delivery log says of a comment's message: `delivery` and `attempts`."""
    number = await desk.conn.fetchval(
        "select max(id) from deliveries where company_id = $1 and comment_id = $2 and kind = 'message'",
        desk.company, comment_id,
    )  # fmt: skip
    return await desk.call("delivery", delivery_id=number)


async def state_of(desk, answer) -> str:
    return (await delivery_of(desk, answer["comment_id"]))["delivery"]["state"]


async def becomes(desk, answer, state: str) -> bool:
    return await state_of(desk, answer) == state


@over(*LINES)
async def test_a_message_arrives_and_is_answered(desk, line):
    """Sent once; reports climb and never fall; the answer goes into the same ticket, once however often it is told."""
    answer = await write(desk, line)
    assert answer["status"] == "success", answer
    assert line.sent() == [(line.client, "Hello")]
    for state in line.states:
        assert await line.tell(line.report(state), times=3) == [200] * 3
        told = (await desk.ticket(answer["ticket_id"]))["comments"][0]
        assert (told["delivered"], told["readed"]) == (1, int(state == "read"))
    for state in line.states:  # once more, and now in a wrong order
        assert await line.tell(line.report(state)) == [200]
    reply = line.written("Where is my order?", 2)
    assert await line.tell(reply) == [200]
    assert await said_in(desk, answer["ticket_id"]) == [("user", "Hello"), ("client", "Where is my order?")]
    before = await desk.rows(), await desk.ticket(answer["ticket_id"])
    assert await line.tell(reply, times=3) == [200] * 3
    assert (await desk.rows(), await desk.ticket(answer["ticket_id"])) == before
    assert await state_of(desk, answer) == (line.states[-1] if line.states else "sent")
    assert len(line.sent()) == 1


@over(*LINES)
async def test_acceptance_alone_is_no_delivery(desk, line):
    answer = await write(desk, line)
    words = {None} if line.type.startswith("viber") else {"sent", "queued"}  # the latter on a slow machine
    assert answer["status"] == "success"
    assert answer.get("message_status") in words

    async def sent():
        return await state_of(desk, answer) == "sent"

    await desk.until(sent)
    assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["delivered"] == 0


@over(*LINES)
async def test_a_forged_call_leaves_no_trace(desk, line):
    answer = await write(desk, line)
    before = await desk.rows(), await desk.ticket(answer["ticket_id"])
    for body in (line.written("I am somebody else", 2), *map(line.report, line.states)):
        assert await line.forge(body) == [line.refusal]
    assert (await desk.rows(), await desk.ticket(answer["ticket_id"])) == before
    assert await state_of(desk, answer) == "sent"


@over(*(one for one in LINES if one.states))
async def test_what_could_not_be_delivered_is_seen(desk, line):
    answer = await write(desk, line)
    failed = line.report("failed")
    assert await line.tell(failed, times=3) == [200] * 3
    assert await line.tell(line.report("delivered")) == [200]
    known = (await delivery_of(desk, answer["comment_id"]))["delivery"]
    assert known["state"] == "failed"
    assert known["error_code"]
    assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["delivered"] == 0


@over(*LINES)
async def test_a_revoked_token_keeps_the_ticket_and_says_so(desk, line):
    client = {} if line.writes_first else {"client_id": await met(desk, line)}
    line.fake.faults.append(Fault.UNAUTHORISED)
    answer = await write(desk, line, **client)
    assert (answer["status"], answer["message_status"]) == ("failed", "not delivered")
    assert answer["message_error"]
    assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["id"] == answer["comment_id"]
    assert (await delivery_of(desk, answer["comment_id"]))["delivery"]["id"] == answer["delivery_id"]
    again = await desk.call("delivery/resend", delivery_id=answer["delivery_id"])
    assert again["status"] == "success", again
    assert line.fake.accepted == []


@over(*LINES)
@pytest.mark.usefixtures("working")
async def test_a_busy_provider_gets_it_once_later(desk, line):
    client = {} if line.writes_first else {"client_id": await met(desk, line)}
    line.fake.faults.append(Fault.UNAVAILABLE)
    answer = await write(desk, line, **client)
    assert answer["status"] == "success"
    await desk.until(lambda: becomes(desk, answer, "sent"))
    assert line.sent() == [(line.client, "Hello")]
    outcomes = [attempt["outcome"] for attempt in (await delivery_of(desk, answer["comment_id"]))["attempts"]]
    assert outcomes == ["sent", "retry"]


@over(*(one for one in LINES if one is not Infobip))
@pytest.mark.usefixtures("working")
async def test_a_cut_after_the_body_is_never_sent_again_by_itself(desk, line):
    client = await met(desk, line) if not line.writes_first else None
    line.fake.faults.append(Fault.CUT_AFTER)
    answer = await write(desk, line, client_id=client)
    assert answer["status"] == "success"
    assert await state_of(desk, answer) == "maybe_sent"
    await desk.conn.execute(
        "update deliveries set due_at = now() - interval '1 hour' where company_id = $1", desk.company
    )
    client = (await desk.ticket(answer["ticket_id"]))["ticket"]["client_id"]
    following = await write(desk, line, client_id=client, message="And more")
    await desk.until(lambda: becomes(desk, following, "sent"))
    assert [text for _, text in line.sent()] == ["Hello", "And more"]
    known = await delivery_of(desk, answer["comment_id"])
    assert (known["delivery"]["state"], len(known["attempts"])) == ("maybe_sent", 1)
    assert known["attempts"][0]["outcome"] == "maybe_sent"


@over(Infobip)
@pytest.mark.usefixtures("working")
async def test_a_cut_after_the_body_is_sent_again_where_repeats_are_known(desk, line):
    """Ruling 9: "retried only where the provider recognises our own message id" """
    line.fake.faults.append(Fault.CUT_AFTER)
    answer = await write(desk, line)
    await desk.until(lambda: becomes(desk, answer, "sent"))
    assert line.sent() == [(PHONE, "Hello")]
    assert len(line.fake.seen_ids) == 1


@over(WhatsAppCloud)
async def test_the_first_report_settles_what_nobody_knew(desk, line):
    line.fake.faults.append(Fault.CUT_AFTER)
    answer = await write(desk, line)
    assert await state_of(desk, answer) == "maybe_sent"
    assert await line.tell(line.report("delivered")) == [200]
    assert await state_of(desk, answer) == "delivered"
    assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["delivered"] == 1


async def phones(desk, client_id: int) -> list[str]:
    rows = await desk.conn.fetch(
        "select value from client_contacts where company_id = $1 and client_id = $2 and kind = 'phone' order by id",
        desk.company, client_id,
    )  # fmt: skip
    return [row["value"] for row in rows]


async def viber(desk, **given):
    """The seed's sample, which has neither from nor user_id."""
    sample = {"message": "Hello", "subject": "First msg", "channel_id": str(desk.channel("line"))}
    return await desk.call("create/ticket", **sample, **given)


async def client_of(desk, answer) -> int:
    return (await desk.ticket(answer["ticket_id"]))["ticket"]["client_id"]


@over(Chat2Desk)
async def test_vibers_sample(desk, line):
    """`{"status": "success", "ticket_id": 30745888, "chat_id": "5754"}`"""
    dana = desk.ids["clients"]["dana"]["id"]
    answer = await viber(desk, client_phone="79254697403", client_id=str(dana))
    assert list(answer) == ["status", "ticket_id", "chat_id", "comment_id"]
    assert answer["status"] == "success"
    assert re.fullmatch("[1-9][0-9]*", answer["chat_id"])
    assert line.sent() == [("79254697403", "Hello")]
    comment = (await desk.ticket(answer["ticket_id"]))["comments"][0]
    assert (comment["from"], comment["user_id"]) == ("user", desk.agent("alice"))
    following = await viber(desk, client_phone="79254697403", client_id=str(dana))
    assert following["chat_id"] == answer["chat_id"]  # it is one chat, whatever tickets it has


@over(Chat2Desk)
@pytest.mark.parametrize("client_id", [{"client_id": "new_client"}, {}], ids=["new_client", "not used at all"])
async def test_viber_a_new_client(desk, line, client_id):
    """ "A new client in the system will be created if: … it's not in the system" """
    answer = await viber(desk, client_phone="79123456789", **client_id)
    client = await client_of(desk, answer)
    assert client != desk.ids["clients"]["dana"]["id"]
    assert await phones(desk, client) == ["79123456789"]
    assert line.sent() == [("79123456789", "Hello")]


@over(Chat2Desk)
async def test_viber_a_new_number_and_a_known_one(desk, line):
    """ "A new phone number will be added … it's not in the system"; "will NOT be added … it exists in the system" """
    dana = desk.ids["clients"]["dana"]["id"]
    for number in ("79123456789", "79123456789"):
        assert await client_of(desk, await viber(desk, client_phone=number, client_id=dana)) == dana
        assert await phones(desk, dana) == ["79511234567", "79123456789"]
    other = await client_of(desk, await viber(desk, client_phone="79123450000", client_id="new_client"))
    assert await client_of(desk, await viber(desk, client_phone="79123450000", client_id=dana)) == dana
    assert await phones(desk, dana) == ["79511234567", "79123456789"]
    assert await phones(desk, other) == ["79123450000"]
    assert [whom for whom, _ in line.sent()] == ["79123456789"] * 2 + ["79123450000"] * 2


@over(Chat2Desk)
async def test_viber_only_the_client(desk, line):
    """ "If you use only the client_id parameter, the message will be sent to the first phone number" """
    dana = desk.ids["clients"]["dana"]["id"]
    await viber(desk, client_phone="79123456789", client_id=dana)
    await viber(desk, client_id=dana)
    assert [whom for whom, _ in line.sent()] == ["79123456789", "79511234567"]


@over(Chat2Desk)
async def test_viber_from_the_client_sends_nothing(desk, line):
    answer = await viber(desk, client_phone="79123456789", **{"from": "client"})
    assert list(answer) == ["status", "ticket_id"]
    assert line.fake.accepted == []


async def template(desk, **given):
    """The seed's sample for Landbot and Infobip, without subject, message and user_id."""
    sample = {"channel_id": desk.channel("line"), "from": "user", "client_phone": "79511234567"}
    return {**sample, "template_name": "Main", "template_variables": ["Valeria"], **given}


@over(Infobip)
async def test_infobips_template(desk, line):
    line.fake.template("Main", "ru", "Hello {{1}}, welcome")
    answer = await desk.call("create/ticket", **await template(desk))
    assert (answer["status"], answer["message_status"]) == ("success", "sent")
    filled = {"body": {"placeholders": ["Valeria"]}}
    content = {"templateName": "Main", "templateData": filled, "language": "ru"}
    assert [(sent["to"], sent["content"]) for sent in line.fake.accepted] == [("79511234567", content)]
    assert await said_in(desk, answer["ticket_id"]) == [("user", "Hello Valeria, welcome")]


@over(Landbot)
async def test_landbots_template_by_the_settings_map(desk, line):
    answer = await desk.call("create/ticket", **await template(desk))
    assert (answer["status"], answer["message_status"]) == ("success", "sent")
    (sent,) = line.fake.accepted
    assert line.fake.customers[sent["to"]].phone == "79511234567"
    assert (sent["template"], sent["language"], sent["params"]) == (501, "ru", ["Valeria"])


@over(Infobip, Landbot)
@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"template_name": "Nowhere"}, "template_name"),
        ({"template_variables": ["Valeria", "too many"]}, "template_variables"),
        ({"template_variables": None}, "template_variables"),
    ],
)
async def test_a_template_is_validated_before_anything_is_accepted(desk, line, wrong, parameter):
    if isinstance(line, Infobip):
        line.fake.template("Main", "ru", "Hello {{1}}, welcome")
    given = await template(desk, **wrong)
    refused = await desk.refused("create/ticket", **{name: value for name, value in given.items() if value is not None})
    assert refused["parameter"] == parameter
    assert line.fake.accepted == []


@over(Infobip)
async def test_a_templates_language_is_validated(desk, line):
    line.fake.template("Main", "ru", "Hello {{1}}, welcome")
    line.fake.template("Main", "en", "Hello {{1}}")
    refused = await desk.refused("create/ticket", **await template(desk, template_lang="fr"))
    assert (refused["parameter"], "ru, en" in refused["error"]) == ("template_lang", True)
    assert (await desk.call("create/ticket", **await template(desk, template_lang="en")))["status"] == "success"
    assert [sent["content"]["language"] for sent in line.fake.accepted] == ["en"]


@over(Infobip)
async def test_an_unknown_list_leaves_it_to_the_provider(desk, line):
    """Ruling 5: "the provider decides; its refusal keeps the ticket and fails the message." """
    line.fake.sender = "79990000001"  # the account has another one: neither its templates nor its messages
    answer = await desk.call("create/ticket", **await template(desk))
    assert (answer["status"], answer["message_status"]) == ("failed", "not delivered")
    assert "not registered" in answer["message_error"]
    assert await said_in(desk, answer["ticket_id"]) == [("user", "[Main] Valeria")]


@over(*BOTS)
async def test_a_bot_cannot_write_first(desk, line):
    for given, parameter in (
        ({"client_phone": PHONE}, "client_phone"),
        ({"client_id": desk.ids["clients"]["dana"]["id"]}, "client_id"),
        ({"username": "dana_t"}, "username"),
        ({}, "client_id"),
    ):
        asked = {"channel_id": desk.channel("line"), "subject": "s", "message": "m", "from": "user", **given}
        refused = await desk.refused("create/ticket", **asked)
        assert refused["parameter"] == parameter
        assert "cannot write first" in refused["error"]
    assert line.fake.seen
    assert line.fake.accepted == []


@over(*BOTS)
async def test_a_bot_answers_who_has_written_however_they_are_named(desk, line):
    client = await met(desk, line)
    await desk.create(client_id=client, client_phone="79123456789")  # in the API's own channel: now the phone is known
    for given in ({"client_id": client}, {"client_phone": "79123456789"}, {"client_id": client, "client_phone": PHONE}):
        answer = await write(desk, line, **{"client_id": None, **given})
        assert answer["status"] == "success", answer
        assert await client_of(desk, answer) == client
    assert line.sent() == [(line.client, "Hello")] * 3


@over(*FIRST)
async def test_a_nickname_is_nothing_to_a_messenger_of_phones(desk, line):
    await write(desk, line, username="ivanov")
    assert line.sent() == [(PHONE, "Hello")]


@over(Infobip)
async def test_a_file_is_fetched_by_the_provider_from_our_link(desk, line):
    data = {"api_token": desk.token, "subject": "s", "message": "Look", "from": "user", "client_phone": PHONE}
    data["channel_id"] = str(desk.channel("line"))
    files = [("files[]", ("договор.pdf", b"%PDF-1.4 text", "application/pdf"))]
    answer = (await desk.send("create/ticket", data=data, files=files)).json()
    assert answer["status"] == "success"
    sent = line.fake.accepted
    assert [one["kind"] for one in sent] == ["text", "document"]
    async with httpx.AsyncClient() as provider:
        fetched = await provider.get(sent[1]["content"]["mediaUrl"])
    assert (fetched.status_code, fetched.content) == (200, b"%PDF-1.4 text")


@over(TelegramBot)
@pytest.mark.usefixtures("working")
async def test_a_clients_file_comes_into_the_ticket(desk, line):
    line.fake.files["file-1"] = ("documents/order.pdf", b"%PDF-1.4 order")
    document = {"file_id": "file-1", "file_unique_id": "u1", "file_name": "order.pdf", "mime_type": "application/pdf"}
    assert await line.tell(line.fake.tell(document=document, caption="The order"), times=3) == [200] * 3
    ticket_id = (await desk.listed())[-1]

    async def files() -> list[dict]:
        return (await desk.ticket(ticket_id))["comments"][0]["files"]

    (found,) = await desk.until(files)
    assert (await desk.server.client.get(found["file"])).content == b"%PDF-1.4 order"


@over(ViberBot)
async def test_who_subscribes_opens_no_ticket(desk, line):
    before = await desk.rows()
    user = {"id": "01234567890A=", "name": "Dana", "language": "ru"}
    told = {"event": "subscribed", "timestamp": 1_790_000_000_123, "user": user, "message_token": 1}
    assert await line.tell(told, times=3) == [200] * 3
    assert await desk.rows() == before


@over(*LINES)
async def test_a_call_of_a_megabyte_is_a_message_like_any_other(desk, line):
    told = {**line.written("Good day"), "unknown": "x" * 2**20}
    assert await line.tell(told, times=2) == [200] * 2
    (ticket_id,) = await desk.listed()
    assert await said_in(desk, ticket_id) == [("client", "Good day")]


@over(Infobip)
async def test_a_call_that_is_too_long_leaves_no_trace(desk, line):
    before = await desk.rows()
    assert await line.tell({**line.written("Good day"), "unknown": "x" * (9 * 2**20)}) == [413]
    assert await desk.rows() == before


@over(WhatsAppCloud)
async def test_an_answer_from_a_number_that_is_spelled_otherwise_there(desk, line):
    """WhatsApp does not call everybody by the digits that were dialled."""
    line.fake.wa_ids = {PHONE: "79990001122"}
    answer = await write(desk, line)
    reply = line.fake.written("text", {"body": "It is me"}, "79990001122", "wamid.IN5")
    assert await line.tell(reply) == [200]
    assert await said_in(desk, answer["ticket_id"]) == [("user", "Hello"), ("client", "It is me")]


@over(TelegramBot)
async def test_a_group_that_moved_goes_on_in_its_ticket(desk, line):
    client = await met(desk, line)
    line.fake.moved, line.fake.chats = {7001: 8001}, {8001: None}
    answer = await write(desk, line, client_id=client)
    assert answer["status"] == "success", answer
    assert line.sent() == [("8001", "Hello")]
    reply = line.fake.tell(text="Still here", chat={"id": 8001, "type": "private", "first_name": "Dana"})
    assert await line.tell(reply) == [200]
    assert await said_in(desk, answer["ticket_id"]) == [("user", "Hello"), ("client", "Still here")]
    assert await state_of(desk, await write(desk, line, client_id=client)) == "sent"
    assert [whom for whom, _ in line.sent()] == ["8001", "8001"]


@over(Infobip)
async def test_a_closed_ticket_is_not_written_into(desk, line):
    answer = await write(desk, line)
    await desk.update(answer["ticket_id"], status=3)
    assert await line.tell(line.written("One more thing"), times=3) == [200] * 3
    assert await said_in(desk, answer["ticket_id"]) == [("user", "Hello")]
    (other,) = set(await desk.listed()) - {answer["ticket_id"]}
    assert await said_in(desk, other) == [("client", "One more thing")]


@over(Chat2Desk)
async def test_a_report_that_is_quicker_than_the_answer(desk, line):
    """Kept until the message's name is known."""
    assert await line.tell(line.fake.outbox_status(28_781, "delivered"), times=3) == [200] * 3
    answer = await write(desk, line)
    assert max(line.fake.messages) == 28_781
    await desk.until(lambda: becomes(desk, answer, "delivered"))
    assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["delivered"] == 1
    assert len(line.sent()) == 1

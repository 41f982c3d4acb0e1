"""create/ticket in messengers' channels, sentence by sentence of the seed, against the providers' strict fakes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fakes.pact import TELEGRAM, WHATSAPP, PactFake
from fakes.strict import Fault

from pult.assembly import house_of
from pult.messaging.asking import ask_about_silent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHANNELS = """
[[channel]]
key = "wa"
type = "whatsapp_pact"
name = "WhatsApp (provider's fake)"
group = "support"
settings = {{ base_url = "{url}/p1/", token = "pact-token", company_id = 11, channel_id = 22 }}
[[channel]]
key = "waba"
type = "whatsapp_pact"
name = "WhatsApp Business"
settings = {{ base_url = "{url}/p1/", token = "pact-token", company_id = 11, channel_id = 33, default_agent = "bob", delivered_within = 1 }}
[[channel]]
key = "tg"
type = "telegram_pact"
name = "Telegram"
settings = {{ base_url = "{url}/p1/", token = "pact-token", company_id = 11, channel_id = 55, delivered_within = 1 }}
[[channel]]
key = "old"
type = "whatsapp_pact"
name = "For callers that compare the word"
settings = {{ base_url = "{url}/p1/", token = "pact-token", company_id = 11, channel_id = 22, delivered_within = 1, claim_delivered = true }}
"""


@pytest.fixture
async def pact() -> AsyncIterator[PactFake]:
    fake = PactFake()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def desk(new_desk, pact):
    made = await new_desk(CHANNELS.format(url=pact.url))
    pact.webhook_url = made.ids["channels"]["wa"]["inbound_url"]
    return made


def dana(desk) -> int:
    return desk.ids["clients"]["dana"]["id"]


async def whatsapp(desk, **given):
    """The seed's sample, with what is given changed in it; None takes a parameter away."""
    sample = {
        "message": "Hello",
        "subject": "First msg",
        "channel_id": str(desk.channel("wa")),
        "from": "user",
        "user_id": str(desk.agent("bob")),
        "client_phone": "79254697403",
        "client_id": str(dana(desk)),
    }
    return await desk.call("create/ticket", **{k: v for k, v in {**sample, **given}.items() if v is not None})


async def phones(desk, client_id: int) -> list[str]:
    rows = await desk.conn.fetch(
        "select value from client_contacts where company_id = $1 and client_id = $2 and kind = 'phone' order by id",
        desk.company, client_id,
    )  # fmt: skip
    return [row["value"] for row in rows]


async def client_of(desk, ticket_id: int) -> int:
    return (await desk.ticket(ticket_id))["ticket"]["client_id"]


async def deliver(desk, pact: PactFake, *, reason: str | None = None) -> None:
    """As soon as there is a job, say how it ended."""
    async with asyncio.timeout(10):
        while not pact.jobs:
            await asyncio.sleep(0.01)
    job = max(pact.jobs)
    assert await pact.tell(pact.executed(job, reason)) == [200]


async def test_the_sample_is_delivered_and_answered_so(desk, pact):
    """`{"status": "success", "ticket_id": 30745888, "message_status": "delivered"}`"""
    answer, _ = await asyncio.gather(whatsapp(desk), deliver(desk, pact))
    assert list(answer) == ["status", "ticket_id", "message_status", "comment_id"]
    assert (answer["status"], answer["message_status"]) == ("success", "delivered")
    assert [sent["text"] for sent in pact.accepted] == ["Hello"]
    comment = (await desk.ticket(answer["ticket_id"]))["comments"][0]
    assert (comment["id"], comment["from"], comment["user_id"], comment["delivered"]) == (
        answer["comment_id"], "user", desk.agent("bob"), 1,
    )  # fmt: skip


async def test_acceptance_alone_is_never_called_delivery(desk, pact):
    """Issue 3 C: "the default must never claim delivery on mere acceptance" """
    answer = await whatsapp(desk, channel_id=desk.channel("waba"), template_id=8095, message=None, subject=None)
    assert (answer["status"], answer["message_status"]) == ("success", "sent")


async def test_a_channel_setting_restores_the_literal(desk):
    answer = await whatsapp(desk, channel_id=desk.channel("old"))
    assert answer["message_status"] == "delivered"


async def test_a_provider_that_is_away_leaves_the_message_queued(desk, pact):
    await pact.stop()
    answer = await whatsapp(desk, channel_id=desk.channel("old"))
    assert (answer["status"], answer["message_status"]) == ("success", "queued")


async def test_a_refusal_keeps_the_ticket_and_says_so(desk, pact):
    """ "`status: failed` with the reason when the provider refused (ticket kept, message failed, re-send possible)" """
    pact.faults.append(Fault.UNAUTHORISED)
    answer = await whatsapp(desk)
    assert (answer["status"], answer["message_status"]) == ("failed", "not delivered")
    assert answer["message_error"]
    assert answer["delivery_id"]
    assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["id"] == answer["comment_id"]


async def test_a_provider_that_cannot_deliver_is_told_too(desk, pact):
    answer, _ = await asyncio.gather(whatsapp(desk), deliver(desk, pact, reason="no such number"))
    assert (answer["status"], answer["message_status"]) == ("failed", "not delivered")
    assert "no such number" in answer["message_error"]


async def test_without_from_nothing_is_sent_in_whatsapp(desk, pact):
    """ "In order for the client to receive the message on WhatsApp, consider the mandatory parameters from and user_id." """
    for side in (None, "client"):
        answer = await whatsapp(desk, **{"from": side})
        assert list(answer) == ["status", "ticket_id"]
    assert pact.accepted == []


async def test_a_wrong_user_id_stores_nothing(desk, pact):
    refused = await desk.refused(
        "create/ticket", subject="s", message="m", channel_id=desk.channel("wa"), client_phone="79254697403", user_id=999_999,
        **{"from": "user"},
    )  # fmt: skip
    assert (refused["code"], refused["parameter"]) == (117, "user_id")
    assert pact.accepted == []


async def test_without_user_id_the_channels_agent_or_the_first_admin_writes(desk):
    for channel, agent in (("old", "alice"), ("waba", "bob")):
        template = {"template_id": 8095} if channel == "waba" else {}
        answer = await whatsapp(desk, user_id=None, channel_id=desk.channel(channel), **template)
        assert (await desk.ticket(answer["ticket_id"]))["comments"][0]["user_id"] == desk.agent(agent)


@pytest.mark.parametrize(
    ("channel", "client_id"), [("old", "new_client"), ("old", None), ("tg", "new_client"), ("tg", None)]
)
async def test_a_new_client_for_a_new_phone(desk, pact, channel, client_id):
    """ "A new client in the system will be created if: client_id "new_client" or not used at all; client_phone … not in the system" """
    answer = await whatsapp(desk, channel_id=desk.channel(channel), client_id=client_id, client_phone="79123456789")
    client = await client_of(desk, answer["ticket_id"])
    assert client != dana(desk)
    assert await phones(desk, client) == ["79123456789"]
    assert pact.conversations[pact.accepted[0]["conversation"]]["_sender"] == "79123456789"


@pytest.mark.parametrize("channel", ["old", "tg"])
async def test_a_new_phone_of_a_known_client_is_added(desk, pact, channel):
    """ "A new phone number will be added to the current client if: Client ID is specified … it's not in the system" """
    answer = await whatsapp(desk, channel_id=desk.channel(channel), client_phone="79123456789")
    assert await client_of(desk, answer["ticket_id"]) == dana(desk)
    assert await phones(desk, dana(desk)) == ["79511234567", "79123456789"]
    assert pact.conversations[pact.accepted[0]["conversation"]]["_sender"] == "79123456789"


@pytest.mark.parametrize("channel", ["old", "tg"])
async def test_a_known_phone_is_not_added(desk, channel):
    """ "A new number will NOT be added to the current client if: … it exists in the system" """
    other = await whatsapp(desk, channel_id=desk.channel(channel), client_id="new_client", client_phone="79123456789")
    answer = await whatsapp(desk, channel_id=desk.channel(channel), client_phone="79123456789")
    assert await client_of(desk, answer["ticket_id"]) == dana(desk)
    assert await phones(desk, dana(desk)) == ["79511234567"]
    assert await phones(desk, await client_of(desk, other["ticket_id"])) == ["79123456789"]


@pytest.mark.parametrize("channel", ["old", "tg"])
async def test_only_the_client_is_the_first_phone(desk, pact, channel):
    """ "If you use only the client_id parameter, the message will be sent to the first phone number specified in the system." """
    await whatsapp(desk, channel_id=desk.channel(channel), client_phone="79123456789")
    pact.accepted.clear()
    await whatsapp(desk, channel_id=desk.channel(channel), client_phone=None)
    assert pact.conversations[pact.accepted[0]["conversation"]]["_sender"] == "79511234567"


@pytest.mark.parametrize("spelling", ["ivanov", "@ivanov"])
async def test_a_nickname_with_and_without_at(desk, pact, spelling):
    """ "When sending a message by nickname, you can use two spelling formats — "ivanov" and "@ivanov"." """
    answer = await whatsapp(
        desk, channel_id=desk.channel("tg"), client_id=None, client_phone=None, username=spelling, user_id=None, **{"from": None}
    )  # fmt: skip
    assert (answer["status"], answer["message_status"]) == ("success", "sent")
    assert pact.accepted[0]["channel"] == TELEGRAM
    assert pact.conversations[pact.accepted[0]["conversation"]]["_sender"] == "ivanov"
    assert await client_of(desk, answer["ticket_id"]) != dana(desk)


async def test_a_nickname_goes_before_a_phone(desk, pact):
    """ "If both username and client_phone are specified, the message will be sent by username." """
    answer = await whatsapp(desk, channel_id=desk.channel("tg"), username="@ivanov", client_phone="79123456789")
    assert pact.conversations[pact.accepted[0]["conversation"]]["_sender"] == "ivanov"
    assert await phones(desk, dana(desk)) == ["79511234567", "79123456789"]
    assert await client_of(desk, answer["ticket_id"]) == dana(desk)


async def nicknames(desk, client_id: int) -> list[str]:
    rows = await desk.conn.fetch(
        "select value from client_contacts where company_id = $1 and client_id = $2 and kind = 'telegram' order by id",
        desk.company, client_id,
    )  # fmt: skip
    return [row["value"] for row in rows]


async def test_a_new_nickname_of_a_known_client_is_added_and_a_known_one_is_not(desk):
    """ "A new nickname will be added to the current client if … not in the system"; "will NOT be added … exists in the system" """
    telegram = {"channel_id": desk.channel("tg"), "client_phone": None}
    await whatsapp(desk, **telegram, username="ivanov")
    assert await nicknames(desk, dana(desk)) == ["dana_t", "ivanov"]
    other = await whatsapp(desk, **telegram, client_id="new_client", username="petrov")
    await whatsapp(desk, **telegram, username="@petrov")
    assert await nicknames(desk, dana(desk)) == ["dana_t", "ivanov"]
    assert await nicknames(desk, await client_of(desk, other["ticket_id"])) == ["petrov"]


async def test_an_unknown_nickname_fails_and_the_ticket_stays(desk):
    answer = await whatsapp(desk, channel_id=desk.channel("tg"), username="nobody", client_phone=None)
    assert (answer["status"], answer["message_status"]) == ("failed", "not delivered")
    assert (await desk.ticket(answer["ticket_id"]))["ticket"]["id"] == answer["ticket_id"]


async def test_nobody_to_send_to_is_an_error_that_names_the_parameter(desk, pact):
    for channel in ("wa", "tg"):
        refused = await desk.refused(
            "create/ticket", subject="s", message="m", channel_id=desk.channel(channel), **{"from": "user"}
        )
        assert refused["parameter"] == "client_phone"
    assert pact.accepted == []


async def test_the_templates_sample(desk, pact):
    """The seed's template request, without subject and message and without user_id."""
    answer = await desk.call(
        "create/ticket", channel_id=desk.channel("waba"), client_phone="79511234567", template_id=8094,
        template_variables=["John", "18:00", "London"], **{"from": "user"},
    )  # fmt: skip
    assert answer["status"] == "success", answer
    assert pact.accepted[0]["template"] == {"id": 8094, "language": "ru", "values": ["John", "18:00", "London"]}
    comment = (await desk.ticket(answer["ticket_id"]))["comments"][0]
    assert comment["message"] == "John 18:00 London"


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"template_id": 9999, "template_variables": []}, "template_id"),
        ({"template_id": 8094, "template_variables": ["John"]}, "template_variables"),
        ({"template_id": 8094}, "template_variables"),
        ({"template_id": 8095, "template_variables": ["too many"]}, "template_variables"),
    ],
)
async def test_a_template_is_validated_before_anything_is_accepted(desk, pact, wrong, parameter):
    refused = await desk.refused(
        "create/ticket", channel_id=desk.channel("waba"), client_phone="79511234567", **wrong, **{"from": "user"}
    )
    assert refused["parameter"] == parameter
    assert pact.accepted == []


async def test_files_go_with_the_message(desk, pact):
    answer = await desk.send(
        "create/ticket",
        data={
            "api_token": desk.token, "subject": "Files", "message": "Look", "channel_id": desk.channel("old"),
            "from": "user", "client_phone": "79511234567",
        },
        files=[("files[]", ("photo.png", b"\x89PNG\r\n\x1a\n123", "image/png")), ("files[]", ("договор.pdf", b"%PDF-1.4", "application/pdf"))],
    )  # fmt: skip
    assert answer.json()["status"] == "success"
    await desk.until(lambda: _all(pact, 3))
    assert [sent.get("text") or sent["file"] for sent in pact.accepted] == ["Look", "photo.png", "договор.pdf"]


async def _all(pact: PactFake, number: int) -> bool:
    return len(pact.accepted) >= number


async def test_a_conversation_from_the_first_word_to_the_read_receipt(desk, pact):
    """The client answers into the same ticket, once however often it is told; reports climb and never fall."""
    answer, _ = await asyncio.gather(whatsapp(desk), deliver(desk, pact))
    ticket, message = answer["ticket_id"], pact.message_of(max(pact.jobs))
    reply = pact.from_client(WHATSAPP, "79254697403", "Where is my order?")
    assert await pact.tell(reply, times=3) == [200] * 3
    assert await pact.tell(pact.acknowledged(message, 3)) == [200]
    assert await pact.tell(pact.acknowledged(message, 1)) == [200]
    shown = await desk.ticket(ticket)
    assert [(c["from"], c["message"]) for c in shown["comments"]] == [
        ("client", "Where is my order?"),
        ("user", "Hello"),
    ]
    assert (shown["comments"][1]["delivered"], shown["comments"][1]["readed"]) == (1, 1)


async def test_a_stranger_opens_a_ticket_of_his_own(desk, pact):
    assert await pact.tell(pact.from_client(WHATSAPP, "79990001122", "Good day")) == [200]
    ids = await desk.listed()
    shown = await desk.ticket(ids[-1])
    assert (shown["ticket"]["subject"], shown["ticket"]["channel_id"]) == ("Good day", desk.channel("wa"))
    assert await phones(desk, shown["ticket"]["client_id"]) == ["79990001122"]


async def test_a_wrong_address_leaves_no_trace(desk, pact):
    before = await desk.rows()
    pact.webhook_url = f"{pact.webhook_url[:-4]}0000"
    assert await pact.tell(pact.from_client(WHATSAPP, "79990001122", "Good day")) == [404]
    pact.webhook_url = f"{desk.server.base}/inbound/999999/{'0' * 32}"
    assert await pact.tell(pact.from_client(WHATSAPP, "79990001122", "Good day")) == [404]
    assert await desk.rows() == before


async def test_one_company_of_the_provider_with_several_channels(desk, pact):
    """Ruling 7: "Events that arrive at any of their inbound addresses are routed by the channel id inside." """
    assert await pact.tell(pact.from_client(TELEGRAM, "ivanov", "From Telegram")) == [200]
    shown = await desk.ticket((await desk.listed())[-1])
    assert shown["ticket"]["channel_id"] == desk.channel("tg")


async def test_a_provider_that_keeps_silent_is_asked(desk, pact):
    """A call that never came is no reason to show "sent" for ever."""
    answer = await whatsapp(desk, channel_id=desk.channel("old"))
    pact.executed(max(pact.jobs))  # nobody is told
    where = "company_id = $1 and comment_id = $2 and kind = 'message'"
    await desk.conn.execute(
        f"update deliveries set due_at = now() - interval '1 s' where {where}", desk.company, answer["comment_id"]
    )
    async with house_of(desk.server.application.settings) as house:
        assert await ask_about_silent(house.receiving) >= 1
        assert await ask_about_silent(house.receiving) == 0
    state = await desk.conn.fetchval(f"select state from deliveries where {where}", desk.company, answer["comment_id"])
    assert state == "delivered"


async def test_reports_that_come_before_the_answer_are_not_lost(desk, pact):
    """The provider may call back before it has answered us: what it says waits for the message's name."""
    pact.slow = 0.3

    async def told():
        async with asyncio.timeout(10):
            while not pact.accepted:
                await asyncio.sleep(0.01)
        job = max(pact.jobs)
        assert await pact.tell(pact.executed(job)) == [200]
        assert await pact.tell(pact.acknowledged(pact.message_of(job), 3)) == [200]

    answer, _ = await asyncio.gather(whatsapp(desk), told())
    assert answer["message_status"] == "delivered"
    comment = (await desk.ticket(answer["ticket_id"]))["comments"][0]
    assert (comment["delivered"], comment["readed"]) == (1, 1)

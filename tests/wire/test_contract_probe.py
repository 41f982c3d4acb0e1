"""`pult contract-probe` against the strict fakes, with a desk that the providers call meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest
from fakes.pact import PactFake
from fakes.strict import Fault
from messenger_lines import LINES, PHONE, Chat2Desk, Infobip, Line, TelegramBot

from pult.cli import contract_probe
from pult.cli.contract_probe import Options
from pult.messaging import overheard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRETS = (
    "infobip-key",
    "79990000000",
    "landbot-token",
    "c2d-token",
    "AAE-secret_token",
    "EAAG-token",
    "4453b6ac",
    "0123456789abcdef",
    "desk-verify",
)
PERSONS = (
    PHONE,
    "Dana",
    "Petrova",
    "dana_t",
    "01234567890A=",
    "Where is my order?",
    "pult_bot",
    '"Pult"',
    "999 000-00-00",
)
OWN = "Pult test message"


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
    return pytest.mark.parametrize("line", lines, indirect=True, ids=[one.type for one in lines])


async def company_of(desk) -> str:
    return await desk.conn.fetchval("select key from companies where id = $1", desk.company)


@pytest.fixture
def probed(capsys):
    """`code, transcript, text = await probed(desk, "line", to=…, send=True)`."""

    async def run(desk, channel, **options):
        settings = desk.server.application.settings
        asked = Options(company=await company_of(desk), **options)
        code = await asyncio.to_thread(contract_probe.run, settings, channel, asked)
        printed = capsys.readouterr()
        found = re.search(r"^\{$.*?^\}$", printed.out, re.MULTILINE | re.DOTALL)  # the desk's log goes there too
        return (code, json.loads(found[0]), found[0]) if found else (code, None, printed.err)

    return run


def steps(transcript) -> dict:
    return {step["step"]: step for step in transcript["steps"]}


@over(*LINES)
async def test_without_send_nothing_is_sent(desk, line, probed):
    code, transcript, text = await probed(desk, "line")
    assert code == 0, text
    assert line.fake.accepted == []
    assert steps(transcript)["check"]["outcome"] == "asked"
    assert all(steps(transcript)["check"]["findings"])
    assert steps(transcript)["check"]["requests"][0]["answer"]["status"] == 200
    assert not [word for word in (*SECRETS, *PERSONS) if word in text]


@over(*LINES)
async def test_with_send_all_is_shown_but_persons_and_secrets(desk, line, probed):
    to = PHONE
    if not line.writes_first:
        assert await line.tell(line.written("Good day")) == [200]
        to = "@dana_t" if isinstance(line, TelegramBot) else "Dana Petrova"
    code, transcript, text = await probed(desk, "line", to=to, send=True)
    assert code == 0, text
    assert line.fake.accepted
    assert (steps(transcript)["check"]["outcome"], steps(transcript)["text"]["outcome"]) == ("asked", "sent")
    assert OWN in text  # our own words may be seen
    assert not [word for word in (*SECRETS, *PERSONS) if word in text.replace(OWN, "")]
    assert line.inbound not in text
    assert line.inbound.rpartition("/")[2] not in text


@over(Chat2Desk)
async def test_calls_are_overheard_as_they_came(desk, line, probed):
    running = asyncio.create_task(probed(desk, "line", to=PHONE, send=True, wait=5))

    async def sent() -> bool:
        return len(line.fake.accepted) >= 3

    await desk.until(sent)
    assert await line.tell(line.report("delivered")) == [200]
    assert await line.tell(line.written("Where is my order?")) == [200]
    assert await line.forge(line.report("read")) == [403]
    code, transcript, text = await running
    assert code == 0, text
    assert [call["desk"] for call in transcript["calls"]] == [200, 200, 403]
    report, reply, forged = transcript["calls"]
    assert report["body"]["data"]["gateway_status"] == "delivered"
    assert reply["body"]["text"].startswith("[text 18 #")
    signature = report["headers"]["x-signature"]
    assert signature.startswith("[hex 64 #")
    assert forged["headers"]["x-signature"] != signature
    assert report["headers"]["x-timestamp"] == "[digits 10 #" + report["headers"]["x-timestamp"].partition("#")[2]
    assert not [word for word in (*SECRETS, *PERSONS) if word in text.replace(OWN, "")]
    place = overheard.place(desk.server.application.settings.data_dir, desk.channel("line"))
    assert not place.exists()
    assert await line.tell(line.report("delivered")) == [200]
    assert not place.exists()  # nobody listens any more


@over(Chat2Desk)
async def test_the_open_questions_are_asked(desk, line, probed):
    _, transcript, _ = await probed(desk, "line", to=PHONE, send=True)
    refused = steps(transcript)["client who exists"]["requests"][0]["answer"]
    assert refused["status"] == 400
    assert refused["body"]["errors"]["client"][0] == "Client already exist"
    assert steps(transcript)["transports"]["outcome"] == "answered 404"  # nor does the fake know this one


@over(Infobip)
async def test_whether_a_repeated_id_is_known(desk, line, probed):
    _, transcript, _ = await probed(desk, "line", to=PHONE, send=True)
    again = steps(transcript)["same id again"]["requests"][0]
    assert again["answer"]["body"]["status"]["name"] == "REJECTED_DUPLICATE_MESSAGE_ID"
    assert [sent["content"]["text"] for sent in line.fake.accepted] == [f"{OWN} {number}" for number in (1, 2, 3)]


@over(Infobip)
async def test_a_revoked_key_is_seen_in_the_exit_code(desk, line, probed):
    line.fake.key = "another"
    code, transcript, text = await probed(desk, "line")
    assert code == 1
    assert steps(transcript)["check"]["findings"] == [False]
    assert "UNAUTHORIZED" in text


@over(Infobip)
@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.HTML, Fault.GATEWAY])
async def test_odd_answers_are_part_of_the_transcript(desk, line, probed, fault):
    line.fake.faults.append(fault)
    code, transcript, _ = await probed(desk, "line", to=PHONE, send=True)
    text = steps(transcript)["text"]
    assert (code, text["outcome"]) == (1, "retry")
    assert "error" in text["requests"][0]["answer"] or text["requests"][0]["answer"]["status"] in {200, 502}
    assert steps(transcript)["text in the conversation"]["outcome"] == "sent"


@over(TelegramBot)
async def test_what_cannot_be_probed(desk, line, probed):
    for channel, options, words in (
        ("nowhere", {}, "there is no channel nowhere (known: "),
        ("api", {}, "there is nothing to probe"),
        ("mail", {}, "there is nothing to probe"),
        ("line", {"send": True}, "--send needs --to"),
        ("line", {"send": True, "to": "Nobody"}, "nobody has written to this channel by that name"),
    ):
        code, transcript, text = await probed(desk, channel, **options)
        assert (code, transcript) == (1, None)
        assert words in text
    assert line.fake.accepted == []
    assert (await probed(desk, str(desk.channel("line"))))[0] == 0  # by its id


async def test_both_spellings_of_a_first_text(new_desk, probed):
    """docs/channels/pact.md, "text or message"."""
    fake = PactFake()
    await fake.start()
    settings = f'base_url = "{fake.url}/p1/", token = "pact-token", company_id = 11, channel_id = 22'
    desk = await new_desk(
        f'[[channel]]\nkey = "line"\ntype = "whatsapp_pact"\nname = "W"\nsettings = {{ {settings} }}\n'
    )
    _, transcript, text = await probed(desk, "line", to="+7 916 123-45-67", send=True)
    await fake.stop()
    for name in ("text", "message"):
        (request,) = steps(transcript)[f"first message in `{name}`"]["requests"]
        assert [field for field, _ in request["request"]["body"]] == ["phone", name]
        assert request["answer"]["status"]
    assert (
        steps(transcript)["phone exists"]["outcome"] == "answered 404"
    )  # the fake does not know it: the probe goes on
    assert "pact-token" not in text
    assert PHONE not in text

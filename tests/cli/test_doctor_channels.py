"""What `pult doctor` says of channels, asked of real fakes and of a real ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from fakes.chat2desk import Chat2DeskFake
from fakes.infobip import InfobipFake
from fakes.telegram_bot import TelegramBotFake

from pult.cli import channel_checks, doctor
from pult.settings import Settings

INFOBIP = """
[[channel]]
key = "whatsapp"
type = "whatsapp_infobip"
name = "WhatsApp"
settings = {{ base_url = "{url}", api_key = "infobip-key", sender = "79990000000" }}
"""
CHAT2DESK = """
[[channel]]
key = "viber"
type = "viber_chat2desk"
name = "Viber"
settings = {{ base_url = "{url}/v1/", token = "{token}", channel_id = 44 }}
"""
TELEGRAM = """
[[channel]]
key = "telegram"
type = "telegram_bot"
name = "Telegram"
settings = {{ base_url = "{url}/", token = "{token}" }}
"""


@pytest.fixture
async def started():
    """`await started(fake)`: it runs until the test is over."""
    running = []

    async def start(fake):
        await fake.start()
        running.append(fake)
        return fake

    yield start
    for fake in running:
        await fake.stop()


@pytest.fixture
def said(database_url, tmp_path, capsys):
    """What the command printed of channels, and its exit code."""

    async def run(allow_private="127.0.0.0/8"):
        settings = Settings(database_url=database_url, data_dir=tmp_path, allow_private=allow_private)
        code = await asyncio.to_thread(doctor.run, settings)
        lines = capsys.readouterr().out.splitlines()
        assert not any("database: it cannot" in line for line in lines), lines
        return code, [line for line in lines if "  channel " in line]

    return run


@pytest.fixture
async def conn(database_url):
    made = await asyncpg.connect(database_url)
    yield made
    await made.close()


async def test_providers_that_answer(applied, started, said):
    infobip, telegram = await started(InfobipFake()), await started(TelegramBotFake())
    infobip.template("main", "ru", "Hello {{1}}")
    tables = INFOBIP.format(url=infobip.url) + TELEGRAM.format(url=telegram.url, token=telegram.token)
    ids = (await applied(tables))["channels"]
    code, lines = await said()
    whatsapp, bot = ids["whatsapp"]["id"], ids["telegram"]["id"]
    assert lines == [
        f"ok     channel {whatsapp} WhatsApp: Infobip knows the sender; 1 templates are approved",
        f"ok     channel {bot} Telegram: the token is that of @pult_bot (username pult_bot)",
        f"wrong  channel {bot} Telegram: the provider calls nobody: no webhook is set (waiting 0)",
    ]
    assert code == 1


async def test_a_revoked_token(applied, started, said):
    fake = await started(Chat2DeskFake())
    ids = await applied(CHAT2DESK.format(url=fake.url, token="the old one"))
    code, lines = await said()
    number = ids["channels"]["viber"]["id"]
    assert lines == [f"wrong  channel {number} Viber: Chat2Desk does not accept the token: You need to auth"]
    assert code == 1
    assert not any("the old one" in line for line in lines)


async def test_providers_that_are_away_or_forbidden(applied, started, said):
    fake = await started(InfobipFake())
    await applied(INFOBIP.format(url=fake.url))
    assert "is a private address; PULT_ALLOW_PRIVATE can allow it" in (await said(allow_private=""))[1][0]
    await fake.stop()
    code, lines = await said()
    assert code == 1
    assert "cannot connect" in lines[0]


async def test_a_provider_that_hangs_holds_up_no_other(applied, database_url, tmp_path, started, monkeypatch):
    monkeypatch.setattr(channel_checks, "ASKED_WITHIN", 0.3)
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)  # takes the call and never answers
    port = listening.sockets[0].getsockname()[1]
    well = await started(InfobipFake())
    slow = CHAT2DESK.format(url=f"http://127.0.0.1:{port}", token="c2d-token")
    await applied(slow + INFOBIP.format(url=well.url))
    settings = Settings(database_url=database_url, data_dir=tmp_path, allow_private="127.0.0.0/8")
    async with asyncio.timeout(20):
        found = await channel_checks.channels(settings, database_url)
    listening.close()
    assert [(finding.ok, "did not answer within" in finding.text) for finding in found] == [
        (False, True),
        (True, False),
    ]


async def test_what_the_ledger_knows(applied, started, said, conn):
    fake = await started(InfobipFake())
    ids = (await applied(INFOBIP.format(url=fake.url)))["channels"]
    company = await conn.fetchval("select id from companies")
    await conn.execute(
        """insert into delivery_targets (company_id, channel_id, failures, open_until, last_ok_at, last_error, healthy, report, counters)
           values ($1, $2, 6, now() + interval '1 minute', now() - interval '1 hour', 'no answer in time', false,
                   'phone' || chr(10) || 'offline', '{"parsed": 3}')""",
        company, ids["whatsapp"]["id"],
    )  # fmt: skip
    insert = """insert into deliveries (company_id, channel_id, kind, event, state, error_text, made_at, ended_at)
                values ($1, $2, 'message', 'message', $3, $4, now() - $5::interval, case when $3 <> 'queued' then now() - $6::interval end)"""
    hour = timedelta(hours=1)
    for state, text, age, ended in (
        ("failed", "no such number", 2 * hour, hour),
        ("failed", "long ago", 50 * hour, 40 * hour),
        ("maybe_sent", "no answer", hour, hour),
        ("queued", None, 3 * hour, hour),
        ("queued", None, hour, hour),
        ("delivered", None, hour, hour),
    ):
        await conn.execute(insert, company, ids["whatsapp"]["id"], state, text, age, ended)
    code, lines = await said()
    assert code == 1
    about = f"channel {ids['whatsapp']['id']} WhatsApp: "
    assert lines[1] == f"wrong  {about}last reported: phone offline (parsed 3)"
    assert lines[2].startswith(
        f"wrong  {about}deliveries there failed 6 times in a row: no answer in time; the last that"
    )
    assert "; the next is tried after 20" in lines[2]
    assert lines[3] == f"wrong  {about}2 deliveries waiting, since 3 hours ago: does `pult work` (or `pult serve`) run?"
    assert lines[4] == (
        f"wrong  {about}in the last day 1 delivery failed and of 1 delivery nobody knows whether they were sent; "
        "the last: no answer; the API's method `deliveries` lists them"
    )
    assert len(lines) == 5


async def test_what_was_sent_again_went_well_after_all(applied, started, said, conn):
    fake = await started(InfobipFake())
    ids = (await applied(INFOBIP.format(url=fake.url)))["channels"]
    company = await conn.fetchval("select id from companies")
    client = await conn.fetchval("insert into clients (company_id, name) values ($1, 'Dana') returning id", company)
    ticket = await conn.fetchval(
        """insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)
           values ($1, 's', 1, 1, 2, $2, $3, now(), now()) returning id""",
        company, client, ids["whatsapp"]["id"],
    )  # fmt: skip
    insert = """insert into deliveries (company_id, channel_id, ticket_id, kind, event, state, resend_of, ended_at)
                values ($1, $2, $3, 'message', 'message', $4, $5, now()) returning id"""
    first = await conn.fetchval(insert, company, ids["whatsapp"]["id"], ticket, "failed", None)
    assert len((await said())[1]) == 2
    await conn.execute(insert, company, ids["whatsapp"]["id"], ticket, "sent", first)
    assert len((await said())[1]) == 1

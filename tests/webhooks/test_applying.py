"""`pult apply` checks an address when it is saved, and keeps it whatever comes of that; `pult rotate-secret`."""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest
from standardwebhooks.webhooks import Webhook

from pult.__main__ import main
from pult.cli import apply as applying
from pult.settings import Settings

FILE = """
[company]
key = "main"
name = "Northwind"
[[channel]]
key = "api"
type = "api"
name = "Site"
token = "e1cbe1c1c9d910ef2ae975215644cb53dd555de4"
webhook_url = "{url}"
webhook_format = "{format}"
"""


@pytest.fixture
async def conn(database_url):
    conn = await asyncpg.connect(database_url)
    yield conn
    await conn.close()


@pytest.fixture
def apply(database_url, tmp_path, capsys):
    """`await apply(url)`: the answer of `pult apply --json`, and the lines of standard error."""
    file = tmp_path / "desk.toml"

    async def run(url, *, form="json", allowed="127.0.0.0/8"):
        file.write_text(FILE.format(url=url, format=form))
        settings = Settings(database_url=database_url, public_url="https://desk.example", allow_private=allowed)
        code = await asyncio.to_thread(applying.run, settings, file, json=True, prune=False, yes=False)
        assert code == 0
        told = capsys.readouterr()
        return json.loads(told.out), told.err.splitlines()

    return run


async def target(conn):
    return await conn.fetchrow("select healthy, report from delivery_targets")


async def log(conn):
    return [
        tuple(row) for row in await conn.fetch("select event, state, attempts, error_code from deliveries order by id")
    ]


async def test_an_address_that_answers_is_asked_once(apply, conn, receiver):
    answer, warned = await apply(receiver.url)
    assert (answer["warnings"], warned) == ([], [])
    [heard] = receiver.heard
    channel = answer["channels"]["api"]
    assert heard.json == {"ping": True, "secret": channel["application_id"]}
    [secret] = channel["signing_secrets"]
    assert Webhook(secret).verify(heard.body, dict(heard.headers)) == heard.json
    assert "webhook-sequence" not in heard.headers
    assert await log(conn) == [("ping", "delivered", 1, None)]
    assert tuple(await target(conn)) == (True, None)
    assert await apply(receiver.url) == (answer, [])
    assert len(receiver.heard) == 1


async def test_a_new_address_is_asked_anew_and_forms_are_spelled(apply, receiver):
    await apply(receiver.url, form="form")
    assert set(receiver.heard[0].form) == {"ping", "secret"}
    assert receiver.heard[0].form["ping"] == "1"
    await apply(receiver.url + "?now=here")
    assert [heard.path for heard in receiver.heard] == ["/hook", "/hook?now=here"]


@pytest.mark.parametrize("status", [204, 301, 404, 500])
async def test_anything_but_200_is_a_warning_and_the_address_is_kept(apply, conn, receiver, status):
    receiver.behaviours.append(receiver.status(status, "", Location="/x"))
    answer, warned = await apply(receiver.url)
    [warning] = answer["warnings"]
    assert warned == [f"warning: {warning}"]
    assert warning.startswith(f"channel api: webhook_url is kept, but does not answer: answered {status}")
    assert json.loads(await conn.fetchval("select settings from channels"))["adapter"]["webhook_url"] == receiver.url
    assert tuple(await target(conn)) == (False, "never answered")
    assert (await apply(receiver.url))[1] == []  # it never answered, so it is asked again; now it does
    assert tuple(await target(conn)) == (True, None)
    assert await log(conn) == [("ping", "failed", 1, str(status)), ("ping", "delivered", 1, None)]


async def test_a_private_address_names_the_setting(apply, receiver):
    _, [warned] = await apply(receiver.url, allowed="")
    assert "PULT_ALLOW_PRIVATE" in warned
    assert receiver.heard == []


async def test_nobody_there(apply, receiver):
    await receiver.stop()
    _, [warned] = await apply(receiver.url)
    assert "cannot connect" in warned


async def test_an_address_that_was_never_answered_is_so_until_an_event_reaches_it(new_house, receiver):
    house = await new_house(hook=receiver.url)
    async with house.desk.work(None) as work:
        await work.conn.execute(
            "insert into delivery_targets (company_id, channel_id, healthy, report) values ($1, $2, false, 'never answered')",
            house.company, house.channel("hook"),
        )  # fmt: skip
    await house.notice("ticket", (await house.open()).ticket_id)
    receiver.behaviours.append(receiver.status(500))
    await house.round()
    assert (await house.target())["report"] == "never answered"
    await house.round()
    found = await house.target()
    assert (found["healthy"], found["report"]) == (True, None)


async def test_a_rotated_secret_verifies_beside_the_last_one(new_house, receiver, open_house, capsys, monkeypatch):
    house = await new_house(hook=receiver.url)
    [first] = house.ids["channels"]["hook"]["signing_secrets"]
    await house.notice("ticket", (await house.open()).ticket_id)
    monkeypatch.setenv("PULT_DATABASE_URL", open_house.settings.database_url)
    key = house.ids["company"]["key"]
    command = ["rotate-secret", "hook", "--company", key]
    assert await asyncio.to_thread(main, [*command, "--json"]) == 0
    live = json.loads(capsys.readouterr().out)["signing_secrets"]
    assert live[1:] == [first]
    await house.round()
    [heard] = receiver.heard
    for secret in live:
        Webhook(secret).verify(heard.body, dict(heard.headers))
    assert await asyncio.to_thread(main, [*command[:1], str(house.channel("hook")), *command[2:]]) == 0
    told = capsys.readouterr().out
    assert live[0] in told  # the last one
    assert first not in told  # two live ones at most
    assert await asyncio.to_thread(main, ["rotate-secret", "nobody", "--company", key]) == 1
    assert "known: site, hook" in capsys.readouterr().err
    assert await asyncio.to_thread(main, ["rotate-secret", "hook", "--company", "none"]) == 1
    version = "select config_version from companies where id = $1"
    async with house.desk.pools.reading() as conn:
        assert await conn.fetchval(version, house.company) > house.caller.version

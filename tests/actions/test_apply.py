"""pult apply against a real database: the whole example, again and again, and the ways a desk file changes."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from pult.channels.registry import TYPES
from pult.deskfile.apply import apply
from pult.deskfile.parse import BadDocument, parse
from pult.kit.work import unit_of_work, until_done
from pult.staff.passwords import fits

ADDRESS = "http://desk.example"
TOKEN = "e1cbe1c1c9d910ef2ae975215644cb53dd555de4"
EXAMPLE = (Path(__file__).parents[2] / "docs" / "desk.toml").read_text()

TABLES = [
    "companies",
    "groups",
    "agents",
    "group_members",
    "agent_channels",
    "channels",
    "api_tokens",
    "fields",
    "field_options",
    "schedules",
    "slas",
    "triggers",
    "clients",
    "client_contacts",
    "client_companies",
]


@pytest.fixture
async def pool(database_url):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=6) as pool:
        yield pool


async def bring(pool, text, *, pruning=False):
    document = parse(text.encode(), TYPES)
    async with unit_of_work(pool, None) as work:
        return await apply(work.conn, document, address=ADDRESS, pruning=pruning)


async def rows(pool):
    """Every row of every table that configuration touches, with where and by which transaction it was written."""
    return {
        table: [tuple(row) for row in await pool.fetch(f"select ctid, xmin::text, t::text from {table} t order by 1")]
        for table in TABLES
    }


async def refused(pool, text, **options):
    before = await rows(pool)
    with pytest.raises(BadDocument) as caught:
        await bring(pool, text, **options)
    assert await rows(pool) == before
    return [f"{mistake.line}: {mistake.text}" for mistake in caught.value.mistakes]


async def test_the_whole_example(pool):
    answer = (await bring(pool, EXAMPLE)).answer()
    assert list(answer) == [
        "company",
        "channels",
        "groups",
        "agents",
        "clients",
        "client_companies",
        "fields",
        "triggers",
        "sla",
    ]
    assert answer["company"] == {"id": answer["company"]["id"], "key": "main"}
    assert list(answer["channels"]) == [
        "api",
        "mail",
        "whatsapp",
        "whatsapp_infobip",
        "whatsapp_landbot",
        "viber",
        "telegram",
    ]
    api = answer["channels"]["api"]
    assert list(api) == ["id", "token", "application_id", "inbound_url", "signing_secrets"]
    assert api["token"] == TOKEN
    assert answer["channels"]["mail"]["token"] is None
    assert re.fullmatch(r"[0-9a-f]{32}", api["application_id"])
    assert re.fullmatch(rf"{ADDRESS}/inbound/{api['id']}/[0-9a-f]{{32}}", api["inbound_url"])
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", api["signing_secrets"][0])
    assert list(answer["fields"]["reason"]["options"]) == ["Delivery", "Payment", "Quality"]
    product = answer["fields"]["product"]
    assert [level["name"] for level in product["levels"]] == ["Category", "Model", "Part"]
    assert product["levels"][0]["id"] == product["id"]
    road = product["options"]["Bikes"]["options"]["Road"]
    assert list(road["options"]) == ["Frame", "Wheels"]
    assert road["options"]["Frame"]["options"] == {}
    assert list(answer["client_companies"]) == ["Acme LLC"]
    assert list(answer["triggers"]) == ["vip_first", "hello"]
    assert list(answer["sla"]) == ["standard", "urgent"]


async def test_what_the_example_stores(pool):
    answer = (await bring(pool, EXAMPLE)).answer()
    company = await pool.fetchrow("select * from companies")
    assert (company["name"], company["timezone"], company["language"]) == ("Northwind Bikes", "Europe/Moscow", "en")
    anna, boris = await pool.fetch("select * from agents order by id")
    assert fits("change me on first login", anna["password_hash"])
    assert not anna["restricted"]
    assert boris["restricted"]
    assert boris["password_hash"] is None
    assert boris["invite_hash"] is not None
    rights = await pool.fetch("select channel_id, access from agent_channels order by channel_id")
    ids = {key: told["id"] for key, told in answer["channels"].items()}
    assert [tuple(right) for right in rights] == [(ids["api"], "write"), (ids["mail"], "read")]
    api, mail = await pool.fetch("select * from channels order by id limit 2")
    adapter = json.loads(api["settings"])["adapter"]
    assert adapter["watch"] == [ids[key] for key in ("api", "mail", "whatsapp", "viber", "telegram")]
    assert mail["email"] == "support@northwind.example"
    assert json.loads(mail["settings"])["adapter"]["smtp"] == {"host": "127.0.0.1", "port": 2525}
    contacts = await pool.fetch("select kind, value, shown, phone_type from client_contacts order by id")
    assert [tuple(contact) for contact in contacts] == [
        ("email", "dana@client.example", "dana@client.example", None),
        ("phone", "79511234567", "79511234567", "mobile"),
        ("telegram", "dana_t", "dana_t", None),
    ]


async def test_rules_are_stored_with_ids(pool):
    answer = (await bring(pool, EXAMPLE)).answer()
    vip, hello = [
        json.loads(value) for value in await column(pool, "select definition from triggers order by position")
    ]
    assert vip["when"] == [
        {"field": "field", "field_id": answer["fields"]["vip"]["id"], "operator": "is", "values": [True]}
    ]
    assert vip["then"] == [
        {"kind": "set", "target": "priority", "value": 3},
        {"kind": "add_tag", "value": "vip"},
        {"kind": "set", "target": "group", "value": answer["groups"]["billing"]["id"]},
    ]
    assert hello["then"][0]["public"] is True
    standard, urgent = [
        json.loads(value) for value in await column(pool, "select definition from slas order by position")
    ]
    assert standard["when"][0]["values"] == [answer["channels"]["api"]["id"], answer["channels"]["mail"]["id"]]
    assert standard["next_reply"] == {"days": 0, "minutes": 60}
    assert urgent["when"][0]["values"] == [3, 4]
    schedule = await pool.fetchrow("select id, definition from schedules")
    assert standard["schedule_id"] == schedule["id"]
    assert json.loads(schedule["definition"])["holidays"] == ["2026-12-31", "2027-01-01"]


async def column(pool, query):
    return [row[0] for row in await pool.fetch(query)]


async def test_a_second_run_writes_nothing(pool):
    first = await bring(pool, EXAMPLE)
    before = await rows(pool)
    second = await bring(pool, EXAMPLE)
    assert await rows(pool) == before
    assert second.answer() == first.answer()
    assert second.lines == []
    assert second.same == 1 + 2 + 2 + 7 + 4 + 1 + 1 + 1 + 2 + 2
    assert len(first.invites) == 1
    assert second.invites == {}


async def test_a_change_moves_the_version_once_and_keeps_ids(pool):
    first = await bring(pool, EXAMPLE)
    text = EXAMPLE.replace('name = "Support"\n', 'name = "First line"\n').replace('name = "Anna"', 'name = "Anna A."')
    text = text.replace('name = "Site form"', 'name = "Web form"').replace('name = "Order number"', 'name = "Order"')
    second = await bring(pool, text)
    assert second.answer() == first.answer()
    assert second.lines == ["changed group support", "changed agent anna", "changed channel api", "changed field order"]
    assert await pool.fetchval("select config_version from companies") == 3  # 1 as made, 2 by the first run
    assert await column(pool, "select name from groups order by id") == ["First line", "Billing"]


async def test_a_given_token_stays_beside_another_and_is_kept_as_a_hash(pool):
    await bring(pool, EXAMPLE)
    other = "0" * 40
    applied = await bring(pool, EXAMPLE.replace(TOKEN, other))
    assert applied.channels["api"]["token"] == other
    assert await pool.fetchval("select count(*) from api_tokens") == 2
    assert await pool.fetchval("select count(*) from api_tokens where hash = sha256($1::bytea)", TOKEN.encode()) == 1


async def test_a_token_is_made_once_when_the_file_has_none(pool):
    text = EXAMPLE.replace(f'token = "{TOKEN}"\n', "")
    first = await bring(pool, text)
    assert re.fullmatch(r"[0-9a-f]{40}", first.channels["api"]["token"])
    assert (await bring(pool, text)).channels["api"]["token"] is None
    assert await pool.fetchval("select count(*) from api_tokens") == 1


async def test_a_token_of_another_company_is_refused(pool):
    await bring(pool, EXAMPLE)
    text = EXAMPLE.replace('key = "main" ', 'key = "other"')
    found = await refused(pool, text)
    assert found == [f'{line_of(text, "token =")}: [[channel]] "api": token: belongs to another channel']


async def test_two_companies_know_nothing_of_each_other(pool):
    first = await bring(pool, EXAMPLE)
    text = EXAMPLE.replace('key = "main" ', 'key = "other"').replace(TOKEN, "f" * 40)
    before = await rows(pool)
    second = await bring(pool, text)
    assert second.company_id != first.company_id
    assert not set(first.agents.values()) & set(second.agents.values())
    after = await rows(pool)
    for table in TABLES:
        assert set(before[table]) <= set(after[table])
    assert (await bring(pool, EXAMPLE)).lines == []


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


async def test_an_option_that_comes_back_has_its_old_id(pool):
    first = await bring(pool, EXAMPLE)
    without = EXAMPLE.replace('"Delivery", "Payment", "Quality"', '"Quality", "Delivery"').replace(
        '"Frame", "Wheels"', '"Wheels"'
    )
    second = await bring(pool, without)
    assert list(second.fields["reason"]["options"]) == ["Quality", "Delivery"]
    assert await column(pool, "select value from field_options where not active order by id") == ["Payment", "Frame"]
    third = await bring(pool, EXAMPLE)
    assert third.fields == first.fields
    assert await pool.fetchval("select count(*) from field_options where not active") == 0
    assert third.lines == ["changed field reason", "changed field product"]


async def test_a_branch_of_a_nested_list_goes_and_comes_back(pool):
    first = await bring(pool, EXAMPLE)
    await bring(pool, EXAMPLE.replace('Road = ["Frame", "Wheels"], ', ""))
    assert await column(pool, "select value from field_options where not active order by value") == [
        "Frame",
        "Road",
        "Wheels",
    ]
    assert (await bring(pool, EXAMPLE)).fields == first.fields


async def test_a_level_that_comes_back_has_its_old_id(pool):
    first = await bring(pool, EXAMPLE)
    two = EXAMPLE.replace('["Category", "Model", "Part"]', '["Category", "Model"]')
    two = two.replace('{ Road = ["Frame", "Wheels"], City = ["Frame", "Basket"] }', '["Road", "City"]')
    second = await bring(pool, two)
    assert second.fields["product"]["levels"] == first.fields["product"]["levels"][:2]
    assert await column(pool, "select name from fields where not active") == ["Part"]
    assert await pool.fetchval("select count(*) from field_options where not active") == 4
    assert (await bring(pool, EXAMPLE)).fields == first.fields


async def test_a_level_renamed_keeps_its_id(pool):
    first = await bring(pool, EXAMPLE)
    second = await bring(pool, EXAMPLE.replace('"Model", "Part"', '"Type", "Part"'))
    ids = [[level["id"] for level in applied.fields["product"]["levels"]] for applied in (first, second)]
    assert ids[0] == ids[1]
    assert second.fields["product"]["levels"][1]["name"] == "Type"


async def test_a_field_and_a_channel_cannot_change_their_kind(pool):
    await bring(pool, EXAMPLE)
    text = EXAMPLE.replace('type = "text"', 'type = "checkbox"').replace(
        'type = "telegram_pact"\nname = "Telegram"\nsettings = { base_url = "http://127.0.0.1:9101/p1/", token = "pact-token",'
        " company_id = 11, channel_id = 55 }",
        'type = "telegram_bot"\nname = "Telegram"\nsettings = { token = "1:a" }',
    )
    found = await refused(pool, text)
    channel, field = line_of(text, "telegram_bot"), line_of(text, 'type = "checkbox"')
    assert [re.sub(r":.*made with", ": made with", mistake) for mistake in found] == [
        f"{channel}: made with type telegram_pact, which cannot change; give this one a key of its own",
        f"{field}: made with type text, which cannot change; give this one a key of its own",
    ]


async def test_agents_swap_addresses(pool):
    first = await bring(pool, EXAMPLE)
    swapped = EXAMPLE.replace('email = "anna@', 'email = "x@').replace('email = "boris@', 'email = "anna@')
    second = await bring(pool, swapped.replace('email = "x@', 'email = "boris@'))
    assert second.agents == first.agents
    assert await column(pool, "select email from agents order by id") == [
        "boris@northwind.example",
        "anna@northwind.example",
    ]


async def test_a_new_agent_takes_the_old_address_of_another(pool):
    first = await bring(pool, EXAMPLE)
    text = EXAMPLE.replace('email = "anna@', 'email = "anna.new@')
    text += '[[agent]]\nkey = "anya"\nname = "Anya"\nemail = "anna@northwind.example"\nrole = "agent"\n'
    second = await bring(pool, text)
    assert second.agents["anna"] == first.agents["anna"]
    assert second.agents["anya"] not in first.agents.values()


async def test_an_address_of_an_agent_outside_the_file_is_refused(pool):
    first = await bring(pool, EXAMPLE)
    await pool.execute(
        "insert into agents (company_id, name, email, role) values ($1, 'Eve', 'eve@northwind.example', 'agent')",
        first.company_id,
    )
    text = EXAMPLE.replace("boris@", "eve@")
    assert await refused(pool, text) == [
        (
            f'{line_of(text, "eve@")}: [[agent]] "boris": email "eve@northwind.example": '
            "another agent of this company has it, who is not in the file"
        )
    ]


async def test_what_has_no_key_yet_is_taken_over(pool):
    company = await pool.fetchval("insert into companies (key, name) values ('main', 'Old') returning id")
    group = await pool.fetchval("insert into groups (company_id, name) values ($1, 'Support') returning id", company)
    agent = await pool.fetchval(
        "insert into agents (company_id, name, email, role) values ($1, 'A', 'anna@northwind.example', 'agent') returning id",
        company,
    )
    client = await pool.fetchval("insert into clients (company_id, name) values ($1, 'Someone') returning id", company)
    await pool.execute(
        "insert into client_contacts (company_id, client_id, kind, value, shown) values ($1, $2, 'phone', '79511234567', '')",
        company,
        client,
    )
    field = await pool.fetchval(
        "insert into fields (company_id, name, kind) values ($1, 'Reason', 'list') returning id", company
    )
    other = await pool.fetchval(
        "insert into fields (company_id, name, kind) values ($1, 'VIP order', 'text') returning id", company
    )
    applied = await bring(pool, EXAMPLE)
    assert applied.company_id == company
    assert (applied.groups["support"], applied.agents["anna"], applied.clients["dana"]) == (group, agent, client)
    assert applied.fields["reason"]["id"] == field
    assert applied.fields["vip"]["id"] != other


async def test_a_contact_of_another_client_is_refused(pool):
    first = await bring(pool, EXAMPLE)
    other = await pool.fetchval("insert into clients (company_id) values ($1) returning id", first.company_id)
    await pool.execute(
        "insert into client_contacts (company_id, client_id, kind, value, shown) values ($1, $2, 'email', 'd@x.example', '')",
        first.company_id,
        other,
    )
    text = EXAMPLE.replace('emails = ["dana@client.example"]', 'emails = ["dana@client.example", "d@x.example"]')
    assert await refused(pool, text) == [
        f'{line_of(text, "emails =")}: [[client]] "dana": emails "d@x.example": belongs to client {other}'
    ]


async def test_a_client_who_writes_at_this_very_moment_is_the_one_of_the_file(pool):
    company_id = (await bring(pool, '[company]\nkey = "main"\n')).company_id
    async with pool.acquire() as conn:
        writing = conn.transaction()
        await writing.start()
        client = await conn.fetchval("insert into clients (company_id) values ($1) returning id", company_id)
        await conn.execute(
            "insert into client_contacts (company_id, client_id, kind, value, shown) values ($1, $2, 'phone', '79511234567', '')",
            company_id,
            client,
        )
        bringing = asyncio.create_task(until_done(lambda: bring(pool, EXAMPLE)))
        waiting = "select exists(select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
        while not await pool.fetchval(waiting):
            await asyncio.sleep(0.01)
        await writing.commit()
    applied = await bringing
    assert applied.clients == {"dana": client}
    assert await pool.fetchval("select count(*) from clients") == 1


async def test_contacts_are_added_and_never_taken_away(pool):
    first = await bring(pool, EXAMPLE)
    second = await bring(pool, EXAMPLE.replace('emails = ["dana@client.example"]', 'emails = ["new@client.example"]'))
    assert second.clients == first.clients
    assert await column(pool, "select value from client_contacts where kind = 'email' order by id") == [
        "dana@client.example",
        "new@client.example",
    ]


async def test_the_password_of_the_file_is_set_again_only_when_another_is_in_force(pool):
    await bring(pool, EXAMPLE)
    applied = await bring(pool, EXAMPLE.replace("change me on first login", "something else"))
    assert applied.lines == ["changed agent anna"]
    assert fits("something else", await pool.fetchval("select password_hash from agents where key = 'anna'"))


async def test_a_link_that_has_expired_is_made_anew(pool):
    first = await bring(pool, EXAMPLE)
    link = first.invites["boris@northwind.example"]
    assert re.fullmatch(rf"{ADDRESS}/desk/welcome/[A-Za-z0-9_-]{{32}}", link)
    token = link.rpartition("/")[2].encode()
    assert await pool.fetchval("select invite_hash = sha256($1::bytea) from agents where key = 'boris'", token)
    await pool.execute("update agents set invite_expires_at = now() - interval '1 second' where key = 'boris'")
    assert list((await bring(pool, EXAMPLE)).invites) == ["boris@northwind.example"]


async def test_missing_objects_are_left_alone(pool):
    await bring(pool, EXAMPLE)
    before = await rows(pool)
    applied = await bring(pool, '[company]\nkey = "main"\n')
    assert await rows(pool) == before
    assert (applied.lines, applied.pruned, applied.same) == ([], [], 1)


SMALL = """
[company]
key = "main"
[[group]]
key = "support"
name = "Support"
[[agent]]
key = "anna"
name = "Anna"
email = "anna@northwind.example"
role = "admin"
groups = ["support"]
default_group = "support"
password = "change me on first login"
[[channel]]
key = "mail"
type = "email"
name = "Support mail"
email = "support@northwind.example"
"""


async def test_pruning_puts_out_of_use_what_is_missing(pool):
    first = await bring(pool, EXAMPLE)
    applied = await bring(pool, SMALL, pruning=True)
    assert [re.sub(r" \d+ ", " # ", line) for line in applied.pruned] == [
        "deactivate group # Billing",
        "deactivate agent # boris@northwind.example",
        "deactivate channel # Site form and delete its tokens",
        "deactivate channel # WhatsApp and delete its tokens",
        "deactivate channel # WhatsApp (Infobip) and delete its tokens",
        "deactivate channel # WhatsApp (Landbot) and delete its tokens",
        "deactivate channel # Viber and delete its tokens",
        "deactivate channel # Telegram and delete its tokens",
        "deactivate field # Order number",
        "deactivate field # VIP order",
        "deactivate field # Reason",
        "deactivate field # Category",
        "deactivate sla # Standard",
        "deactivate sla # Urgent",
        "deactivate trigger # VIP orders go first",
        "deactivate trigger # Auto-reply",
        "delete schedule office",
    ]
    for table, left in {
        "groups": 1,
        "agents": 1,
        "channels": 1,
        "fields": 0,
        "field_options": 0,
        "slas": 0,
        "triggers": 0,
    }.items():
        assert await pool.fetchval(f"select count(*) from {table} where active") == left, table
    assert await pool.fetchval("select count(*) from api_tokens") == 0
    assert await pool.fetchval("select count(*) from clients") == 1
    before = await rows(pool)
    assert (await bring(pool, SMALL, pruning=True)).pruned == []
    assert await rows(pool) == before
    back = await bring(pool, EXAMPLE)
    for name in ("groups", "agents", "fields", "slas", "triggers", "clients"):
        assert getattr(back, name) == getattr(first, name), name
    assert back.channels == first.channels


async def test_pruning_leaves_an_admin(pool):
    await bring(pool, EXAMPLE)
    assert await refused(pool, '[company]\nkey = "main"\n', pruning=True) == [
        "0: pruning would leave nobody with the role admin"
    ]


async def test_pruning_touches_no_other_company(pool):
    other = EXAMPLE.replace('key = "main" ', 'key = "other"').replace(TOKEN, "f" * 40)
    await bring(pool, EXAMPLE)
    await bring(pool, other)
    await bring(pool, SMALL, pruning=True)
    assert (await bring(pool, other)).lines == []


async def test_two_at_once_make_one_desk(pool):
    applied = await asyncio.gather(*(bring(pool, EXAMPLE) for _ in range(4)))
    assert len({json.dumps(one.answer()) for one in applied}) == 1
    assert sorted(one.same for one in applied) == [0, 23, 23, 23]
    assert await pool.fetchval("select count(*) from companies") == 1
    assert await pool.fetchval("select config_version from companies") == 2

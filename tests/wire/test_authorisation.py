"""Nothing of another company is seen or touched, and an agent asked about sees what it may: every method × every object.

MATRIX has the rows: method -> parameter -> what a bearer of company A's token asks for with the ids of company B, and what
must come of it: an error's code, EMPTY (a list without rows) or OWN (success with A's own things only). A method or a
parameter without a row makes `test_every_parameter_of_every_method_has_a_row` fail.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE

import pytest
from product_field import levels, option, reason

from pult.api.routes import METHODS

EMPTY, OWN = "empty", "own"

OBSERVER = """
[[agent]]
key = "olga"
name = "Olga"
email = "olga@desk.example"
role = "observer"
groups = ["support"]
default_group = "support"
password = "olga's own"
"""
# Parameters that name no object: whatever they hold is the caller's own text, number or word.
NAMES_NOTHING = {
    "subject", "message", "client_name", "private_comment", "additional_id", "type", "priority", "status", "from",
    "client_country", "client_city", "client_address", "new_address", "phone_type", "template_id", "template_name",
    "template_variables", "template_lang", "silent", "fstatus", "ftype", "fpriority", "offset", "created_after",
    "created_before", "updated_after", "updated_before", "query", "sort", "order", "properties",
    "state", "kind", "event", "events", "to",
}  # fmt: skip

CREATE = {
    "client_id": (lambda b: {"client_id": b.client}, 119),
    "assignee_id": (lambda b: {"assignee_id": b.agent}, 117),
    "group_id": (lambda b: {"group_id": b.group}, 118),
    "channel_id": (lambda b: {"channel_id": b.channel}, OWN),
    "field_id": (lambda b: {"field_id": b.field, "field_value": "x"}, 111),
    "field_value": (lambda b: {"field_id": b.own_list, "field_value": b.option}, 111),
    "lists": (lambda b: {"lists": [[{"id": b.level, "value": b.nested}]]}, 111),
    "user_id": (lambda b: {"from": "user", "user_id": b.agent}, 117),
    "trigger_id": (lambda b: {"from": "trigger", "trigger_id": b.trigger}, 111),
    "tag": (lambda b: {"tag": b.tag_name}, OWN),
    "client_email": (lambda b: {"client_email": "secret@client.example"}, OWN),
    "client_phone": (lambda b: {"client_phone": "79990001122"}, OWN),
    "username": (lambda b: {"username": "secret_nick"}, OWN),
    "company_name": (lambda b: {"company_name": "Secret Ltd"}, OWN),
}
MATRIX = {
    "create/ticket": CREATE,
    "update/ticket": {
        "ticket_id": (lambda b: {"ticket_id": b.ticket, "subject": "mine now"}, 113),
        "client_id": (lambda b: {"client_id": b.client}, 119),
        "group_id": (lambda b: {"group_id": b.group}, 118),
        "assignee_id": (lambda b: {"assignee_id": b.agent}, 117),
        "user_id": (lambda b: {"user_id": b.agent, "subject": "x"}, 117),
        "tag": (lambda b: {"tag": b.tag_name}, OWN),
        "remove_tag": (lambda b: {"remove_tag": b.tag_name}, OWN),
        "field_id": CREATE["field_id"],
        "field_value": CREATE["field_value"],
        "lists": CREATE["lists"],
    },
    "ticket": {
        "ticket_id": (lambda b: {"ticket_id": b.ticket}, 113),
        "accessible_for_agent_id": (lambda b: {"accessible_for_agent_id": b.agent}, 117),
    },
    "tickets": {
        "fchannel": (lambda b: {"fchannel": b.channel}, EMPTY),
        "fassigned": (lambda b: {"fassigned": [{"assignee_id": b.agent, "group_id": b.group}, {"assignee_id": b.agent}]}, EMPTY),
        "fgroup": (lambda b: {"fgroup": b.group}, EMPTY),
        "accessible_for_agent_id": (lambda b: {"accessible_for_agent_id": b.agent}, 117),
        "tag": (lambda b: {"tag": f"{b.tag},{b.tag_name}"}, EMPTY),
        "tags": (lambda b: {"tags": f"{b.tag}"}, EMPTY),
        "client_id": (lambda b: {"client_id": b.client}, EMPTY),
        "fields": (lambda b: {"fields": [{"id": b.field, "value": "secret order"}]}, EMPTY),
        "field_id": (lambda b: {"field_id": b.field}, EMPTY),
        "field_value": (lambda b: {"field_value": "secret order"}, EMPTY),
    },
    "deliveries": {
        "ticket_id": (lambda b: {"ticket_id": b.ticket}, EMPTY),
        "comment_id": (lambda b: {"comment_id": b.comment}, EMPTY),
        "channel_id": (lambda b: {"channel_id": b.channel}, EMPTY),
    },
    "delivery": {"delivery_id": (lambda b: {"delivery_id": b.delivery}, 111)},
    "delivery/resend": {"delivery_id": (lambda b: {"delivery_id": b.delivery}, 111)},
    "delivery/cancel": {"delivery_id": (lambda b: {"delivery_id": b.delivery}, 111)},
    "deliveries/replay": {"channel_id": (lambda b: {"channel_id": b.channel, "from": "2020-01-01"}, 111)},
}  # fmt: skip


class Foreign:
    """Company B's objects by kind, and the list of A's to which B's option is offered."""

    def __init__(self, a, b, ticket, tag, delivery):
        self.ticket, self.tag, self.tag_name = ticket, tag, "secret tag"
        self.delivery, self.comment = delivery
        self.client = b.ids["clients"]["dana"]["id"]
        self.agent, self.group, self.channel = b.agent("bob"), b.group("support"), b.channel("second")
        self.field, self.level, self.nested = b.field("order"), levels(b)[0], option(b, "Bikes")
        self.option, self.own_list = reason(b, "Quality"), a.field("reason")
        self.trigger = b.ids["triggers"]["vip_first"]["id"]


@pytest.fixture
async def two(new_desk):
    """A, B, and B's objects: a ticket that uses all of them."""
    a, b = await new_desk(), await new_desk(OBSERVER)
    ticket = await b.create(
        subject="secret subject", message="secret words", client_id=b.ids["clients"]["dana"]["id"], tag="secret tag",
        assignee_id=b.agent("bob"), field_id=b.field("order"), field_value="secret order", company_name="Secret Ltd",
        client_email="secret@client.example", client_phone="79990001122", username="secret_nick",
        channel_id=b.channel("second"), lists=[{"id": levels(b)[0], "value": "Bikes"}],
    )  # fmt: skip
    tag = await b.conn.fetchval("select id from tags where company_id = $1 and name = 'secret tag'", b.company)
    delivery = await b.conn.fetchrow(
        "insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, body)"
        " select company_id, $3, 'webhook', 'ticket', ticket_id, id, 'secret body' from comments"
        " where company_id = $1 and ticket_id = $2 returning id, comment_id", b.company, ticket, b.channel("second"),
    )  # fmt: skip
    return a, b, Foreign(a, b, ticket, tag, delivery)


TABLES = [
    "tickets",
    "comments",
    "changes",
    "clients",
    "client_contacts",
    "client_companies",
    "client_addresses",
    "files",
    "tags",
    "ticket_tags",
    "ticket_fields",
    "comment_mentions",
    "search_documents",
    "groups",
    "agents",
    "channels",
    "fields",
    "field_options",
    "triggers",
    "deliveries",
]


async def contents(desk):
    """Every row that the company has, as text."""
    return {
        table: await desk.conn.fetch(f"select x::text from {table} x where company_id = $1 order by 1", desk.company)
        for table in TABLES
    }


def test_every_parameter_of_every_method_has_a_row():
    assert set(MATRIX) == set(METHODS)
    for name, method in METHODS.items():
        parameters = {parameter.name for parameter in method.parameters}
        assert parameters - NAMES_NOTHING == set(MATRIX[name]), name


@pytest.mark.parametrize("method", sorted(MATRIX))
async def test_objects_of_another_company(two, method):
    a, b, foreign = two
    own = await a.create(subject="A's")
    needs_ticket = any(parameter.name == "ticket_id" for parameter in METHODS[method].parameters)
    basis = (
        {"subject": "s", "message": "m"} if method == "create/ticket" else {"ticket_id": own} if needs_ticket else {}
    )
    before = await contents(b)
    for parameter, (ask, expected) in MATRIX[method].items():
        asked = {**basis, **ask(foreign)}
        if isinstance(expected, int):
            refused = await a.refused(method, **asked)
            blamed = {parameter, "field_id"} if parameter == "field_value" else {parameter}
            assert refused["code"] == expected, parameter
            assert refused["parameter"] in blamed, parameter
            assert "secret" not in json.dumps(refused)
        elif expected == EMPTY:
            assert await a.call(method, **asked) == [], parameter
        else:
            answer = await a.call(method, **asked)
            assert answer["status"] == "success", (parameter, answer)
            await owns_all(a, b, answer.get("ticket_id", own))
    assert await contents(b) == before
    assert foreign.ticket not in await a.listed()


async def owns_all(a, b, ticket_id):
    """Nothing that the ticket leads to is B's."""
    one = await a.ticket(ticket_id)
    shown = one["ticket"]
    assert shown["company_id"] == a.company
    for table, column in (("clients", "client_id"), ("channels", "channel_id")):
        owner = await a.conn.fetchval(f"select array_agg(company_id) from {table} where id = $1", shown[column])
        assert owner == [a.company]
    tags = await a.conn.fetch(
        "select t.company_id from ticket_tags x join tags t on t.id = x.tag_id where x.ticket_id = $1", ticket_id
    )
    assert {row["company_id"] for row in tags} <= {a.company}


async def test_lists_and_searches_stay_at_home(two):
    a, b, foreign = two
    assert await a.call("tickets") == []
    assert await a.call("tickets", query="secret") == []
    assert await b.listed(query="secret") == [foreign.ticket]
    own = await a.create()
    everything = json.dumps([await a.call("tickets"), await a.ticket(own)])
    assert "secret" not in everything


async def test_the_same_contacts_tags_and_companies_stay_apart(new_desk):
    one, two = await new_desk(), await new_desk()
    same = {"client_email": "eve@client.example", "client_phone": "79995556677", "username": "eve", "tag": "same",
            "company_name": "Same GmbH", "client_city": "Kazan", "client_name": "Eve"}  # fmt: skip
    shown = [(await desk.ticket(await desk.create(**same)))["ticket"] for desk in (one, two)]
    assert shown[0]["client_id"] != shown[1]["client_id"]
    for desk, ticket in zip((one, two), shown, strict=True):
        assert ticket["client_id"] == (await desk.ticket(await desk.create(**same)))["ticket"]["client_id"]
        for table, condition in (("tags", "name = 'same'"), ("client_companies", "name = 'Same GmbH'")):
            rows = await desk.conn.fetch(
                f"select company_id from {table} where {condition} and company_id = $1", desk.company
            )
            assert len(rows) == 1
        assert len(await desk.listed(tag="same")) == 2


@pytest.mark.parametrize(
    ("who", "channel", "right"),
    [
        ("alice", "api", "write"), ("alice", "mail", "write"), ("alice", "second", "write"),  # admin
        ("bob", "api", "write"), ("bob", "mail", "read"), ("bob", "second", None),  # write, read, none
        ("charlie", "api", None), ("charlie", "mail", None), ("charlie", "second", None),
        ("olga", "api", "read"), ("olga", "mail", "read"), ("olga", "second", "read"),  # observer
    ],
)  # fmt: skip
async def test_rights_of_agents_in_reading(new_desk, who, channel, right):
    desk = await new_desk(OBSERVER)
    made = await desk.create(channel_id=desk.channel(channel), client_email="a@client.example")
    agent = desk.agent(who)
    if right is None:
        assert (await desk.refused("ticket", ticket_id=made, accessible_for_agent_id=agent))["code"] == 113
        assert await desk.call("tickets", accessible_for_agent_id=agent) == []
        assert await desk.call("tickets", accessible_for_agent_id=agent, query="Hello") == []
    else:
        assert (await desk.ticket(made, accessible_for_agent_id=agent))["rights"] == right
        for asked in ({}, {"query": "Hello"}, {"fchannel": desk.channel(channel)}):
            [row] = await desk.call("tickets", accessible_for_agent_id=agent, **asked)
            assert (row["id"], row["rights"]) == (made, right)


async def test_agents_in_writing(new_desk):
    """The token writes, an agent is only named: each of the company's may be, an unknown one or another company's not."""
    desk, other = await new_desk(OBSERVER), await new_desk()
    made = await desk.create()
    for who in ("alice", "bob", "charlie", "olga"):
        await desk.create(**{"from": "user", "user_id": desk.agent(who)})
        await desk.update(made, assignee_id=desk.agent(who), user_id=desk.agent(who))
    for agent in (999_999, other.agent("bob")):
        for name in ("user_id", "assignee_id"):
            wrong = {name: agent, "from": "user", "subject": "s"}
            assert (await desk.refused("create/ticket", message="m", **wrong))["code"] == 117
            assert (await desk.refused("update/ticket", ticket_id=made, **wrong))["code"] == 117
        assert (await desk.refused("ticket", ticket_id=made, accessible_for_agent_id=agent))["code"] == 117
        assert (await desk.refused("tickets", accessible_for_agent_id=agent))["code"] == 117


async def test_without_a_token_nothing_is_answered(desk):
    made = await desk.create()
    for method in METHODS:
        for token in (
            None,
            "",
            " ",
            "0" * 40,
            desk.token[:-1],
            desk.token.upper() + "x",
            5,
            True,
            [desk.token],
            {"a": 1},
            "é",
        ):
            parameters = {"subject": "s", "message": "m", "ticket_id": made, "api_token": token}
            refused = await desk.refused(method, **parameters)
            assert (refused["code"], refused["parameter"]) == (112, "api_token")


async def test_a_revoked_token_is_refused_at_the_very_next_call(new_desk):
    for method in METHODS:
        desk = await new_desk()
        made = await desk.create()
        await desk.update(made, tag="seen")
        await desk.conn.execute("delete from api_tokens where company_id = $1", desk.company)
        refused = await desk.refused(method, subject="s", message="m", ticket_id=made)
        assert (refused["code"], refused["parameter"]) == (112, "api_token")


async def test_a_channel_switched_off_is_a_token_switched_off(new_desk):
    desk = await new_desk()
    await desk.create()
    await desk.conn.execute("update channels set active = false where company_id = $1 and key = 'api'", desk.company)
    await desk.conn.execute("update companies set config_version = config_version + 1 where id = $1", desk.company)
    for method in METHODS:
        assert (await desk.refused(method, subject="s", message="m", ticket_id=1))["code"] == 112


CHANGED = """
[company]
key = "{key}"
[[group]]
key = "support"
name = "Support"
[[channel]]
key = "api"
type = "api"
name = "Site form"
group = "support"
token = "{token}"
[[channel]]
key = "mail"
type = "email"
name = "Support mail"
email = "support@{key}.example"
group = "support"
smtp = {{ host = "127.0.0.1", port = 2525 }}
imap = {{ host = "127.0.0.1", port = 1143, user = "support", password = "secret", tls = false }}
[[agent]]
key = "bob"
name = "Bob"
email = "bob@{key}.example"
role = "agent"
groups = ["support"]
default_group = "support"
rights = {{ api = "write", mail = "write" }}
[[field]]
key = "order"
name = "Order no."
type = "text"
[[field]]
key = "reason"
name = "Reason"
type = "list"
options = ["Delivery", "Payment", "Quality", "Colour"]
add_tag = true
"""


async def test_configuration_changed_by_another_process_holds_at_the_next_call(desk, tmp_path):
    mail = await desk.create(channel_id=desk.channel("mail"), client_email="a@client.example")
    bob = desk.agent("bob")
    assert (await desk.ticket(mail, accessible_for_agent_id=bob))["rights"] == "read"
    file = tmp_path / "desk.toml"
    file.write_text(CHANGED.format(key=desk.ids["company"]["key"], token=desk.token))
    command = [sys.executable, "-m", "pult", "apply", str(file)]
    environ = {**os.environ, "PULT_DATABASE_URL": desk.server.url, "PULT_DATA_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=PIPE, stderr=PIPE)
    output = await process.communicate()
    assert process.returncode == 0, output
    assert (await desk.ticket(mail, accessible_for_agent_id=bob))["rights"] == "write"
    assert (await desk.call("tickets", accessible_for_agent_id=bob))[0]["rights"] == "write"
    assert (await desk.call("tickets"))[0]["ticket_fields"][0]["name"] == "Order no."
    await desk.update(mail, field_id=desk.field("reason"), field_value="Colour")
    assert (await desk.ticket(mail))["tags"] == ["Reason:Colour"]


async def test_links_of_one_company_do_not_open_files_of_another(new_desk):
    links = []
    for desk in (await new_desk(), await new_desk()):
        form = {"api_token": desk.token, "subject": "s", "message": "m"}
        made = (await desk.send("create/ticket", data=form, files={"files[]": ("a.txt", desk.token.encode())})).json()
        links.append((desk, (await desk.ticket(made["ticket_id"]))["comments"][0]["files"][0]["file"]))
    (one, mine), (two, theirs) = links
    client = one.server.client
    assert (await client.get(theirs)).content == two.token.encode()
    mine_parts, their_parts = mine.split("/files/")[1].split("/"), theirs.split("/files/")[1].split("/")
    for mixed in (
        [their_parts[0], *mine_parts[1:]],
        [*their_parts[:2], *mine_parts[2:]],
        [mine_parts[0], *their_parts[1:]],
    ):
        answer = await client.get(f"{one.server.base}/files/{'/'.join(mixed)}")
        assert (answer.status_code, answer.json()["code"]) == (404, 115)
    assert re.fullmatch(r"[0-9a-f]{32}", mine_parts[3])

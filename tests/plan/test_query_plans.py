"""The plans of the ten commonest pages, on a desk of 100,000 tickets that is as uneven as a real one.

A page's keys come from one index walked in order, without touching the table of tickets, and no statement of the wire reads
tickets or comments from end to end. A plan that changes is a page that slows with the desk.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import pult.api
from pult.api.ticket import PAGE as TICKET
from pult.api.tickets import PAGE as LIST
from pult.cli.demo import fill
from pult.deliveries import model
from pult.deliveries import store as ledger
from pult.deliveries.again import store as again
from pult.deliveries.ledger import LEASE, PER_TARGET
from pult.kit.db import CUSTOM_PLANS
from pult.messaging import store as messages
from pult.tickets.listing import FieldIs, Filters, Held, Holder, keys
from pult.webhooks import store as webhooks

TICKETS = 100_000
pytestmark = pytest.mark.xdist_group("demo")

COMMONEST = {
    "newest": Filters(),
    "open": Filters(statuses=[1]),
    "closed, a deep page": Filters(statuses=[3], page=500),
    "open, last changed first": Filters(statuses=[1], sort="updated"),
    "several statuses": Filters(statuses=[1, 5, 6, 8]),
    "changed since": Filters(updated_after=datetime(2026, 1, 1, tzinfo=UTC), sort="updated", descending=False),
    "created between": Filters(
        created_after=datetime(2025, 1, 1, tzinfo=UTC), created_before=datetime(2025, 1, 8, tzinfo=UTC), sort="created"
    ),
    "a client's": Filters(client_id=1),
    "an agent's within a group": Filters(held=[Held(1, 1)], statuses=[1, 5, 6, 8]),
    "nobody's": Filters(held=[Held(Holder.NOBODY, Holder.NOBODY)], statuses=[1, 8]),
    "a group's": Filters(groups=[2], statuses=[1]),
    "a channel's": Filters(channels=[1], statuses=[3]),
    "a field is empty": Filters(fields=[FieldIs(1, filled=False, alone=True)], page=100),
}


@pytest.fixture(scope="module")
async def demo(module_database_url: str):
    await fill(module_database_url, tickets=TICKETS, progress=lambda _: None)
    conn = await asyncpg.connect(module_database_url, server_settings={**CUSTOM_PLANS, "jit": "off"})
    yield conn
    await conn.close()


def nodes(plan: dict[str, Any]):
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


async def plan_of(conn, statement: str, arguments: list[Any]) -> list[dict[str, Any]]:
    explained = await conn.fetchval(f"explain (format json) {statement}", *arguments)
    return list(nodes(json.loads(explained)[0]["Plan"]))


async def company_of(conn) -> int:
    return await conn.fetchval("select company_id from tickets limit 1")


@pytest.mark.parametrize("name", COMMONEST)
async def test_keys_come_from_an_index_alone(demo, name):
    arguments: list[Any] = [await company_of(demo)]
    plan = await plan_of(demo, keys(COMMONEST[name], arguments), arguments)
    reading = {node["Node Type"] for node in plan if node.get("Relation Name") == "tickets"}
    assert reading == {"Index Only Scan"}, plan


@pytest.mark.parametrize("name", COMMONEST)
async def test_no_page_reads_a_table_from_end_to_end(demo, name):
    arguments: list[Any] = [
        await company_of(demo),
        b"hash",
        1,
        None,
        True,
        [1, 2],
        ['{"id":1,"value":', '{"id":2,"value":'],
    ]
    statement = LIST.replace("/*keys*/", keys(COMMONEST[name], arguments))
    large = [node for node in await plan_of(demo, statement, arguments) if node.get("Relation Name") in LARGE]
    assert large
    assert not [node for node in large if node["Node Type"] == "Seq Scan"]


async def test_a_ticket_is_read_by_indexes(demo):
    company = await company_of(demo)
    ticket = await demo.fetchval("select max(id) from tickets where company_id = $1", company)
    plan = await plan_of(
        demo, TICKET, [company, ticket, b"hash", 1, None, [], True, "http://desk.example", b"secret", 0]
    )
    large = [node for node in plan if node.get("Relation Name") in LARGE]
    assert {node["Relation Name"] for node in large} >= {"tickets", "comments", "changes"}
    assert not [node for node in large if node["Node Type"] == "Seq Scan"]


async def test_the_desk_is_uneven_enough_to_prove_something(demo):
    shares = dict(await demo.fetch("select status, count(*)::float / $1 from tickets group by status", TICKETS))
    assert shares[3] > 0.9
    assert shares[1] < 0.05


# Deliveries: 150 receivers that were told of much, and one that is away with much waiting for it.

DONE, WAITING, RECEIVERS = 150_000, 20_000, 150
RECEIVER = """
insert into channels (company_id, key, type, name, application_id, settings)
select $1, 'receiver-' || n, 'api', 'receiver', 'a', '{"adapter": {"webhook_url": "http://127.0.0.1:9/hook"}}'
  from generate_series(1, $2::integer) n returning id
"""
TOLD = """
insert into deliveries (company_id, channel_id, kind, event, ticket_id, sequence, state, attempts, made_at, ended_at, body)
select $1, ($2::integer[])[1 + n % cardinality($2::integer[])], 'webhook', 'change', ($3::integer[])[1 + n % 5000], n,
       $4, 1, now() - interval '200 days' + n * interval '100 s', case when $4 = 'queued' then null else now() end, '{}'
  from generate_series(1, $5::integer) n
"""
ATTEMPTS = """
insert into delivery_attempts (company_id, delivery_id, number, began_at, ended_at, in_flight, outcome)
select company_id, id, 1, made_at, made_at, false, 'sent' from deliveries where state = 'delivered' order by id
"""
AWAY = "insert into delivery_targets (company_id, channel_id, failures, open_until) values ($1, $2, 9, now() + $3::interval)"


@pytest.fixture(scope="module")
async def told(demo):
    """Company, channels (the first is away), and a delivery with its ticket."""
    company = await company_of(demo)
    channels = [row["id"] for row in await demo.fetch(RECEIVER, company, RECEIVERS)]
    tickets = [
        row["id"] for row in await demo.fetch("select id from tickets where company_id = $1 limit 5000", company)
    ]
    await demo.execute(TOLD, company, channels[1:], tickets, "delivered", DONE)
    await demo.execute(TOLD, company, channels[:1], tickets, "queued", WAITING)
    await demo.execute("analyze deliveries")
    await demo.execute(ATTEMPTS)
    await demo.execute(AWAY, company, channels[0], timedelta(hours=1))
    await demo.execute("analyze deliveries, delivery_attempts, delivery_targets, channels")
    return (
        company,
        channels,
        await demo.fetchrow("select id, ticket_id from deliveries order by id limit 1 offset 1000"),
    )


class Explaining:
    """In place of a connection: plans what it is given, and answers nothing."""

    def __init__(self, conn):
        self._conn, self.plan, self.buffers = conn, [], 0

    async def execute(self, statement, *arguments):
        transaction = self._conn.transaction()
        await transaction.start()
        explained = await self._conn.fetchval(f"explain (analyze, buffers, format json) {statement}", *arguments)
        await transaction.rollback()
        plan = json.loads(explained)[0]["Plan"]
        self.plan, self.buffers = list(nodes(plan)), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return "SELECT 0"

    async def fetch(self, statement, *arguments):
        await self.execute(statement, *arguments)
        return []

    async def fetchrow(self, statement, *arguments):
        await self.execute(statement, *arguments)

    fetchval = fetchrow


def claiming(company, channels):
    busy = {"busy_company_ids": [company], "busy_channel_ids": [channels[5]], "busy_counts": [3]}
    return {**busy, "breaks_at": model.BREAKS_AT, "per_target": PER_TARGET, "most": 100, "lease": LEASE}


async def test_a_claim_reads_little_however_much_waits_for_a_target_that_is_away(demo, told):
    """150 receivers have nothing to be told, one has 20,000 events and rests; then it is tried by one of them."""
    company, channels, _ = told
    ear = Explaining(demo)
    await ledger.claim(ear, **claiming(company, channels))
    assert ear.buffers < 10 * RECEIVERS
    transaction = demo.transaction()
    await transaction.start()
    await demo.execute("update delivery_targets set open_until = now() - interval '1 s'")
    await ledger.claim(ear, **claiming(company, channels))
    await transaction.rollback()
    assert ear.buffers < 10 * RECEIVERS
    assert not reads_whole(ear.plan)


async def test_no_statement_of_the_ledger_reads_it_from_end_to_end(demo, told):
    company, channels, (delivery, ticket) = told
    one, many = {"company_id": company, "id": delivery}, {"company_ids": [company] * 2, "ids": [delivery, delivery + 1]}
    outcome = {name: [""] * 2 for name in ("codes", "texts", "bodies", "said")}
    outcome |= {"states": ["delivered"] * 2, "pauses": [0.0] * 2, "numbers": [1] * 2, "outcomes": ["sent"] * 2}
    event = {"event": "change", "comment_id": None, "change_id": None, "cause_id": None, "details": "{}"}
    target = {"company_id": company, "channel_id": channels[3]}
    asked = {
        "claim": lambda ear: ledger.claim(ear, **claiming(company, channels)),
        "claim one": lambda ear: ledger.claim_one(ear, **one, lease=LEASE),
        "claim lapsed": lambda ear: ledger.claim_lapsed(ear, most=100, lease=LEASE),
        "keep": lambda ear: ledger.keep_leases(ear, **many, lease=LEASE),
        "note a part": lambda ear: ledger.note_part(ear, **one, number=1, part="text", message_id="m"),
        "settle": lambda ear: ledger.settle(ear, **many, **outcome, http_statuses=[200] * 2, repeatable=True),
        "well": lambda ear: ledger.target_well(ear, company_ids=[company], channel_ids=[channels[3]]),
        "keep bodies": lambda ear: ledger.keep_bodies(ear, **many, bodies=["{}"] * 2),
        "unrendered": lambda ear: ledger.unrendered(ear, most=200),
        "waiting": ledger.waiting_age,
        "forget": lambda ear: ledger.forget_attempts(ear, older_than=timedelta(days=199)),
        "resend": lambda ear: again.resend(ear, **one),
        "cancel": lambda ear: again.cancel(ear, **one),
        "queue": lambda ear: webhooks.queue(
            ear, company_id=company, ticket_id=ticket, channel_ids=channels[2:4], **event
        ),
        "new address": lambda ear: webhooks.forget_failures(ear, **target),
        "message": lambda ear: messages.message_to_send(ear, **one),
        "of a comment": lambda ear: messages.message_of_comment(ear, company_id=company, comment_id=1),
        "named": lambda ear: messages.delivery_named(ear, **target, names=["message:1"]),
        "hold": lambda ear: messages.hold_delivery(ear, **one),
        "silent": lambda ear: messages.silent(ear, most=100),
    }
    ear = Explaining(demo)
    for name, ask in asked.items():
        ear.plan = []
        await ask(ear)
        assert ear.plan, name
        assert not reads_whole(ear.plan), name


async def test_what_receivers_are_told_and_what_the_log_shows_is_read_by_indexes(demo, told):
    company, channels, (delivery, ticket) = told
    api = Path(pult.api.__file__).parent
    shown = (api / "delivery_shown.sql").read_text()
    page = (api / "deliveries.sql").read_text().replace("/*shown*/", shown)
    newest = [company, b"hash", 1, *[None] * 8, 0]
    asked = {
        "bodies": (
            (api / "webhook_bodies.sql").read_text(),
            [company, [delivery], "http://desk.example", b"secret", 0],
        ),
        "one": (
            (api / "delivery.sql").read_text().replace("/*shown*/", shown),
            [company, delivery, b"hash", 1, "Pult"],
        ),
        "newest": (page, newest),
        "a ticket's": (page, [*newest[:3], ticket, *newest[4:]]),
        "a channel's": (page, [*newest[:5], channels[3], *newest[6:]]),
        "failed": (page, [*newest[:6], ["failed", "maybe_sent"], *newest[7:]]),
    }
    ear = Explaining(demo)
    for name, (statement, arguments) in asked.items():
        await ear.execute(statement, *arguments)
        assert not reads_whole(ear.plan), name


def reads_whole(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [node for node in plan if node.get("Relation Name") in LEDGER and node["Node Type"] == "Seq Scan"]


LEDGER = {"deliveries", "delivery_attempts", "tickets", "comments", "changes"}
LARGE = {"tickets", "comments", "changes", "search_documents", "ticket_tags", "ticket_fields", "clients", "files"}

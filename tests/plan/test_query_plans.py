"""The plans of the ten commonest pages, on a desk of 100,000 tickets that is as uneven as a real one.

A page's keys come from one index walked in order, without touching the table of tickets, and no statement of the wire reads
tickets or comments from end to end. A plan that changes is a page that slows with the desk.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from pult.api.ticket import PAGE as TICKET
from pult.api.tickets import PAGE as LIST
from pult.cli.demo import fill
from pult.kit.db import CUSTOM_PLANS
from pult.tickets.listing import FieldIs, Filters, Held, Holder, keys

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


LARGE = {"tickets", "comments", "changes", "search_documents", "ticket_tags", "ticket_fields", "clients", "files"}

"""What the requests ask for: ids and names of the desk at hand, chosen evenly and always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

UPDATED = 5_000  # tickets that the updates take turns with
READ = 2_000

QUERIES = {
    # Those that are not closed: changing them keeps the desk as skewed as it was.
    "open_tickets": f"select id from tickets where company_id = $1 and status in (1, 5, 6) order by hashint4(id), id limit {UPDATED}",
    "long_tickets": f"""select t.ticket_id from (select ticket_id from comments where company_id = $1 group by 1 having count(*) = 20) t
                         order by hashint4(ticket_id), ticket_id limit {READ}""",
    "emails": f"select value from client_contacts where company_id = $1 and kind = 'email' order by hashtext(value), id limit {READ}",
    "clients": "select id from clients where company_id = $1 order by hashint4(id), id limit 50",
    "busy_clients": "select client_id from tickets where company_id = $1 group by 1 order by count(*) desc, 1 limit 5",
    "tags": "select g.name from tags g join ticket_tags x on x.company_id = g.company_id and x.tag_id = g.id "
    "where g.company_id = $1 group by 1 order by count(*) desc, 1",
    "channels": "select channel_id from tickets where company_id = $1 group by 1 order by count(*) desc",
    "agents": "select assignee_id from tickets where company_id = $1 and assignee_id is not null group by 1 order by count(*) desc",
    "statuses": "select status from tickets where company_id = $1 group by 1 having count(*) >= 100 order by count(*) desc",
    "groups": "select group_id from tickets where company_id = $1 and group_id is not null group by 1 order by count(*) desc",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Lists by how often the desk has each, the commonest first, or evenly spread; `fields`: (id, name, kind, values)."""

    open_tickets: list[int]
    long_tickets: list[int]
    emails: list[str]
    clients: list[int]
    busy_clients: list[int]
    tags: list[str]
    channels: list[int]
    agents: list[int]
    statuses: list[int]  # that have a whole page
    groups: list[int]
    fields: list[tuple[int, str, str, list[str]]]
    days: list[str]  # seven moments from the first ticket to the last
    tickets: int
    comments: int


async def take(dsn: str) -> Sample:
    conn = await asyncpg.connect(dsn)
    try:
        company = await conn.fetchval("select company_id from tickets limit 1")
        lists = {name: [row[0] for row in await conn.fetch(query, company)] for name, query in QUERIES.items()}
        return Sample(
            **lists,
            fields=await _fields(conn, company),
            days=await _days(conn, company),
            tickets=await conn.fetchval("select count(*) from tickets"),
            comments=await conn.fetchval("select count(*) from comments"),
        )
    finally:
        await conn.close()


async def _fields(conn: asyncpg.Connection[asyncpg.Record], company: int) -> list[tuple[int, str, str, list[str]]]:
    rows = await conn.fetch(
        """select f.id, f.name, f.kind,
                  (select array_agg(v.value) from (
                      select value from ticket_fields v where v.company_id = $1 and v.field_id = f.id
                       group by 1 order by count(*) desc, 1 limit 3) v) as values
             from fields f where f.company_id = $1 and f.active order by f.id""",
        company,
    )
    return [(row["id"], row["name"], row["kind"], row["values"] or []) for row in rows]


async def _days(conn: asyncpg.Connection[asyncpg.Record], company: int) -> list[str]:
    rows: list[Any] = await conn.fetch(
        """select to_char(since + (until - since) * n / 6, 'YYYY-MM-DD HH24:MI') as day
             from (select min(created_at) as since, max(created_at) as until from tickets where company_id = $1) t,
                  generate_series(0, 6) n order by n""",
        company,
    )
    return [row["day"] for row in rows]

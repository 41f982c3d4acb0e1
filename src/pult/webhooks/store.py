"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from pult.kit.db import Conn, Reader


class ReceiverRow(msgspec.Struct, frozen=True):
    company_id: int
    channel_id: int
    application_id: str
    url: str | None
    format: str
    signing_secrets: str
    never_answered: bool


class AddressRow(msgspec.Struct, frozen=True):
    company_id: int
    channel_id: int
    key: str | None
    application_id: str
    url: str | None


QUEUE = """insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, change_id, cause_id, details, sequence)
select $1, l.channel_id, 'webhook', $2, $3, $4,
       $5, $6, $7::jsonb,
       coalesce((
           select max(d.sequence) from deliveries d
            where d.company_id = $1 and d.ticket_id = $3
              and d.channel_id = l.channel_id), 0) + 1
  from unnest($8::integer[]) as l (channel_id)
 where l.channel_id > 0"""


async def queue(
    conn: Conn,
    *,
    company_id: int,
    event: str,
    ticket_id: int | None,
    comment_id: int | None,
    change_id: int | None,
    cause_id: int | None,
    details: str,
    channel_ids: Collection[int],
) -> None:
    """One event for each receiver that listens, numbered after the last that this ticket had for it. The caller holds the ticket.
    All ids are above 0: the condition tells the planner that the list is short, so that it keeps one plan for all calls
    instead of making one for each, which took half of the time."""
    await conn.execute(QUEUE, company_id, event, ticket_id, comment_id, change_id, cause_id, details, channel_ids)


RECEIVERS = """select h.company_id, h.id as channel_id, h.application_id,
       (case when h.active then h.settings #>> '{adapter,webhook_url}' end)::text as url,
       coalesce(h.settings #>> '{adapter,webhook_format}', 'json')::text as format,
       coalesce(h.settings -> 'signing_secrets', '[]')::text as signing_secrets,
       coalesce(t.report is not null and not t.healthy, false) as never_answered
  from unnest($1::integer[], $2::integer[]) as w (company_id, channel_id)
  join channels h on h.company_id = w.company_id and h.id = w.channel_id
  left join delivery_targets t on t.company_id = h.company_id and t.channel_id = h.id"""


async def receivers(conn: Reader, *, company_ids: Collection[int], channel_ids: Collection[int]) -> list[ReceiverRow]:
    """Where the events of these channels go and how they are signed, as their settings say now."""
    return [ReceiverRow(*row) for row in await conn.fetch(RECEIVERS, company_ids, channel_ids)]


REPORT = """insert into delivery_targets (company_id, channel_id, healthy, report, reported_at)
values ($1, $2, $3::text is null, $3, now())
on conflict (company_id, channel_id) do update
   set healthy = excluded.healthy, report = excluded.report, reported_at = excluded.reported_at"""


async def report(conn: Conn, *, company_id: int, channel_id: int, report: str | None) -> None:
    """What is shown of a receiver: null for one that answers."""
    await conn.execute(REPORT, company_id, channel_id, report)


FORGET_FAILURES = """with forgotten as (
    update delivery_targets t
       set failures = 0, open_until = null, last_error = null
     where t.company_id = $1 and t.channel_id = $2
)
update deliveries d
   set due_at = now()
 where d.company_id = $1 and d.channel_id = $2 and d.state = 'queued'
   and d.kind = 'webhook' and d.due_at > now()"""


async def forget_failures(conn: Conn, *, company_id: int, channel_id: int) -> None:
    """A new address: what the old one did counts no longer, and what waits for it is due at once."""
    await conn.execute(FORGET_FAILURES, company_id, channel_id)


RECORD_PING = """with ping as (
    insert into deliveries (company_id, channel_id, kind, event, event_id, body, state, attempts, error_code, error_text,
                            sent_at, delivered_at, ended_at)
    values ($6, $7, 'webhook', 'ping', $8, $9,
            case when $2::boolean then 'delivered' else 'failed' end, 1, $4, $5,
            case when $2::boolean then now() end, case when $2::boolean then now() end,
            now())
    returning company_id, id
)
insert into delivery_attempts (company_id, delivery_id, number, began_at, ended_at, in_flight, outcome, http_status, code,
                               said)
select p.company_id, p.id, 1, $1, now(), false,
       case when $2::boolean then 'delivered' else 'refused' end, $3, $4,
       $5
  from ping p"""


async def record_ping(
    conn: Conn,
    *,
    began_at: datetime,
    answered: bool,
    http_status: int | None,
    code: str | None,
    text: str | None,
    company_id: int,
    channel_id: int,
    event_id: UUID,
    body: str | None,
) -> None:
    """The check of an address, as one more row of the log: it has been done already."""
    await conn.execute(RECORD_PING, began_at, answered, http_status, code, text, company_id, channel_id, event_id, body)


ADDRESSES = """select h.company_id, h.id as channel_id, coalesce(h.key, h.id::text)::text as key, h.application_id,
       (h.settings #>> '{adapter,webhook_url}')::text as url
  from companies c
  join channels h on h.company_id = c.id
 where c.key = $1 and h.active and h.type = 'api'
   and h.settings #>> '{adapter,webhook_url}' is not null
 order by h.id"""


async def addresses(conn: Reader, *, company_key: str) -> list[AddressRow]:
    """The receivers of a company's channels that are in use."""
    return [AddressRow(*row) for row in await conn.fetch(ADDRESSES, company_key)]


SILENT = """select t.channel_id
  from unnest($1::integer[], $2::integer[]) as w (company_id, channel_id)
  join delivery_targets t on t.company_id = w.company_id and t.channel_id = w.channel_id
 where t.report is not null and not t.healthy
 order by t.channel_id"""


async def silent(conn: Reader, *, company_ids: Collection[int], channel_ids: Collection[int]) -> list[int]:
    """Which of these channels have a receiver that never answered."""
    return [row[0] for row in await conn.fetch(SILENT, company_ids, channel_ids)]

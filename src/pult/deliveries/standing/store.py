"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from pult.kit.db import Reader


class StandingRow(msgspec.Struct, frozen=True):
    id: int
    name: str
    type: str
    healthy: bool | None
    report: str
    counters: str
    failures: int
    is_open: bool
    open_until: datetime | None
    last_ok_at: datetime | None
    last_error: str
    waiting: int
    oldest_seconds: float
    failed: int
    unsure: int
    last_text: str


STANDING = """with wrong as (
    select d.company_id, d.channel_id, count(*) filter (where d.state = 'failed') as failed,
           count(*) filter (where d.state = 'maybe_sent') as unsure,
           (array_agg(coalesce(d.error_text, d.error_code, '') order by d.id desc))[1] as last_text
      from deliveries d
     where d.state in ('failed', 'maybe_sent') and d.ended_at > now() - interval '1 day'
       and not exists (
           select from deliveries e
            where e.company_id = d.company_id and e.ticket_id = d.ticket_id and e.resend_of = d.id
              and e.state not in ('failed', 'maybe_sent', 'cancelled'))
     group by d.company_id, d.channel_id
), waiting as (
    select d.company_id, d.channel_id, count(*) as number, min(d.made_at) as oldest
      from deliveries d
     where d.state = 'queued'
     group by d.company_id, d.channel_id
)
select h.id, h.name, h.type, t.healthy, coalesce(t.report, '') as report, coalesce(t.counters, '{}')::text as counters,
       coalesce(t.failures, 0) as failures, coalesce(t.open_until > now(), false)::boolean as is_open, t.open_until, t.last_ok_at,
       coalesce(t.last_error, '') as last_error, coalesce(w.number, 0) as waiting,
       coalesce(extract(epoch from now() - w.oldest), 0)::float8 as oldest_seconds,
       coalesce(g.failed, 0) as failed, coalesce(g.unsure, 0) as unsure, coalesce(g.last_text, '')::text as last_text
  from channels h
  left join delivery_targets t on t.company_id = h.company_id and t.channel_id = h.id
  left join waiting w on w.company_id = h.company_id and w.channel_id = h.id
  left join wrong g on g.company_id = h.company_id and g.channel_id = h.id
 where h.active
 order by h.company_id, h.id"""


async def standing(conn: Reader) -> list[StandingRow]:
    """How each active channel stands: its breaker, what was last said of it, what waits there and what went wrong in a day.
    What was sent again since, and did not fail again, went well after all."""
    return [StandingRow(*row) for row in await conn.fetch(STANDING)]

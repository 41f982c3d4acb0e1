"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from pult.kit.db import Conn


class ResendRow(msgspec.Struct, frozen=True):
    state: str
    newer_id: int | None
    made_id: int | None


class CancelRow(msgspec.Struct, frozen=True):
    state: str
    held: bool
    cancelled: bool


RESEND = """with was as (
    select d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id, d.sequence, d.conversation_id, d.details, d.body, d.state, d.attempts, d.due_at, d.leased_until, d.progress, d.part_states, d.error_code, d.error_text, d.resend_of, d.made_at, d.sent_at, d.delivered_at, d.read_at, d.ended_at from deliveries d
     where d.company_id = $1 and d.id = $2
       for no key update
), newer as (
    select max(e.id) as id
      from was w
      join deliveries e on e.company_id = w.company_id and e.ticket_id = w.ticket_id and e.resend_of = w.id
     where w.kind = 'message' and e.state not in ('failed', 'cancelled')
), made as (
    insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, change_id, cause_id, event_id,
                            sequence, conversation_id, details, body, progress, part_states, resend_of)
    select w.company_id, w.channel_id, w.kind, w.event, w.ticket_id, w.comment_id, w.change_id, w.cause_id, w.event_id,
           w.sequence, w.conversation_id, w.details, w.body, w.progress, w.part_states, w.id
      from was w, newer n
     where n.id is null and w.state <> 'queued'
       and (w.kind = 'webhook' or w.state in ('failed', 'maybe_sent', 'cancelled'))
    returning id
), moved as (
    update delivery_names x
       set delivery_id = m.id
      from was w, made m
     where x.company_id = w.company_id and x.delivery_id = w.id
       and x.name in (select 'message:' || p.value from jsonb_each_text(w.progress) p)
)
select w.state, n.id as newer_id, (select m.id from made m) as made_id from was w, newer n"""


async def resend(conn: Conn, *, company_id: int, id: int) -> ResendRow | None:
    """A copy at the end of the order, known to its receiver by the same id; of a message only what may be sent once more. What
    is reported of parts that were sent already is the copy's from now on."""
    row = await conn.fetchrow(RESEND, company_id, id)
    return None if row is None else ResendRow(*row)


CANCEL = """with was as (
    select d.company_id, d.id, d.state, d.leased_until is not null as held from deliveries d
     where d.company_id = $1 and d.id = $2
       for no key update
), ended as (
    update deliveries d
       set state = 'cancelled', ended_at = now()
      from was w
     where d.company_id = w.company_id and d.id = w.id and w.state = 'queued' and not w.held
    returning d.id
)
select w.state, w.held, exists(select from ended) as cancelled from was w"""


async def cancel(conn: Conn, *, company_id: int, id: int) -> CancelRow | None:
    """Ends what waits and nobody is sending at this moment."""
    row = await conn.fetchrow(CANCEL, company_id, id)
    return None if row is None else CancelRow(*row)


REPLAY = """with made as (
    insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, change_id, cause_id, event_id,
                            sequence, conversation_id, details, body, resend_of)
    select d.company_id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id,
           d.sequence, d.conversation_id, d.details, d.body, d.id
      from deliveries d
     where d.company_id = $1 and d.channel_id = $2 and d.kind = 'webhook'
       and d.made_at >= $3 and d.made_at < coalesce($4, now())
       and ($5::text[] is null or d.event = any($5::text[]))
       and d.resend_of is null and d.event <> 'ping' and d.state not in ('queued', 'cancelled')
     order by d.id
     limit $6::integer
    returning id
)
select count(*)::integer as replayed from made"""


async def replay(
    conn: Conn,
    *,
    company_id: int,
    channel_id: int,
    since: datetime,
    until: datetime | None,
    events: Collection[str] | None,
    most: int,
) -> int:
    """Copies of the events that a receiver was told of in this time, in their order; those that still wait need none. Answers
    how many, `most` at most."""
    row = await conn.fetchrow(REPLAY, company_id, channel_id, since, until, events, most)
    if row is None:
        raise LookupError("replay: no row")
    result: int = row[0]
    return result

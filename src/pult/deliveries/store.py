"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta
    from uuid import UUID

    from pult.kit.db import Conn, Reader


class ClaimRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    channel_id: int
    kind: str
    event: str
    ticket_id: int | None
    comment_id: int | None
    change_id: int | None
    cause_id: int | None
    event_id: UUID
    sequence: int | None
    conversation_id: int | None
    details: str
    body: str | None
    progress: str
    attempts: int
    made_at: datetime
    age: float | None


class ClaimOneRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    channel_id: int
    kind: str
    event: str
    ticket_id: int | None
    comment_id: int | None
    change_id: int | None
    cause_id: int | None
    event_id: UUID
    sequence: int | None
    conversation_id: int | None
    details: str
    body: str | None
    progress: str
    attempts: int
    made_at: datetime
    age: float | None


class ClaimLapsedRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    channel_id: int
    kind: str
    event: str
    ticket_id: int | None
    comment_id: int | None
    change_id: int | None
    cause_id: int | None
    event_id: UUID
    sequence: int | None
    conversation_id: int | None
    details: str
    body: str | None
    progress: str
    attempts: int
    made_at: datetime
    age: float | None
    began: bool


class SettleRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    state: str
    well: bool


class UnrenderedRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    channel_id: int
    kind: str
    event: str
    ticket_id: int | None
    comment_id: int | None
    change_id: int | None
    cause_id: int | None
    event_id: UUID
    sequence: int | None
    conversation_id: int | None
    details: str
    body: str | None
    progress: str
    attempts: int
    made_at: datetime
    age: float | None


CLAIM = """with busy as (
    select company_id, channel_id, held
      from unnest($1::integer[], $2::integer[],
                  $3::integer[]) as b (company_id, channel_id, held)
), target as (
    select h.company_id, h.id as channel_id, coalesce(t.failures, 0) >= $4::integer as probing,
           greatest(case when coalesce(t.failures, 0) >= $4::integer then 1
                         else $5::integer end - coalesce(b.held, 0), 0) as room
      from channels h
      left join delivery_targets t on t.company_id = h.company_id and t.channel_id = h.id
      left join busy b on b.company_id = h.company_id and b.channel_id = h.id
     where t.open_until is null or t.open_until <= now()
), due as (
    select w.company_id, w.id, w.channel_id, t.probing
      from target t
     cross join lateral (
        select d.company_id, d.id, d.channel_id
          from deliveries d
         where d.company_id = t.company_id and d.channel_id = t.channel_id and d.state = 'queued'
           and d.leased_until is null and (d.due_at <= now() or t.probing)
           and not exists (
               select 1 from deliveries e
                where e.company_id = d.company_id and e.channel_id = d.channel_id and e.ticket_id = d.ticket_id
                  and e.id < d.id and e.state = 'queued')
         order by d.id
         limit t.room
           for update of d skip locked) w
     limit $6::integer
), probed as (
    update delivery_targets t
       set open_until = null
      from due
     where due.probing and t.company_id = due.company_id and t.channel_id = due.channel_id
), claimed as (
    update deliveries d
       set leased_until = now() + $7::interval, attempts = d.attempts + 1
      from due
     where d.company_id = due.company_id and d.id = due.id
    returning d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id, d.sequence, d.conversation_id, d.details, d.body, d.state, d.attempts, d.due_at, d.leased_until, d.progress, d.part_states, d.error_code, d.error_text, d.resend_of, d.made_at, d.sent_at, d.delivered_at, d.read_at, d.ended_at
), begun as (
    insert into delivery_attempts (company_id, delivery_id, number)
    select c.company_id, c.id, c.attempts from claimed c where c.kind = 'webhook'
    on conflict (company_id, delivery_id, number) do update
       set began_at = excluded.began_at, ended_at = null, in_flight = true, outcome = null
)
select c.company_id, c.id, c.channel_id, c.kind, c.event, c.ticket_id, c.comment_id, c.change_id, c.cause_id, c.event_id,
       c.sequence, c.conversation_id, c.details::text as details, c.body, c.progress::text as progress, c.attempts,
       c.made_at, extract(epoch from now() - c.made_at)::float8 as age
  from claimed c
 where exists (select 1 from claimed m where m.kind = 'message') or set_config('synchronous_commit', 'off', true) is not null
 order by c.id"""


async def claim(
    conn: Conn,
    *,
    busy_company_ids: Collection[int],
    busy_channel_ids: Collection[int],
    busy_counts: Collection[int],
    breaks_at: int,
    per_target: int,
    most: int,
    lease: timedelta,
) -> list[ClaimRow]:
    """Deliveries that are due, first of each ticket and target, for at most `most` at once and `per_target` of each target, less
    those that the caller holds already (`busy_*`); a target whose breaker is open is left alone, and when its pause is over
    a single one of each process tries, however long its own pause. The commit of webhooks need not be on disk: after a crash
    that takes a claim back they are claimed once more, as the same attempt."""
    return [
        ClaimRow(*row)
        for row in await conn.fetch(
            CLAIM, busy_company_ids, busy_channel_ids, busy_counts, breaks_at, per_target, most, lease
        )
    ]


CLAIM_ONE = """with claimed as (
    update deliveries d
       set leased_until = now() + $1::interval, attempts = d.attempts + 1
     where d.company_id = $2 and d.id = $3 and d.state = 'queued'
       and d.leased_until is null and d.kind = 'message'
       and not exists (
           select 1 from deliveries e
            where e.company_id = d.company_id and e.channel_id = d.channel_id and e.ticket_id = d.ticket_id
              and e.id < d.id and e.state = 'queued')
    returning d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id, d.sequence, d.conversation_id, d.details, d.body, d.state, d.attempts, d.due_at, d.leased_until, d.progress, d.part_states, d.error_code, d.error_text, d.resend_of, d.made_at, d.sent_at, d.delivered_at, d.read_at, d.ended_at
)
select c.company_id, c.id, c.channel_id, c.kind, c.event, c.ticket_id, c.comment_id, c.change_id, c.cause_id, c.event_id,
       c.sequence, c.conversation_id, c.details::text as details, c.body, c.progress::text as progress, c.attempts,
       c.made_at, extract(epoch from now() - c.made_at)::float8 as age
  from claimed c"""


async def claim_one(conn: Conn, *, lease: timedelta, company_id: int, id: int) -> ClaimOneRow | None:
    """One certain message, if it is still waiting and nobody has it."""
    row = await conn.fetchrow(CLAIM_ONE, lease, company_id, id)
    return None if row is None else ClaimOneRow(*row)


CLAIM_LAPSED = """with lapsed as (
    select d.company_id, d.id from deliveries d
     where d.leased_until < now()
     order by d.leased_until
     limit $1::integer
       for update skip locked
), claimed as (
    update deliveries d
       set leased_until = now() + $2::interval
      from lapsed l
     where d.company_id = l.company_id and d.id = l.id
    returning d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id, d.sequence, d.conversation_id, d.details, d.body, d.state, d.attempts, d.due_at, d.leased_until, d.progress, d.part_states, d.error_code, d.error_text, d.resend_of, d.made_at, d.sent_at, d.delivered_at, d.read_at, d.ended_at
), ended as (
    insert into delivery_attempts as a (company_id, delivery_id, number, ended_at, in_flight, outcome)
    select c.company_id, c.id, c.attempts, clock_timestamp(), false, 'lost' from claimed c
    on conflict (company_id, delivery_id, number) do update
       set ended_at = coalesce(a.ended_at, excluded.ended_at), in_flight = false, outcome = excluded.outcome
     where not a.in_flight or a.ended_at is not null
    returning a.company_id, a.delivery_id
)
select c.company_id, c.id, c.channel_id, c.kind, c.event, c.ticket_id, c.comment_id, c.change_id, c.cause_id, c.event_id,
       c.sequence, c.conversation_id, c.details::text as details, c.body, c.progress::text as progress, c.attempts,
       c.made_at, extract(epoch from now() - c.made_at)::float8 as age,
       not exists(select 1 from ended e where e.company_id = c.company_id and e.delivery_id = c.id) as began
  from claimed c"""


async def claim_lapsed(conn: Conn, *, most: int, lease: timedelta) -> list[ClaimLapsedRow]:
    """Deliveries whose holder died or hangs: held anew. `began`: a request of their last attempt may have left. Where none is
    in flight the attempt ends here, so that a holder that was only away cannot begin one any more."""
    return [ClaimLapsedRow(*row) for row in await conn.fetch(CLAIM_LAPSED, most, lease)]


KEEP_LEASES = """update deliveries d
   set leased_until = now() + $1::interval
  from unnest($2::integer[], $3::bigint[]) as w (company_id, id)
 where d.company_id = w.company_id and d.id = w.id and d.leased_until is not null"""


async def keep_leases(conn: Conn, *, lease: timedelta, company_ids: Collection[int], ids: Collection[int]) -> None:
    """Still at it."""
    await conn.execute(KEEP_LEASES, lease, company_ids, ids)


BEGIN_ATTEMPT = """insert into delivery_attempts (company_id, delivery_id, number)
values ($1, $2, $3)
on conflict (company_id, delivery_id, number) do update
   set in_flight = true
 where delivery_attempts.ended_at is null
returning number"""


async def begin_attempt(conn: Conn, *, company_id: int, delivery_id: int, number: int) -> int | None:
    """A request leaves now, for one part of the message or the whole. No answer: somebody else has ended the attempt."""
    result: int | None = await conn.fetchval(BEGIN_ATTEMPT, company_id, delivery_id, number)
    return result


NOTE_PART = """with landed as (
    update delivery_attempts
       set in_flight = false
     where company_id = $2 and delivery_id = $3 and number = $4
), part as (
    update deliveries d
       set progress = d.progress || jsonb_build_object($5::text, $1::text)
     where d.company_id = $2 and d.id = $3
    returning d.company_id, d.channel_id, d.id
)
insert into delivery_names (company_id, channel_id, name, delivery_id)
select p.company_id, p.channel_id, 'message:' || $1::text, p.id
  from part p
 where $1::text <> ''
on conflict (company_id, channel_id, name) do nothing"""


async def note_part(conn: Conn, *, message_id: str, company_id: int, id: int, number: int, part: str) -> None:
    """A part of a message was sent, and what the provider calls it: nothing is in flight until the next part begins."""
    await conn.execute(NOTE_PART, message_id, company_id, id, number, part)


ADD_NAMES = """insert into delivery_names (company_id, channel_id, name, delivery_id)
select $1, $2, unnest($3::text[]), $4
on conflict (company_id, channel_id, name) do nothing"""


async def add_names(conn: Conn, *, company_id: int, channel_id: int, names: Collection[str], delivery_id: int) -> None:
    await conn.execute(ADD_NAMES, company_id, channel_id, names, delivery_id)


NAMES_OF = """select n.name from delivery_names n
 where n.company_id = $1 and n.delivery_id = $2"""


async def names_of(conn: Reader, *, company_id: int, delivery_id: int) -> list[str]:
    return [row[0] for row in await conn.fetch(NAMES_OF, company_id, delivery_id)]


SETTLE = """with outcome as (
    select company_id, id, state, pause, code, text, body, number, outcome, http_status, said
      from unnest($2::integer[], $3::bigint[], $4::text[],
                  $5::float8[], $6::text[], $7::text[],
                  $8::text[], $9::integer[], $10::text[],
                  $11::integer[], $12::text[])
           as o (company_id, id, state, pause, code, text, body, number, outcome, http_status, said)
), settled as (
    update deliveries d
       set state = o.state, leased_until = null,
           due_at = case o.state when 'queued' then now() + o.pause * interval '1 second'
                                 when 'sent' then now() + interval '2 minutes' else d.due_at end,
           error_code = nullif(o.code, ''), error_text = nullif(o.text, ''), body = coalesce(d.body, nullif(o.body, '')),
           sent_at = case when o.state in ('sent', 'delivered', 'read') then coalesce(d.sent_at, now()) else d.sent_at end,
           delivered_at = case when o.state in ('delivered', 'read') then coalesce(d.delivered_at, now()) else d.delivered_at end,
           ended_at = case when o.state in ('delivered', 'read', 'failed', 'maybe_sent', 'cancelled') then now() end
      from outcome o
     where d.company_id = o.company_id and d.id = o.id and d.state = 'queued' and d.attempts = o.number
    returning d.company_id, d.channel_id, d.id, d.state
), ended as (
    insert into delivery_attempts (company_id, delivery_id, number, ended_at, in_flight, outcome, http_status, code, said)
    select o.company_id, o.id, o.number, clock_timestamp(), false, o.outcome, nullif(o.http_status, 0), nullif(o.code, ''),
           nullif(o.said, '')
      from outcome o
      join deliveries d on d.company_id = o.company_id and d.id = o.id and d.attempts >= o.number
    on conflict (company_id, delivery_id, number) do update
       set ended_at = excluded.ended_at, in_flight = false, outcome = excluded.outcome, http_status = excluded.http_status,
           code = excluded.code, said = excluded.said
)
select s.company_id, s.id, s.state,
       coalesce(t.failures = 0 and t.open_until is null and t.last_ok_at > now() - interval '10 seconds', false) as well
  from settled s
  left join delivery_targets t on t.company_id = s.company_id and t.channel_id = s.channel_id
 where not $1::boolean or set_config('synchronous_commit', 'off', true) is not null"""


async def settle(
    conn: Conn,
    *,
    repeatable: bool,
    company_ids: Collection[int],
    ids: Collection[int],
    states: Collection[str],
    pauses: Collection[float],
    codes: Collection[str],
    texts: Collection[str],
    bodies: Collection[str],
    numbers: Collection[int],
    outcomes: Collection[str],
    http_statuses: Collection[int],
    said: Collection[str],
) -> list[SettleRow]:
    """What became of attempts of deliveries that are still waiting. `pauses`: seconds until the next one. An attempt that never
    began has no row yet: it gets one, so that every attempt is seen. `repeatable`: to do it once more does no harm, so that the
    commit need not be on disk. `well`: that the target does well is known, and need not be said again just now."""
    return [
        SettleRow(*row)
        for row in await conn.fetch(
            SETTLE,
            repeatable,
            company_ids,
            ids,
            states,
            pauses,
            codes,
            texts,
            bodies,
            numbers,
            outcomes,
            http_statuses,
            said,
        )
    ]


TARGET_WELL = """with well as (
    insert into delivery_targets as t (company_id, channel_id, failures, last_ok_at)
    select w.company_id, w.channel_id, 0, now()
      from unnest($1::integer[], $2::integer[]) as w (company_id, channel_id)
    on conflict (company_id, channel_id) do update
       set failures = 0, open_until = null, last_ok_at = now()
     where t.failures > 0 or t.open_until is not null or t.last_ok_at is null or t.last_ok_at < now() - interval '10 seconds'
    returning t.company_id, t.channel_id
)
update deliveries d
   set due_at = now()
  from well w
 where d.company_id = w.company_id and d.channel_id = w.channel_id and d.state = 'queued' and d.due_at > now()
   and d.attempts > 0 and d.kind = 'webhook'"""


async def target_well(conn: Conn, *, company_ids: Collection[int], channel_ids: Collection[int]) -> None:
    """The target answers: its breaker closes, and what waited out a pause is due at once."""
    await conn.execute(TARGET_WELL, company_ids, channel_ids)


TARGET_FAILED = """insert into delivery_targets as t (company_id, channel_id, failures, last_failed_at, last_error)
values ($1, $2, 1, now(), $3)
on conflict (company_id, channel_id) do update
   set failures = t.failures + 1, last_failed_at = now(), last_error = excluded.last_error
 where t.open_until is null or t.open_until < now()
returning t.failures"""


async def target_failed(conn: Conn, *, company_id: int, channel_id: int, error: str | None) -> int | None:
    """Once more; how often in a row by now. What was under way when the breaker opened says nothing new: no answer then."""
    result: int | None = await conn.fetchval(TARGET_FAILED, company_id, channel_id, error)
    return result


OPEN_BREAKER = """update delivery_targets
   set open_until = now() + $1::float8 * interval '1 second'
 where company_id = $2 and channel_id = $3"""


async def open_breaker(conn: Conn, *, pause: float, company_id: int, channel_id: int) -> None:
    await conn.execute(OPEN_BREAKER, pause, company_id, channel_id)


WAITING_AGE = """select coalesce(extract(epoch from now() - min(d.due_at)), 0)::float8 as seconds
  from deliveries d
 where d.state = 'queued' and d.leased_until is null and d.due_at < now()"""


async def waiting_age(conn: Reader) -> float | None:
    """Seconds since the oldest delivery became due that nobody has taken yet; 0 where none waits."""
    result: float | None = await conn.fetchval(WAITING_AGE)
    return result


UNRENDERED = """select d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id,
       d.sequence, d.conversation_id, d.details::text as details, d.body, d.progress::text as progress, d.attempts,
       d.made_at, extract(epoch from now() - d.made_at)::float8 as age
  from delivery_targets t
 cross join lateral (
    select d.company_id, d.id, d.channel_id, d.kind, d.event, d.ticket_id, d.comment_id, d.change_id, d.cause_id, d.event_id, d.sequence, d.conversation_id, d.details, d.body, d.state, d.attempts, d.due_at, d.leased_until, d.progress, d.part_states, d.error_code, d.error_text, d.resend_of, d.made_at, d.sent_at, d.delivered_at, d.read_at, d.ended_at from deliveries d
     where d.company_id = t.company_id and d.channel_id = t.channel_id and d.state = 'queued' and d.kind = 'webhook'
       and d.body is null and d.leased_until is null
     order by d.id
     limit $1::integer) d
 where t.open_until > now()"""


async def unrendered(conn: Reader, *, most: int) -> list[UnrenderedRow]:
    """Webhooks that wait for a receiver whose breaker is open: their bodies are made now, while what they tell is fresh."""
    return [UnrenderedRow(*row) for row in await conn.fetch(UNRENDERED, most)]


KEEP_BODIES = """update deliveries d
   set body = w.body
  from unnest($1::integer[], $2::bigint[], $3::text[]) as w (company_id, id, body)
 where d.company_id = w.company_id and d.id = w.id and d.body is null"""


async def keep_bodies(
    conn: Conn, *, company_ids: Collection[int], ids: Collection[int], bodies: Collection[str]
) -> None:
    await conn.execute(KEEP_BODIES, company_ids, ids, bodies)


FORGET_ATTEMPTS = """delete from delivery_attempts a
 using deliveries d
 where a.began_at < now() - $1::interval and d.company_id = a.company_id and d.id = a.delivery_id
   and d.ended_at < now() - $1::interval"""


async def forget_attempts(conn: Conn, *, older_than: timedelta) -> int:
    """What ended long ago needs no history of its attempts any more; they began before it ended."""
    return int((await conn.execute(FORGET_ATTEMPTS, older_than)).rpartition(" ")[2])

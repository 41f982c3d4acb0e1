"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from pult.kit.db import Conn, Reader


class ChannelRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    type: str
    name: str
    email: str | None
    settings: str
    active: bool


class ChannelsOfCompanyRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    type: str
    name: str
    email: str | None
    settings: str
    active: bool


class AllChannelsRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    type: str
    name: str
    email: str | None
    settings: str
    active: bool


class KeepConversationRow(msgspec.Struct, frozen=True):
    id: int
    provider_ref: str | None


class ReachableAtRow(msgspec.Struct, frozen=True):
    phone: str | None
    username: str | None
    address: str | None


class ConversationOfTicketRow(msgspec.Struct, frozen=True):
    id: int
    address: str
    client_id: int


class MessageOfCommentRow(msgspec.Struct, frozen=True):
    id: int
    channel_id: int
    conversation_id: int | None
    state: str
    error_code: str | None
    error_text: str | None


class MessageToSendRow(msgspec.Struct, frozen=True):
    message: str
    author: str
    cc: list[str]
    bcc: list[str]
    is_first: bool
    ticket_id: int
    subject: str
    email: str | None
    client_name: str
    agent_name: str
    address: str | None
    provider_ref: str | None
    files: str
    client_email: str


class DeliveryNamedRow(msgspec.Struct, frozen=True):
    id: int
    ticket_id: int | None


class OwnDeliveryRow(msgspec.Struct, frozen=True):
    id: int
    ticket_id: int | None


class SilentRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    channel_id: int
    names: str


class HoldDeliveryRow(msgspec.Struct, frozen=True):
    id: int
    channel_id: int
    ticket_id: int | None
    comment_id: int | None
    state: str
    progress: str
    part_states: str


class FindConversationRow(msgspec.Struct, frozen=True):
    id: int
    client_id: int
    ticket_id: int | None
    address: str


class ClaimFileRow(msgspec.Struct, frozen=True):
    company_id: int
    id: int
    channel_id: int
    comment_id: int
    ref: str
    name: str
    mime: str
    attempts: int


class RatedTicketRow(msgspec.Struct, frozen=True):
    channel_id: int
    comment_id: int | None


CHANNEL = """select h.company_id, h.id, h.type, h.name, h.email, h.settings::text as settings, h.active
  from channels h
 where h.id = $1"""


async def channel(conn: Reader, *, id: int) -> ChannelRow | None:
    """A channel by its id alone, as its adapter is made from it. Ids come from one sequence for all companies."""
    row = await conn.fetchrow(CHANNEL, id)
    return None if row is None else ChannelRow(*row)


CHANNELS_OF_COMPANY = """select h.company_id, h.id, h.type, h.name, h.email, h.settings::text as settings, h.active
  from channels h
 where h.company_id = $1 and h.active
 order by h.id"""


async def channels_of_company(conn: Reader, *, company_id: int) -> list[ChannelsOfCompanyRow]:
    return [ChannelsOfCompanyRow(*row) for row in await conn.fetch(CHANNELS_OF_COMPANY, company_id)]


ALL_CHANNELS = """select h.company_id, h.id, h.type, h.name, h.email, h.settings::text as settings, h.active
  from channels h
 where h.active and h.type <> 'api'
 order by h.id"""


async def all_channels(conn: Reader) -> list[AllChannelsRow]:
    return [AllChannelsRow(*row) for row in await conn.fetch(ALL_CHANNELS)]


KEEP_CONVERSATION = """insert into conversations (company_id, channel_id, client_id, address, ticket_id, provider_ref)
values ($1, $2, $3, $4,
        $5, $6)
on conflict (company_id, channel_id, address) do update
   set ticket_id = excluded.ticket_id, provider_ref = coalesce(excluded.provider_ref, conversations.provider_ref)
returning id, provider_ref"""


async def keep_conversation(
    conn: Conn,
    *,
    company_id: int,
    channel_id: int,
    client_id: int,
    address: str,
    ticket_id: int | None,
    provider_ref: str | None,
) -> KeepConversationRow | None:
    """With whom we talk in a channel; the ticket is its last one."""
    row = await conn.fetchrow(KEEP_CONVERSATION, company_id, channel_id, client_id, address, ticket_id, provider_ref)
    return None if row is None else KeepConversationRow(*row)


REACHABLE_AT = """select (select o.value from client_contacts o
         where o.company_id = $1 and o.client_id = $2 and o.kind = 'phone'
         order by o.id limit 1) as phone,
       (select o.value from client_contacts o
         where o.company_id = $1 and o.client_id = $2 and o.kind = 'telegram'
         order by o.id limit 1) as username,
       (select v.address from conversations v
         where v.company_id = $1 and v.client_id = $2
           and v.channel_id = $3
         order by v.last_incoming_at desc nulls last, v.id desc limit 1) as address"""


async def reachable_at(conn: Reader, *, company_id: int, client_id: int, channel_id: int) -> ReachableAtRow | None:
    """How a client can be reached: the first phone and nickname, and what the client last wrote from in this channel."""
    row = await conn.fetchrow(REACHABLE_AT, company_id, client_id, channel_id)
    return None if row is None else ReachableAtRow(*row)


CONVERSATION_OF_TICKET = """select v.id, v.address, v.client_id
  from conversations v
 where v.company_id = $1 and v.channel_id = $2
   and v.ticket_id = $3
 order by v.id limit 1"""


async def conversation_of_ticket(
    conn: Reader, *, company_id: int, channel_id: int, ticket_id: int | None
) -> ConversationOfTicketRow | None:
    """In which conversation of this channel the ticket goes on."""
    row = await conn.fetchrow(CONVERSATION_OF_TICKET, company_id, channel_id, ticket_id)
    return None if row is None else ConversationOfTicketRow(*row)


QUEUE_MESSAGE = """insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, conversation_id, details)
values ($1, $2, 'message', 'message', $3,
        $4, $5, $6::jsonb)
returning id"""


async def queue_message(
    conn: Conn,
    *,
    company_id: int,
    channel_id: int,
    ticket_id: int | None,
    comment_id: int | None,
    conversation_id: int | None,
    details: str,
) -> int | None:
    result: int | None = await conn.fetchval(
        QUEUE_MESSAGE, company_id, channel_id, ticket_id, comment_id, conversation_id, details
    )
    return result


REFUSE_MESSAGE = """insert into deliveries (company_id, channel_id, kind, event, ticket_id, comment_id, details, state, error_code, error_text, ended_at)
values ($1, $2, 'message', 'message', $3,
        $4, '{}', 'failed', $5, $6, now())"""


async def refuse_message(
    conn: Conn,
    *,
    company_id: int,
    channel_id: int,
    ticket_id: int | None,
    comment_id: int | None,
    code: str | None,
    text: str | None,
) -> None:
    """A message that can go nowhere: seen as failed, with the reason."""
    await conn.execute(REFUSE_MESSAGE, company_id, channel_id, ticket_id, comment_id, code, text)


MESSAGE_OF_COMMENT = """select d.id, d.channel_id, d.conversation_id, d.state, d.error_code, d.error_text
  from deliveries d
 where d.company_id = $1 and d.comment_id = $2 and d.kind = 'message'
 order by d.id desc limit 1"""


async def message_of_comment(conn: Reader, *, company_id: int, comment_id: int | None) -> MessageOfCommentRow | None:
    """The last message that was made of a comment."""
    row = await conn.fetchrow(MESSAGE_OF_COMMENT, company_id, comment_id)
    return None if row is None else MessageOfCommentRow(*row)


MESSAGE_TO_SEND = """select c.message, c.author, c.cc, c.bcc, c.is_first, t.id as ticket_id, t.subject, t.email, l.name as client_name,
       coalesce(a.name, '') as agent_name, v.address, v.provider_ref,
       coalesce((
           select json_agg(json_build_object('id', f.id, 'name', f.name, 'type', f.type, 'size', f.size, 'key', f.key) order by f.id)
             from files f where f.company_id = $1 and f.comment_id = c.id), '[]')::text as files,
       coalesce((
           select o.shown from client_contacts o
            where o.company_id = $1 and o.client_id = t.client_id and o.kind = 'email'
            order by o.id limit 1), '') as client_email
  from deliveries d
  join comments c on c.company_id = $1 and c.id = d.comment_id
  join tickets t on t.company_id = $1 and t.id = d.ticket_id
  join clients l on l.company_id = $1 and l.id = t.client_id
  left join agents a on a.company_id = $1 and a.id = c.agent_id
  left join conversations v on v.company_id = $1 and v.id = d.conversation_id
 where d.company_id = $1 and d.id = $2"""


async def message_to_send(conn: Reader, *, company_id: int, id: int) -> MessageToSendRow | None:
    """All that is said to a client, and to whom."""
    row = await conn.fetchrow(MESSAGE_TO_SEND, company_id, id)
    return None if row is None else MessageToSendRow(*row)


KNOW_CONVERSATION = """update conversations v
   set provider_ref = $1
  from deliveries d
 where d.company_id = $2 and d.id = $3
   and v.company_id = d.company_id and v.id = d.conversation_id and v.provider_ref is distinct from $1
   and not exists (
       select 1 from conversations o
        where o.company_id = d.company_id and o.channel_id = d.channel_id and o.provider_ref = $1
          and o.id <> d.conversation_id)"""


async def know_conversation(conn: Conn, *, provider_ref: str | None, company_id: int, delivery_id: int) -> None:
    """What the provider calls the conversation of a delivery, where no other has that name."""
    await conn.execute(KNOW_CONVERSATION, provider_ref, company_id, delivery_id)


DELIVERY_NAMED = """select d.id, d.ticket_id
  from delivery_names n
  join deliveries d on d.company_id = n.company_id and d.id = n.delivery_id
 where n.company_id = $1 and n.channel_id = $2
   and n.name = any($3::text[])
 limit 1"""


async def delivery_named(
    conn: Reader, *, company_id: int, channel_id: int, names: Collection[str]
) -> DeliveryNamedRow | None:
    """Which message the provider means; the ticket first, so that whoever holds a ticket is never waited for twice."""
    row = await conn.fetchrow(DELIVERY_NAMED, company_id, channel_id, names)
    return None if row is None else DeliveryNamedRow(*row)


OWN_DELIVERY = """select d.id, d.ticket_id
  from deliveries d
 where d.company_id = $1 and d.channel_id = $2 and d.id = $3
   and d.kind = 'message'"""


async def own_delivery(conn: Reader, *, company_id: int, channel_id: int, id: int) -> OwnDeliveryRow | None:
    row = await conn.fetchrow(OWN_DELIVERY, company_id, channel_id, id)
    return None if row is None else OwnDeliveryRow(*row)


SILENT = """with silent as (
    select d.company_id, d.id from deliveries d
     where d.state = 'sent' and d.kind = 'message' and d.due_at <= now() and d.sent_at > now() - interval '1 day'
     order by d.due_at
     limit $1::integer
       for update skip locked
)
update deliveries d
   set due_at = now() + greatest(now() - d.sent_at, interval '2 minutes')
  from silent s
 where d.company_id = s.company_id and d.id = s.id
returning d.company_id, d.id, d.channel_id,
          coalesce((select json_agg(n.name order by n.name) from delivery_names n
                     where n.company_id = d.company_id and n.delivery_id = d.id), '[]')::text as names"""


async def silent(conn: Conn, *, most: int) -> list[SilentRow]:
    """Messages that were sent and of which nothing was heard since: asked about again after twice the time, for a day."""
    return [SilentRow(*row) for row in await conn.fetch(SILENT, most)]


HOLD_TICKET = """select t.id from tickets t
 where t.company_id = $1 and t.id = $2
   for no key update"""


async def hold_ticket(conn: Conn, *, company_id: int, ticket_id: int) -> int | None:
    result: int | None = await conn.fetchval(HOLD_TICKET, company_id, ticket_id)
    return result


HOLD_DELIVERY = """select d.id, d.channel_id, d.ticket_id, d.comment_id, d.state, d.progress::text as progress, d.part_states::text as part_states
  from deliveries d
 where d.company_id = $1 and d.id = $2
   for no key update"""


async def hold_delivery(conn: Conn, *, company_id: int, id: int) -> HoldDeliveryRow | None:
    row = await conn.fetchrow(HOLD_DELIVERY, company_id, id)
    return None if row is None else HoldDeliveryRow(*row)


CLIMB = """update deliveries d
   set state = $1, leased_until = null,
       error_code = case when $1::text = 'failed' then nullif($2::text, '') end,
       error_text = case when $1::text = 'failed' then nullif($3::text, '') end,
       sent_at = case when $1::text in ('sent', 'delivered', 'read') then coalesce(d.sent_at, now()) else d.sent_at end,
       delivered_at = case when $1::text in ('delivered', 'read') then coalesce(d.delivered_at, $4) else d.delivered_at end,
       read_at = case when $1::text = 'read' then coalesce(d.read_at, $4) else d.read_at end,
       ended_at = case when $1::text in ('delivered', 'read', 'failed', 'maybe_sent') then coalesce(d.ended_at, now()) end
 where d.company_id = $5 and d.id = $6"""


async def climb(conn: Conn, *, state: str, code: str, text: str, at: datetime | None, company_id: int, id: int) -> None:
    """A message's new state; it is not below the old one (pult.deliveries.model.climb)."""
    await conn.execute(CLIMB, state, code, text, at, company_id, id)


KEEP_PART_STATE = """update deliveries
   set part_states = part_states || jsonb_build_object($1::text, $2::text)
 where company_id = $3 and id = $4"""


async def keep_part_state(conn: Conn, *, part: str, state: str, company_id: int, id: int) -> None:
    await conn.execute(KEEP_PART_STATE, part, state, company_id, id)


MARK_COMMENT = """update comments
   set delivered = delivered or $1, seen = seen or $2
 where company_id = $3 and id = $4
   and (not delivered and $1::boolean or not seen and $2::boolean)"""


async def mark_comment(conn: Conn, *, delivered: bool, seen: bool, company_id: int, comment_id: int) -> None:
    await conn.execute(MARK_COMMENT, delivered, seen, company_id, comment_id)


NAMES_ONE_AT_A_TIME = """select pg_advisory_xact_lock(hashtextextended('delivery names', $1::bigint))::text as held"""


async def names_one_at_a_time(conn: Conn, *, channel_id: int) -> None:
    """Whoever learns a name and whoever asks for one, in a channel, wait for each other."""
    await conn.execute(NAMES_ONE_AT_A_TIME, channel_id)


KEEP_EARLY_REPORT = """insert into early_reports (company_id, channel_id, name, report)
select $1, $2, unnest($3::text[]), $4::jsonb
on conflict do nothing"""


async def keep_early_report(
    conn: Conn, *, company_id: int, channel_id: int, names: Collection[str], report: str
) -> None:
    await conn.execute(KEEP_EARLY_REPORT, company_id, channel_id, names, report)


TAKE_EARLY_REPORTS = """delete from early_reports
 where company_id = $1 and channel_id = $2 and name = any($3::text[])
returning report::text as report"""


async def take_early_reports(conn: Conn, *, company_id: int, channel_id: int, names: Collection[str]) -> list[str]:
    return [row[0] for row in await conn.fetch(TAKE_EARLY_REPORTS, company_id, channel_id, names)]


FORGET_EARLY_REPORTS = """delete from early_reports where reported_at < now() - interval '1 day'"""


async def forget_early_reports(conn: Conn) -> int:
    return int((await conn.execute(FORGET_EARLY_REPORTS)).rpartition(" ")[2])


TAKE_MESSAGE = """with taken as (
    insert into incoming_messages (company_id, channel_id, message_id)
    values ($1, $2, $3)
    on conflict (company_id, channel_id, message_id) do nothing
    returning 1
)
select exists(select 1 from taken) as is_new"""


async def take_message(conn: Conn, *, company_id: int, channel_id: int, message_id: str) -> bool | None:
    """Whether this message of the provider's is new."""
    result: bool | None = await conn.fetchval(TAKE_MESSAGE, company_id, channel_id, message_id)
    return result


IS_OURS = """select exists(
           select 1 from delivery_names n
            where n.company_id = $1 and n.channel_id = $2
              and n.name = 'message:' || $3::text)
       or exists(
           select 1 from early_reports e
            where e.company_id = $1 and e.channel_id = $2
              and e.name = 'message:' || $3::text
              and e.report ->> 'also_known_as' = $3::text) as ours"""


async def is_ours(conn: Reader, *, company_id: int, channel_id: int, message_id: str) -> bool | None:
    """Whether the provider's message is one that we sent, or is about to be known as one."""
    result: bool | None = await conn.fetchval(IS_OURS, company_id, channel_id, message_id)
    return result


MESSAGE_BECAME = """update incoming_messages set comment_id = $1
 where company_id = $2 and channel_id = $3 and message_id = $4"""


async def message_became(
    conn: Conn, *, comment_id: int | None, company_id: int, channel_id: int, message_id: str
) -> None:
    await conn.execute(MESSAGE_BECAME, comment_id, company_id, channel_id, message_id)


FIND_CONVERSATION = """select v.id, v.client_id, v.ticket_id, v.address
  from conversations v
 where v.company_id = $1 and v.channel_id = $2
   and (v.provider_ref = $3 or v.address = any($4::text[]))
 order by (v.provider_ref = $3) desc nulls last, v.id
 limit 1"""


async def find_conversation(
    conn: Reader, *, company_id: int, channel_id: int, provider_ref: str | None, addresses: Collection[str]
) -> FindConversationRow | None:
    """By the provider's own id first, then by whom we talk to."""
    row = await conn.fetchrow(FIND_CONVERSATION, company_id, channel_id, provider_ref, addresses)
    return None if row is None else FindConversationRow(*row)


HEARD_FROM = """update conversations v
   set ticket_id = $1, last_incoming_at = greatest(v.last_incoming_at, $2),
       provider_ref = case when $3::text is null or exists (
               select 1 from conversations o
                where o.company_id = $4 and o.channel_id = v.channel_id
                  and o.provider_ref = $3 and o.id <> v.id)
           then v.provider_ref else $3 end
 where v.company_id = $4 and v.id = $5"""


async def heard_from(
    conn: Conn, *, ticket_id: int | None, at: datetime | None, provider_ref: str | None, company_id: int, id: int
) -> None:
    await conn.execute(HEARD_FROM, ticket_id, at, provider_ref, company_id, id)


AWAIT_FILE = """insert into incoming_files (company_id, channel_id, comment_id, ref, name, mime)
values ($1, $2, $3, $4, $5, $6)"""


async def await_file(
    conn: Conn, *, company_id: int, channel_id: int, comment_id: int, ref: str, name: str, mime: str
) -> None:
    await conn.execute(AWAIT_FILE, company_id, channel_id, comment_id, ref, name, mime)


CLAIM_FILE = """with due as (
    select f.company_id, f.id from incoming_files f
     where f.error is null and f.due_at <= now()
     order by f.due_at
     limit 1
       for update skip locked
)
update incoming_files f
   set due_at = now() + interval '2 minutes', attempts = f.attempts + 1
  from due
 where f.company_id = due.company_id and f.id = due.id
returning f.company_id, f.id, f.channel_id, f.comment_id, f.ref, f.name, f.mime, f.attempts"""


async def claim_file(conn: Conn) -> ClaimFileRow | None:
    """A client's file to fetch; held by its next time."""
    row = await conn.fetchrow(CLAIM_FILE)
    return None if row is None else ClaimFileRow(*row)


TICKET_OF_COMMENT = """select c.ticket_id from comments c where c.company_id = $1 and c.id = $2"""


async def ticket_of_comment(conn: Reader, *, company_id: int, comment_id: int) -> int | None:
    result: int | None = await conn.fetchval(TICKET_OF_COMMENT, company_id, comment_id)
    return result


FILE_CAME = """with came as (
    delete from incoming_files where company_id = $1 and id = $6 returning comment_id
)
insert into files (company_id, comment_id, name, type, size, key)
select $1, c.comment_id, $2, $3, $4, $5 from came c"""


async def file_came(conn: Conn, *, company_id: int, name: str, type: str, size: int, key: str, id: int) -> None:
    await conn.execute(FILE_CAME, company_id, name, type, size, key, id)


FILE_FAILED = """update incoming_files
   set due_at = now() + $1::float8 * interval '1 second',
       error = case when $2::boolean then $3::text end
 where company_id = $4 and id = $5"""


async def file_failed(conn: Conn, *, pause: float, final: bool, text: str, company_id: int, id: int) -> None:
    """Later again, or given up where `final`."""
    await conn.execute(FILE_FAILED, pause, final, text, company_id, id)


REPORT_ON_CHANNEL = """insert into delivery_targets (company_id, channel_id, healthy, report, counters, reported_at)
values ($1, $2, $3, $4, $5::jsonb, now())
on conflict (company_id, channel_id) do update
   set healthy = excluded.healthy, report = excluded.report, reported_at = now(),
       counters = delivery_targets.counters || excluded.counters"""


async def report_on_channel(
    conn: Conn, *, company_id: int, channel_id: int, healthy: bool | None, report: str | None, counters: str
) -> None:
    await conn.execute(REPORT_ON_CHANNEL, company_id, channel_id, healthy, report, counters)


CURSOR_OF = """select t.cursor from delivery_targets t
 where t.company_id = $1 and t.channel_id = $2"""


async def cursor_of(conn: Reader, *, company_id: int, channel_id: int) -> str | None:
    result: str | None = await conn.fetchval(CURSOR_OF, company_id, channel_id)
    return result


KEEP_CURSOR = """insert into delivery_targets (company_id, channel_id, cursor)
values ($1, $2, $3)
on conflict (company_id, channel_id) do update set cursor = excluded.cursor"""


async def keep_cursor(conn: Conn, *, company_id: int, channel_id: int, cursor: str | None) -> None:
    await conn.execute(KEEP_CURSOR, company_id, channel_id, cursor)


INSTALLED_OF = """select t.installed from delivery_targets t
 where t.company_id = $1 and t.channel_id = $2"""


async def installed_of(conn: Reader, *, company_id: int, channel_id: int) -> str | None:
    result: str | None = await conn.fetchval(INSTALLED_OF, company_id, channel_id)
    return result


KEEP_INSTALLED = """insert into delivery_targets (company_id, channel_id, installed, report, healthy, reported_at)
values ($1, $2, $3, $4, $5, now())
on conflict (company_id, channel_id) do update
   set installed = excluded.installed, report = excluded.report, healthy = excluded.healthy, reported_at = now()"""


async def keep_installed(
    conn: Conn, *, company_id: int, channel_id: int, installed: str | None, report: str | None, healthy: bool | None
) -> None:
    await conn.execute(KEEP_INSTALLED, company_id, channel_id, installed, report, healthy)


RATED_TICKET = """select t.channel_id,
       (select max(c.id) from comments c
         where c.company_id = $1 and c.ticket_id = t.id and c.author = 'user' and c.visibility = 'public')
           as comment_id
  from tickets t
 where t.company_id = $1 and t.id = $2
   for no key update of t"""


async def rated_ticket(conn: Conn, *, company_id: int, ticket_id: int) -> RatedTicketRow | None:
    """The ticket, held, and our last answer in it."""
    row = await conn.fetchrow(RATED_TICKET, company_id, ticket_id)
    return None if row is None else RatedTicketRow(*row)


INSERT_RATING = """insert into ratings (company_id, ticket_id, client_id, agent_id, comment_id, rating, comment, created_at, updated_at)
select $1, t.id, t.client_id, t.assignee_id, $2, $3,
       $4, date_trunc('second', now()), date_trunc('second', now())
  from tickets t
 where t.company_id = $1 and t.id = $5
returning id"""


async def insert_rating(
    conn: Conn, *, company_id: int, comment_id: int | None, rating: int, comment: str, ticket_id: int
) -> int | None:
    result: int | None = await conn.fetchval(INSERT_RATING, company_id, comment_id, rating, comment, ticket_id)
    return result

"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from pult.kit.db import Conn, Reader


class KnowsFoldersRow(msgspec.Struct, frozen=True):
    any: bool | None
    last_stored_at: datetime | None


class WaitingRow(msgspec.Struct, frozen=True):
    id: int
    message_id: str | None
    hash: str
    size: int
    key: str
    attempts: int
    reason: str | None
    stored_at: datetime


class EarlierRow(msgspec.Struct, frozen=True):
    copy_of: int | None
    reused: bool


class CountsRow(msgspec.Struct, frozen=True):
    stored: int
    waiting: int
    parsed: int
    ignored: int
    needs_attention: int


class TicketsOfIdsRow(msgspec.Struct, frozen=True):
    name: str | None
    ticket_id: int | None


class ThreadOfRow(msgspec.Struct, frozen=True):
    message_id: str | None
    came: bool


FOLDER = """select f.first_uid from mail_folders f
 where f.company_id = $1 and f.channel_id = $2
   and f.folder = $3 and f.uidvalidity = $4"""


async def folder(conn: Reader, *, company_id: int, channel_id: int, folder: str, uidvalidity: int) -> int | None:
    """Raw mail, its way into the desk, and what finds the ticket that a message answers."""
    result: int | None = await conn.fetchval(FOLDER, company_id, channel_id, folder, uidvalidity)
    return result


KNOWS_FOLDERS = """select count(*) > 0 as any, max(m.stored_at) as last_stored_at
  from mail_folders f
  left join mail_messages m on m.company_id = f.company_id and m.channel_id = f.channel_id
 where f.company_id = $1 and f.channel_id = $2"""


async def knows_folders(conn: Reader, *, company_id: int, channel_id: int) -> KnowsFoldersRow | None:
    """Whether the channel has read any mailbox before, and until when."""
    row = await conn.fetchrow(KNOWS_FOLDERS, company_id, channel_id)
    return None if row is None else KnowsFoldersRow(*row)


BEGIN_FOLDER = """insert into mail_folders (company_id, channel_id, folder, uidvalidity, first_uid)
values ($1, $2, $3, $4, $5)
on conflict (company_id, channel_id, folder, uidvalidity) do nothing"""


async def begin_folder(
    conn: Conn, *, company_id: int, channel_id: int, folder: str, uidvalidity: int, first_uid: int
) -> None:
    await conn.execute(BEGIN_FOLDER, company_id, channel_id, folder, uidvalidity, first_uid)


STORED_UIDS = """select m.uid from mail_messages m
 where m.company_id = $1 and m.channel_id = $2
   and m.folder = $3 and m.uidvalidity = $4 and m.uid >= $5"""


async def stored_uids(
    conn: Reader, *, company_id: int, channel_id: int, folder: str, uidvalidity: int, since_uid: int
) -> list[int]:
    return [row[0] for row in await conn.fetch(STORED_UIDS, company_id, channel_id, folder, uidvalidity, since_uid)]


KEEP = """insert into mail_messages (company_id, channel_id, folder, uidvalidity, uid, message_id, hash, size, key, reason)
values ($1, $2, $3, $4, $5,
        $6, $7, $8, $9, $10)
on conflict (company_id, channel_id, folder, uidvalidity, uid) do nothing
returning id"""


async def keep(
    conn: Conn,
    *,
    company_id: int,
    channel_id: int,
    folder: str,
    uidvalidity: int,
    uid: int,
    message_id: str | None,
    hash: str,
    size: int,
    key: str,
    reason: str | None,
) -> int | None:
    """A message of the mailbox; no row where it is here already."""
    result: int | None = await conn.fetchval(
        KEEP, company_id, channel_id, folder, uidvalidity, uid, message_id, hash, size, key, reason
    )
    return result


WAITING = """select m.id, m.message_id, m.hash, m.size, m.key, m.attempts, m.reason, m.stored_at
  from mail_messages m
 where m.company_id = $1 and m.channel_id = $2 and m.state = 'stored'
 order by m.id
 limit $3"""


async def waiting(conn: Reader, *, company_id: int, channel_id: int, most: int) -> list[WaitingRow]:
    """What nobody has read yet, oldest first."""
    return [WaitingRow(*row) for row in await conn.fetch(WAITING, company_id, channel_id, most)]


EARLIER = """select (select min(e.id) from mail_messages e
         where e.company_id = $1 and e.channel_id = $2
           and e.hash = $3 and e.message_id is not distinct from $4
           and e.id < $5) as copy_of,
       exists(select 1 from mail_messages e
               where e.company_id = $1 and e.channel_id = $2
                 and e.message_id = $4 and e.hash <> $3
                 and e.id < $5) as reused"""


async def earlier(
    conn: Reader, *, company_id: int, channel_id: int, hash: str, message_id: str | None, id: int
) -> EarlierRow | None:
    """What came before this message: its copy, and whether another message has used its id."""
    row = await conn.fetchrow(EARLIER, company_id, channel_id, hash, message_id, id)
    return None if row is None else EarlierRow(*row)


TRY_AGAIN = """update mail_messages set attempts = attempts + 1, name = $1
 where company_id = $2 and id = $3"""


async def try_again(conn: Conn, *, name: str | None, company_id: int, id: int) -> None:
    """A message is about to be read; counted, so that one that brings its reader down is noticed. Its name is set before it
    becomes a comment: whoever answers that at once finds the message's id."""
    await conn.execute(TRY_AGAIN, name, company_id, id)


SETTLE = """update mail_messages m
   set state = $1, reason = $2, sender = $3,
       automatic = $4, settled_at = now(),
       comment_id = (select i.comment_id from incoming_messages i
                      where i.company_id = $5 and i.channel_id = m.channel_id
                        and i.message_id = m.name)
 where m.company_id = $5 and m.id = $6"""


async def settle(
    conn: Conn, *, state: str, reason: str | None, sender: str | None, automatic: bool, company_id: int, id: int
) -> None:
    """What became of a message; its comment is found by the name under which the desk took it."""
    await conn.execute(SETTLE, state, reason, sender, automatic, company_id, id)


COUNTS = """select count(*) as stored, count(*) filter (where m.state = 'stored') as waiting,
       count(*) filter (where m.state = 'parsed') as parsed, count(*) filter (where m.state = 'ignored') as ignored,
       count(*) filter (where m.state = 'needs_attention') as needs_attention
  from mail_messages m
 where m.company_id = $1 and m.channel_id = $2
   and m.folder = $3 and m.uidvalidity = $4"""


async def counts(conn: Reader, *, company_id: int, channel_id: int, folder: str, uidvalidity: int) -> CountsRow | None:
    """What of a folder is stored, and how far it has come."""
    row = await conn.fetchrow(COUNTS, company_id, channel_id, folder, uidvalidity)
    return None if row is None else CountsRow(*row)


AUTOMATIC_FROM = """select count(*) as found from mail_messages m
 where m.company_id = $1 and m.channel_id = $2
   and m.sender = $3 and m.automatic and m.stored_at > now() - interval '1 hour'"""


async def automatic_from(conn: Reader, *, company_id: int, channel_id: int, sender: str | None) -> int | None:
    """How many automatic messages came from this address during the last hour."""
    result: int | None = await conn.fetchval(AUTOMATIC_FROM, company_id, channel_id, sender)
    return result


TICKETS_OF_IDS = """select i.name, t.ticket_id
  from unnest($1::text[]) as i (name)
 cross join lateral (
    select c.ticket_id
      from mail_messages m
      join incoming_messages k on k.company_id = $2 and k.channel_id = $3
           and k.message_id = m.name
      join comments c on c.company_id = $2 and c.id = k.comment_id
     where m.company_id = $2 and m.channel_id = $3 and m.message_id = i.name
    union all
    select d.ticket_id
      from delivery_names n
      join deliveries d on d.company_id = $2 and d.id = n.delivery_id
     where n.company_id = $2 and n.channel_id = $3
       and n.name = 'message:' || i.name and d.ticket_id is not null
     limit 1) t"""


async def tickets_of_ids(
    conn: Reader, *, message_ids: Collection[str], company_id: int, channel_id: int
) -> list[TicketsOfIdsRow]:
    """The tickets in which messages with these ids stand: those that came to the channel and those that it sent."""
    return [TicketsOfIdsRow(*row) for row in await conn.fetch(TICKETS_OF_IDS, message_ids, company_id, channel_id)]


TICKET_EXISTS = """select exists(select 1 from tickets t where t.company_id = $1 and t.id = $2) as found"""


async def ticket_exists(conn: Reader, *, company_id: int, ticket_id: int) -> bool | None:
    result: bool | None = await conn.fetchval(TICKET_EXISTS, company_id, ticket_id)
    return result


TAKES_PART = """select exists(
           select 1 from tickets t
             join client_contacts k on k.company_id = $1 and k.client_id = t.client_id and k.kind = 'email'
            where t.company_id = $1 and t.id = $2 and k.value = $3::text)
    or exists(
           select 1 from comments c
            where c.company_id = $1 and c.ticket_id = $2
              and $3::text = any(select lower(x) from unnest(c.cc) as x)) as found"""


async def takes_part(conn: Reader, *, company_id: int, ticket_id: int, address: str) -> bool | None:
    """Whether the address belongs to the ticket's client or got a copy of any of its comments."""
    result: bool | None = await conn.fetchval(TAKES_PART, company_id, ticket_id, address)
    return result


IS_COPIED = """select exists(
           select 1 from comments c
            where c.company_id = $1 and c.id = $2
              and $3::text = any(select lower(x) from unnest(c.cc || c.bcc) as x)) as found"""


async def is_copied(conn: Reader, *, company_id: int, comment_id: int, address: str) -> bool | None:
    """Whether the address only got a copy of a comment."""
    result: bool | None = await conn.fetchval(IS_COPIED, company_id, comment_id, address)
    return result


TAKEN_AS = """select i.comment_id from incoming_messages i
 where i.company_id = $1 and i.channel_id = $2 and i.message_id = $3"""


async def taken_as(conn: Reader, *, company_id: int, channel_id: int, name: str) -> int | None:
    """The comment that a message became."""
    result: int | None = await conn.fetchval(TAKEN_AS, company_id, channel_id, name)
    return result


THREAD_OF = """select t.message_id, t.came
  from (select m.message_id, true as came, c.id as comment_id
          from comments c
          join incoming_messages i on i.company_id = $1 and i.comment_id = c.id
               and i.channel_id = $2
          join mail_messages m on m.company_id = $1 and m.channel_id = $2
               and m.name = i.message_id
         where c.company_id = $1 and c.ticket_id = $3 and m.message_id is not null
        union all
        select substr(n.name, 9), false, d.comment_id
          from deliveries d
          join delivery_names n on n.company_id = $1 and n.delivery_id = d.id
         where d.company_id = $1 and d.ticket_id = $3
           and d.channel_id = $2 and d.kind = 'message' and n.name like 'message:%') t
 where t.comment_id < $4
 order by t.comment_id, t.came desc"""


async def thread_of(
    conn: Reader, *, company_id: int, channel_id: int, ticket_id: int, before_comment_id: int
) -> list[ThreadOfRow]:
    """The ids of a ticket's messages in this channel, oldest first. `came`: it came from outside."""
    return [
        ThreadOfRow(*row) for row in await conn.fetch(THREAD_OF, company_id, channel_id, ticket_id, before_comment_id)
    ]


PICTURE = """select p.key from mail_pictures p where p.company_id = $1 and p.hash = $2"""


async def picture(conn: Reader, *, company_id: int, hash: str) -> str | None:
    result: str | None = await conn.fetchval(PICTURE, company_id, hash)
    return result


KEEP_PICTURE = """insert into mail_pictures (company_id, hash, key) values ($1, $2, $3)
on conflict (company_id, hash) do update set hash = excluded.hash
returning key"""


async def keep_picture(conn: Conn, *, company_id: int, hash: str, key: str) -> str | None:
    """The key under which the picture is kept: another may have been first."""
    result: str | None = await conn.fetchval(KEEP_PICTURE, company_id, hash, key)
    return result


TAKE_TURN = """select t.allowed from take_turn($1, $2, $3::interval) as t"""


async def take_turn(conn: Reader, *, key: str, turns: int, per: timedelta) -> bool | None:
    """One more of `turns` in `per`."""
    result: bool | None = await conn.fetchval(TAKE_TURN, key, turns, per)
    return result

"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from pult.kit.db import Conn, Reader


class CallerRow(msgspec.Struct, frozen=True):
    company_id: int
    channel_id: int
    config_version: int


class LockTicketRow(msgspec.Struct, frozen=True):
    id: int
    subject: str
    status: int
    type: int
    priority: int
    client_id: int
    channel_id: int
    group_id: int | None
    assignee_id: int | None
    current: bool
    client_known: bool


class TagsAndFieldsRow(msgspec.Struct, frozen=True):
    tags: str
    fields: str


class InsertTicketRow(msgspec.Struct, frozen=True):
    ticket_id: int
    comment_id: int


class TakeTurnRow(msgspec.Struct, frozen=True):
    allowed: bool | None
    retry_after: int


CALLER = """select k.company_id, k.channel_id, c.config_version
  from api_tokens k
  join companies c on c.id = k.company_id
  join channels h on h.company_id = k.company_id and h.id = k.channel_id
 where k.hash = $1 and h.active"""


async def caller(conn: Reader, *, hash: bytes) -> CallerRow | None:
    """Whose token this is, and which version the company's configuration has."""
    row = await conn.fetchrow(CALLER, hash)
    return None if row is None else CallerRow(*row)


CONFIG_VERSION = """select config_version from companies where id = $1"""


async def config_version(conn: Reader, *, company_id: int) -> int | None:
    result: int | None = await conn.fetchval(CONFIG_VERSION, company_id)
    return result


CONFIGURATION = """select json_build_object(
    'company_id', c.id,
    'version', c.config_version,
    'channels', (
        select coalesce(json_object_agg(h.id, json_build_object(
            'id', h.id, 'type', h.type, 'name', h.name, 'group_id', h.group_id, 'email', h.email,
            'hook', case when h.type = 'api' and h.settings -> 'adapter' ->> 'webhook_url' is not null then json_build_object(
                'events', h.settings -> 'adapter' -> 'events', 'watch', h.settings -> 'adapter' -> 'watch',
                'statuses', coalesce(h.settings -> 'adapter' -> 'statuses', '[]')) end,
            'default_agent', h.settings -> 'adapter' -> 'default_agent',
            'delivered_within', coalesce(h.settings -> 'adapter' -> 'delivered_within', '3'),
            'claim_delivered', coalesce(h.settings -> 'adapter' -> 'claim_delivered', 'false')) order by h.id), '{}')
          from channels h where h.company_id = $1 and h.active),
    'groups', (
        select coalesce(json_object_agg(g.id, json_build_object('id', g.id, 'name', g.name) order by g.id), '{}')
          from groups g where g.company_id = $1 and g.active),
    'agents', (
        select coalesce(json_object_agg(a.id, json_build_object(
            'id', a.id, 'name', a.name, 'email', a.email, 'role', a.role,
            'default_group_id', a.default_group_id, 'restricted', a.restricted,
            'groups', (
                select coalesce(json_agg(m.group_id order by m.group_id), '[]')
                  from group_members m where m.company_id = $1 and m.agent_id = a.id),
            'access', (
                select coalesce(json_object_agg(r.channel_id, r.access), '{}')
                  from agent_channels r where r.company_id = $1 and r.agent_id = a.id)) order by a.id), '{}')
          from agents a where a.company_id = $1 and a.active),
    'fields', (
        select coalesce(json_object_agg(f.id, json_build_object(
            'id', f.id, 'name', f.name, 'kind', f.kind, 'parent_field_id', f.parent_field_id, 'add_tag', f.add_tag,
            'options', (
                select coalesce(json_agg(json_build_object(
                    'id', o.id, 'value', o.value, 'parent_option_id', o.parent_option_id) order by o.position, o.id), '[]')
                  from field_options o
                 where o.company_id = $1 and o.field_id = f.id and o.active)) order by f.position, f.id), '{}')
          from fields f where f.company_id = $1 and f.active),
    'field_ids', (
        select coalesce(json_agg(f.id order by f.id), '[]') from fields f where f.company_id = $1),
    'triggers', (
        select coalesce(json_agg(r.id order by r.id), '[]')
          from triggers r where r.company_id = $1 and r.active))::text as configuration
  from companies c
 where c.id = $1"""


async def configuration(conn: Reader, *, company_id: int) -> str | None:
    """All that a process keeps in memory of a company, as one JSON text."""
    result: str | None = await conn.fetchval(CONFIGURATION, company_id)
    return result


INSTALLATION_SECRET = """select secret from installations"""


async def installation_secret(conn: Reader) -> bytes | None:
    """What signs the file links of this installation."""
    result: bytes | None = await conn.fetchval(INSTALLATION_SECRET)
    return result


LOCK_TICKET = """select t.id, t.subject, t.status, t.type, t.priority, t.client_id, t.channel_id, t.group_id, t.assignee_id,
       exists(
           select 1 from companies c
            where c.id = $1 and c.config_version = $2
              and ($3::bytea is null or exists(
                  select 1 from api_tokens k where k.hash = $3 and k.company_id = $1)))
           as current,
       exists(
           select 1 from clients l
            where l.company_id = $1 and l.id = $4::integer) as client_known
  from tickets t
 where t.company_id = $1 and t.id = $5
   for no key update of t"""


async def lock_ticket(
    conn: Conn,
    *,
    company_id: int,
    config_version: int,
    token_hash: bytes | None,
    new_client_id: int | None,
    ticket_id: int,
) -> LockTicketRow | None:
    """The ticket, held until the end of the unit of work, if the caller is still who it was."""
    row = await conn.fetchrow(LOCK_TICKET, company_id, config_version, token_hash, new_client_id, ticket_id)
    return None if row is None else LockTicketRow(*row)


STILL_CURRENT = """select exists(
    select 1 from companies c
     where c.id = $1 and c.config_version = $2
       and ($3::bytea is null or exists(
           select 1 from api_tokens k where k.hash = $3 and k.company_id = $1)))
    as current"""


async def still_current(conn: Reader, *, company_id: int, config_version: int, token_hash: bytes | None) -> bool | None:
    """Whether the caller is still who it was; asked where nothing else was found that could say so."""
    result: bool | None = await conn.fetchval(STILL_CURRENT, company_id, config_version, token_hash)
    return result


TAGS_AND_FIELDS = """select coalesce((
           select json_object_agg(g.name, x.field_id)
             from ticket_tags x join tags g on g.company_id = $1 and g.id = x.tag_id
            where x.company_id = $1 and x.ticket_id = $2), '{}')::text as tags,
       coalesce((
           select json_object_agg(v.field_id, v.value)
             from ticket_fields v
            where v.company_id = $1 and v.ticket_id = $2), '{}')::text as fields"""


async def tags_and_fields(conn: Reader, *, company_id: int, ticket_id: int) -> TagsAndFieldsRow | None:
    """Read after the lock: a statement that waited for the lock would show what was there before it waited."""
    row = await conn.fetchrow(TAGS_AND_FIELDS, company_id, ticket_id)
    return None if row is None else TagsAndFieldsRow(*row)


SAVE_TICKET = """with changed as (
    update tickets
       set subject = $8, status = $9, type = $10,
           priority = $11, client_id = $12, group_id = $13,
           assignee_id = $14, updated_at = date_trunc('second', now()),
           filled = coalesce($15, filled)
     where company_id = $1 and id = $2
), reworded as (
    update search_documents
       set words = to_tsvector('russian', $8)
     where company_id = $1 and ticket_id = $2 and comment_id = 0
       and $16::boolean
)
insert into changes (company_id, ticket_id, agent_id, trigger_id, data, old_status, new_status, changed_at)
values ($1, $2, $3, $4,
        $5::jsonb, $6, $7, date_trunc('second', now()))
returning id"""


async def save_ticket(
    conn: Conn,
    *,
    company_id: int,
    ticket_id: int,
    agent_id: int | None,
    trigger_id: int | None,
    data: str,
    old_status: int,
    new_status: int,
    subject: str,
    status: int,
    type: int,
    priority: int,
    client_id: int,
    group_id: int | None,
    assignee_id: int | None,
    filled: int | None,
    subject_changed: bool,
) -> int | None:
    """A changed ticket with its history row, whose id is answered; tags and fields are other statements, sent only when they changed."""
    result: int | None = await conn.fetchval(
        SAVE_TICKET,
        company_id,
        ticket_id,
        agent_id,
        trigger_id,
        data,
        old_status,
        new_status,
        subject,
        status,
        type,
        priority,
        client_id,
        group_id,
        assignee_id,
        filled,
        subject_changed,
    )
    return result


ADD_TAGS = """insert into ticket_tags (company_id, ticket_id, tag_id, field_id)
select $1, $2, g.id, nullif(w.field_id, 0)
  from unnest($3::text[], $4::integer[]) as w (name, field_id)
  join tags g on g.company_id = $1 and g.name = w.name
on conflict (company_id, ticket_id, tag_id) do nothing"""


async def add_tags(
    conn: Conn, *, company_id: int, ticket_id: int, names: Collection[str], field_ids: Collection[int]
) -> int:
    """Tags that the company has, by name; `field_ids` holds 0 for a tag set by hand."""
    return int((await conn.execute(ADD_TAGS, company_id, ticket_id, names, field_ids)).rpartition(" ")[2])


MAKE_TAGS = """insert into tags (company_id, name)
select $1, w.name from unnest($2::text[]) as w (name)
 order by w.name
on conflict (company_id, name) do nothing"""


async def make_tags(conn: Conn, *, company_id: int, names: Collection[str]) -> None:
    """In the order of their names, so that nobody waits for whom it keeps waiting; "do nothing" locks no tag that others use."""
    await conn.execute(MAKE_TAGS, company_id, names)


REMOVE_TAGS = """delete from ticket_tags x
 using tags g
 where x.company_id = $1 and x.ticket_id = $2
   and g.company_id = $1 and g.id = x.tag_id and g.name = any($3::text[])"""


async def remove_tags(conn: Conn, *, company_id: int, ticket_id: int, names: Collection[str]) -> None:
    await conn.execute(REMOVE_TAGS, company_id, ticket_id, names)


SET_FIELDS = """insert into ticket_fields (company_id, ticket_id, field_id, value)
select $1, $2, w.field_id, w.value
  from unnest($3::integer[], $4::text[]) as w (field_id, value)
on conflict (company_id, ticket_id, field_id) do update set value = excluded.value"""


async def set_fields(
    conn: Conn, *, company_id: int, ticket_id: int, field_ids: Collection[int], given_values: Collection[str]
) -> None:
    await conn.execute(SET_FIELDS, company_id, ticket_id, field_ids, given_values)


CLEAR_FIELDS = """delete from ticket_fields
 where company_id = $1 and ticket_id = $2
   and field_id = any($3::integer[])"""


async def clear_fields(conn: Conn, *, company_id: int, ticket_id: int, field_ids: Collection[int]) -> None:
    await conn.execute(CLEAR_FIELDS, company_id, ticket_id, field_ids)


INSERT_TICKET = """with ticket as (
    insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, group_id, assignee_id,
                         created_at, updated_at, email, additional_id, filled)
    values ($1, $2, $3, $4, $5,
            $6, $7, $8, $9,
            date_trunc('second', now()), date_trunc('second', now()), $10, $11,
            $12)
    returning id
), comment as (
    insert into comments (company_id, ticket_id, author, visibility, agent_id, client_id, trigger_id, is_first,
                          created_at, cc, message, original)
    select $1, t.id, $13, $14, $15,
           $16, $17, true, date_trunc('second', now()),
           $18::text[], $19, $20
      from ticket t
    returning id
), history as (
    insert into changes (company_id, ticket_id, agent_id, trigger_id, data, old_status, new_status, changed_at)
    select $1, t.id, $15, $17, '[]', 0, $3,
           date_trunc('second', now())
      from ticket t
), words as (
    insert into search_documents (company_id, ticket_id, comment_id, words)
    select $1, t.id, d.comment_id, d.words
      from ticket t, (
          select 0::bigint as comment_id, to_tsvector('russian', $2) as words
          union all
          select c.id, to_tsvector('russian', $21) from comment c) d
)
select t.id as ticket_id, c.id as comment_id from ticket t, comment c"""


async def insert_ticket(
    conn: Conn,
    *,
    company_id: int,
    subject: str,
    status: int,
    type: int,
    priority: int,
    client_id: int,
    channel_id: int,
    group_id: int | None,
    assignee_id: int | None,
    email: str | None,
    additional_id: str | None,
    filled: int,
    author: str,
    visibility: str,
    agent_id: int | None,
    comment_client_id: int | None,
    trigger_id: int | None,
    cc: Collection[str],
    message: str,
    original: str | None,
    message_text: str,
) -> InsertTicketRow | None:
    """A ticket with its first comment, its creation row in the history and its search documents, all in one statement."""
    row = await conn.fetchrow(
        INSERT_TICKET,
        company_id,
        subject,
        status,
        type,
        priority,
        client_id,
        channel_id,
        group_id,
        assignee_id,
        email,
        additional_id,
        filled,
        author,
        visibility,
        agent_id,
        comment_client_id,
        trigger_id,
        cc,
        message,
        original,
        message_text,
    )
    return None if row is None else InsertTicketRow(*row)


INSERT_COMMENT = """with comment as (
    insert into comments (company_id, ticket_id, author, visibility, agent_id, client_id, trigger_id, created_at, cc,
                          message, original)
    values ($1, $2, $3, $4,
            $5, $6, $7, date_trunc('second', now()),
            $8::text[], $9, $10)
    returning id
), touched as (
    update tickets set updated_at = date_trunc('second', now())
     where company_id = $1 and id = $2
), words as (
    insert into search_documents (company_id, ticket_id, comment_id, words)
    select $1, $2, c.id, to_tsvector('russian', $11)
      from comment c
)
select c.id from comment c"""


async def insert_comment(
    conn: Conn,
    *,
    company_id: int,
    ticket_id: int,
    author: str,
    visibility: str,
    agent_id: int | None,
    client_id: int | None,
    trigger_id: int | None,
    cc: Collection[str],
    message: str,
    original: str | None,
    message_text: str,
) -> int | None:
    """A further comment of a ticket that the unit of work holds, with its search document."""
    result: int | None = await conn.fetchval(
        INSERT_COMMENT,
        company_id,
        ticket_id,
        author,
        visibility,
        agent_id,
        client_id,
        trigger_id,
        cc,
        message,
        original,
        message_text,
    )
    return result


ADD_MENTIONS = """insert into comment_mentions (company_id, comment_id, agent_id)
select $1, $2, unnest($3::integer[])"""


async def add_mentions(conn: Conn, *, company_id: int, comment_id: int, agent_ids: Collection[int]) -> None:
    await conn.execute(ADD_MENTIONS, company_id, comment_id, agent_ids)


ADD_FILES = """insert into files (company_id, comment_id, name, type, size, key)
select $1, $2, f.name, f.type, f.size, f.key
  from unnest($3::text[], $4::text[], $5::bigint[], $6::text[])
       as f (name, type, size, key)"""


async def add_files(
    conn: Conn,
    *,
    company_id: int,
    comment_id: int,
    names: Collection[str],
    types: Collection[str],
    sizes: Collection[int],
    keys: Collection[str],
) -> None:
    await conn.execute(ADD_FILES, company_id, comment_id, names, types, sizes, keys)


TAG_IDS = """select g.id from tags g
 where g.company_id = $1
   and (g.name = any($2::text[]) or g.id = any($3::integer[]))"""


async def tag_ids(conn: Reader, *, company_id: int, names: Collection[str], ids: Collection[int]) -> list[int]:
    """Tags by name, or by id where the text is a number."""
    return [row[0] for row in await conn.fetch(TAG_IDS, company_id, names, ids)]


TAKE_TURN = """select t.allowed, coalesce(ceil(extract(epoch from t.retry_after)), 0)::integer as retry_after
  from take_turn($1, $2, $3::interval) as t"""


async def take_turn(conn: Reader, *, key: str, turns: int, per: timedelta) -> TakeTurnRow | None:
    """One more of `turns` in `per`; when not allowed, in how many seconds the next will be."""
    row = await conn.fetchrow(TAKE_TURN, key, turns, per)
    return None if row is None else TakeTurnRow(*row)

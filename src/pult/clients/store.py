"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from pult.kit.db import Conn, Reader


class FindForTicketRow(msgspec.Struct, frozen=True):
    current: bool
    by_id: int | None
    owners: str
    email: str | None


class InsertClientRow(msgspec.Struct, frozen=True):
    id: int
    contacts: int


FIND_FOR_TICKET = """select exists(
           select 1 from companies c
            where c.id = $1 and c.config_version = $2
              and ($3::bytea is null or exists(
                  select 1 from api_tokens k where k.hash = $3 and k.company_id = $1)))
           as current,
       (select l.id from clients l
         where l.company_id = $1 and l.id = $4::integer) as by_id,
       coalesce((
           select json_object_agg(o.kind || ':' || o.value, o.client_id)
             from client_contacts o
             join unnest($5::text[], $6::text[]) as w (kind, value)
               on w.kind = o.kind and w.value = o.value
            where o.company_id = $1), '{}')::text as owners,
       (select o.shown from client_contacts o
         where o.company_id = $1 and o.client_id = $4::integer
           and o.kind = 'email' order by o.id limit 1) as email"""


async def find_for_ticket(
    conn: Reader,
    *,
    company_id: int,
    config_version: int,
    token_hash: bytes | None,
    client_id: int | None,
    kinds: Collection[str],
    contact_values: Collection[str],
) -> FindForTicketRow | None:
    """Who is meant: the client by id, or the owners of contacts; and whether the caller is still who it was."""
    row = await conn.fetchrow(FIND_FOR_TICKET, company_id, config_version, token_hash, client_id, kinds, contact_values)
    return None if row is None else FindForTicketRow(*row)


INSERT_CLIENT = """with client as (
    insert into clients (company_id, name) values ($1, $2) returning id
), contact as (
    insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
    select $1, c.id, w.kind, w.value, w.shown, nullif(w.phone_type, '')
      from client c,
           unnest($3::text[], $4::text[], $5::text[],
                  $6::text[]) as w (kind, value, shown, phone_type)
     order by w.kind, w.value
    on conflict (company_id, kind, value) do nothing
    returning id
)
select c.id, (select count(*) from contact) as contacts from client c"""


async def insert_client(
    conn: Conn,
    *,
    company_id: int,
    name: str,
    kinds: Collection[str],
    contact_values: Collection[str],
    shown: Collection[str],
    phone_types: Collection[str],
) -> InsertClientRow | None:
    """A client with contacts; `contacts` says how many of them are really the new client's: fewer than given means that
    another unit of work was first with one of them, and this one must be done again."""
    row = await conn.fetchrow(INSERT_CLIENT, company_id, name, kinds, contact_values, shown, phone_types)
    return None if row is None else InsertClientRow(*row)


ADD_CONTACTS = """insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
select $1, $2, w.kind, w.value, w.shown, nullif(w.phone_type, '')
  from unnest($3::text[], $4::text[], $5::text[], $6::text[])
       as w (kind, value, shown, phone_type)
 order by w.kind, w.value
on conflict (company_id, kind, value) do nothing
returning id"""


async def add_contacts(
    conn: Conn,
    *,
    company_id: int,
    client_id: int,
    kinds: Collection[str],
    contact_values: Collection[str],
    shown: Collection[str],
    phone_types: Collection[str],
) -> list[int]:
    """Contacts that the company does not know yet; what is returned was added. A contact that another unit of work added
    meanwhile is not returned: it has an owner now."""
    return [
        row[0]
        for row in await conn.fetch(ADD_CONTACTS, company_id, client_id, kinds, contact_values, shown, phone_types)
    ]


NAME_NAMELESS = """update clients set name = $1
 where company_id = $2 and id = $3 and name = ''"""


async def name_nameless(conn: Conn, *, name: str, company_id: int, client_id: int) -> None:
    """A name for a client who has none; a known client keeps the name that the desk knows."""
    await conn.execute(NAME_NAMELESS, name, company_id, client_id)


ATTACH_COMPANY = """with target as (
    select c.id from client_companies c
     where c.company_id = $1 and c.name = $2
), attached as (
    update clients l
       set client_company_id = t.id
      from target t
     where l.company_id = $1 and l.id = $3
       and l.client_company_id is distinct from t.id
)
select exists(select 1 from target) as found"""


async def attach_company(conn: Conn, *, company_id: int, name: str, client_id: int) -> bool | None:
    """The client's company by name, if there is one; whoever was attached elsewhere is re-attached."""
    result: bool | None = await conn.fetchval(ATTACH_COMPANY, company_id, name, client_id)
    return result


MAKE_COMPANY = """insert into client_companies (company_id, name) values ($1, $2)
on conflict (company_id, name) do nothing"""


async def make_company(conn: Conn, *, company_id: int, name: str) -> None:
    await conn.execute(MAKE_COMPANY, company_id, name)


ADD_ADDRESS = """insert into client_addresses (company_id, client_id, country, city, address)
values ($1, $2, $3, $4, $5)"""


async def add_address(conn: Conn, *, company_id: int, client_id: int, country: str, city: str, address: str) -> None:
    await conn.execute(ADD_ADDRESS, company_id, client_id, country, city, address)


COMPLETE_FIRST_ADDRESS = """update client_addresses a
   set country = coalesce(nullif($1::text, ''), a.country),
       city = coalesce(nullif($2::text, ''), a.city),
       address = coalesce(nullif($3::text, ''), a.address)
 where a.company_id = $4
   and a.id = (
       select min(b.id) from client_addresses b
        where b.company_id = $4 and b.client_id = $5)"""


async def complete_first_address(
    conn: Conn, *, country: str, city: str, address: str, company_id: int, client_id: int
) -> int:
    """What is given of an address replaces that part of the client's first one."""
    return int(
        (await conn.execute(COMPLETE_FIRST_ADDRESS, country, city, address, company_id, client_id)).rpartition(" ")[2]
    )

"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from pult.kit.db import Conn, Reader


class CompanyRow(msgspec.Struct, frozen=True):
    id: int
    name: str
    timezone: str
    language: str


class ClientCompanyRow(msgspec.Struct, frozen=True):
    id: int
    name: str


class ClientRow(msgspec.Struct, frozen=True):
    id: int
    key: str | None
    name: str
    client_company_id: int | None


class ContactRow(msgspec.Struct, frozen=True):
    id: int
    client_id: int
    kind: str
    value: str
    phone_type: str | None


class ScheduleRow(msgspec.Struct, frozen=True):
    id: int
    key: str
    definition: str


class RuleRow(msgspec.Struct, frozen=True):
    id: int
    key: str
    name: str
    position: int
    definition: str
    active: bool


TAKE_TURN_TO_CONFIGURE = """select pg_advisory_xact_lock(hashtext('pult configuration'))::text as taken"""


async def take_turn_to_configure(conn: Conn) -> None:
    """What only a desk file asks: companies, the clients that it names, and rules as they were configured.
    Held until the end of the transaction: two desk files are brought in one after the other, in the whole installation."""
    await conn.execute(TAKE_TURN_TO_CONFIGURE)


ANY_COMPANY = """select id from companies order by id limit 1"""


async def any_company(conn: Reader) -> int | None:
    result: int | None = await conn.fetchval(ANY_COMPANY)
    return result


COMPANY_BY_KEY = """select id, name, timezone, language from companies where key = $1"""


async def company_by_key(conn: Reader, *, key: str) -> CompanyRow | None:
    row = await conn.fetchrow(COMPANY_BY_KEY, key)
    return None if row is None else CompanyRow(*row)


INSERT_COMPANY = """insert into companies (key, name) values ($1, $2) returning id"""


async def insert_company(conn: Conn, *, key: str, name: str) -> int:
    row = await conn.fetchrow(INSERT_COMPANY, key, name)
    if row is None:
        raise LookupError("insert_company: no row")
    result: int = row[0]
    return result


UPDATE_COMPANY = """update companies set name = $1, timezone = $2, language = $3
 where id = $4"""


async def update_company(conn: Conn, *, name: str, timezone: str, language: str, id: int) -> None:
    await conn.execute(UPDATE_COMPANY, name, timezone, language, id)


MOVE_VERSION = """update companies set config_version = config_version + 1 where id = $1"""


async def move_version(conn: Conn, *, id: int) -> None:
    """Whoever keeps the company's configuration in memory reads it again."""
    await conn.execute(MOVE_VERSION, id)


CLIENT_COMPANIES_NAMED = """select id, name from client_companies
 where company_id = $1 and name = any($2::text[]) order by id"""


async def client_companies_named(conn: Reader, *, company_id: int, names: Collection[str]) -> list[ClientCompanyRow]:
    return [ClientCompanyRow(*row) for row in await conn.fetch(CLIENT_COMPANIES_NAMED, company_id, names)]


INSERT_CLIENT_COMPANY = """insert into client_companies (company_id, name) values ($1, $2)
on conflict (company_id, name) do update set name = excluded.name
returning id"""


async def insert_client_company(conn: Conn, *, company_id: int, name: str) -> int:
    """One that somebody else is making just now is waited for, and taken."""
    row = await conn.fetchrow(INSERT_CLIENT_COMPANY, company_id, name)
    if row is None:
        raise LookupError("insert_client_company: no row")
    result: int = row[0]
    return result


CLIENTS_KNOWN = """select l.id, l.key, l.name, l.client_company_id
  from clients l
 where l.company_id = $1
   and (l.key = any($2::text[])
        or l.id in (
            select o.client_id
              from client_contacts o
              join unnest($3::text[], $4::text[]) as w (kind, value)
                on w.kind = o.kind and w.value = o.value
             where o.company_id = $1))
 order by l.id"""


async def clients_known(
    conn: Reader, *, company_id: int, keys: Collection[str], kinds: Collection[str], contact_values: Collection[str]
) -> list[ClientRow]:
    """The clients with one of these keys or contacts."""
    return [ClientRow(*row) for row in await conn.fetch(CLIENTS_KNOWN, company_id, keys, kinds, contact_values)]


CONTACTS_KNOWN = """select o.id, o.client_id, o.kind, o.value, o.phone_type
  from client_contacts o
  join unnest($1::text[], $2::text[]) as w (kind, value)
    on w.kind = o.kind and w.value = o.value
 where o.company_id = $3
 order by o.id"""


async def contacts_known(
    conn: Reader, *, kinds: Collection[str], contact_values: Collection[str], company_id: int
) -> list[ContactRow]:
    """Those of these contacts that have an owner."""
    return [ContactRow(*row) for row in await conn.fetch(CONTACTS_KNOWN, kinds, contact_values, company_id)]


INSERT_CLIENT = """insert into clients (company_id, key, name) values ($1, $2, $3) returning id"""


async def insert_client(conn: Conn, *, company_id: int, key: str | None, name: str) -> int:
    row = await conn.fetchrow(INSERT_CLIENT, company_id, key, name)
    if row is None:
        raise LookupError("insert_client: no row")
    result: int = row[0]
    return result


UPDATE_CLIENT = """update clients
   set key = $1, name = $2, client_company_id = $3
 where company_id = $4 and id = $5"""


async def update_client(
    conn: Conn, *, key: str | None, name: str, client_company_id: int | None, company_id: int, id: int
) -> None:
    await conn.execute(UPDATE_CLIENT, key, name, client_company_id, company_id, id)


INSERT_CONTACT = """insert into client_contacts (company_id, client_id, kind, value, shown, phone_type)
values ($1, $2, $3, $4, $5,
        $6)
on conflict (company_id, kind, value) do nothing"""


async def insert_contact(
    conn: Conn, *, company_id: int, client_id: int, kind: str, value: str, shown: str, phone_type: str | None
) -> int:
    """0 rows: somebody else has it, since a moment ago."""
    return int(
        (await conn.execute(INSERT_CONTACT, company_id, client_id, kind, value, shown, phone_type)).rpartition(" ")[2]
    )


UPDATE_PHONE_TYPE = """update client_contacts set phone_type = $1
 where company_id = $2 and id = $3"""


async def update_phone_type(conn: Conn, *, phone_type: str | None, company_id: int, id: int) -> None:
    await conn.execute(UPDATE_PHONE_TYPE, phone_type, company_id, id)


SCHEDULES_OF = """select id, key, definition from schedules where company_id = $1 order by id"""


async def schedules_of(conn: Reader, *, company_id: int) -> list[ScheduleRow]:
    return [ScheduleRow(*row) for row in await conn.fetch(SCHEDULES_OF, company_id)]


INSERT_SCHEDULE = """insert into schedules (company_id, key, definition)
values ($1, $2, $3::jsonb) returning id"""


async def insert_schedule(conn: Conn, *, company_id: int, key: str, definition: str) -> int:
    row = await conn.fetchrow(INSERT_SCHEDULE, company_id, key, definition)
    if row is None:
        raise LookupError("insert_schedule: no row")
    result: int = row[0]
    return result


UPDATE_SCHEDULE = """update schedules set definition = $1::jsonb
 where company_id = $2 and id = $3"""


async def update_schedule(conn: Conn, *, definition: str, company_id: int, id: int) -> None:
    await conn.execute(UPDATE_SCHEDULE, definition, company_id, id)


DELETE_SCHEDULE = """delete from schedules where company_id = $1 and id = $2"""


async def delete_schedule(conn: Conn, *, company_id: int, id: int) -> None:
    await conn.execute(DELETE_SCHEDULE, company_id, id)


SLAS_OF = """select id, key, name, position, definition, active from slas where company_id = $1 order by id"""


async def slas_of(conn: Reader, *, company_id: int) -> list[RuleRow]:
    return [RuleRow(*row) for row in await conn.fetch(SLAS_OF, company_id)]


INSERT_SLA = """insert into slas (company_id, key, name, position, definition)
values ($1, $2, $3, $4, $5::jsonb)
returning id"""


async def insert_sla(conn: Conn, *, company_id: int, key: str, name: str, position: int, definition: str) -> int:
    row = await conn.fetchrow(INSERT_SLA, company_id, key, name, position, definition)
    if row is None:
        raise LookupError("insert_sla: no row")
    result: int = row[0]
    return result


UPDATE_SLA = """update slas set name = $1, position = $2, definition = $3::jsonb,
                active = $4
 where company_id = $5 and id = $6"""


async def update_sla(
    conn: Conn, *, name: str, position: int, definition: str, active: bool, company_id: int, id: int
) -> None:
    await conn.execute(UPDATE_SLA, name, position, definition, active, company_id, id)


TRIGGERS_OF = """select id, key, name, position, definition, active from triggers where company_id = $1 order by id"""


async def triggers_of(conn: Reader, *, company_id: int) -> list[RuleRow]:
    return [RuleRow(*row) for row in await conn.fetch(TRIGGERS_OF, company_id)]


INSERT_TRIGGER = """insert into triggers (company_id, key, name, position, definition)
values ($1, $2, $3, $4, $5::jsonb)
returning id"""


async def insert_trigger(conn: Conn, *, company_id: int, key: str, name: str, position: int, definition: str) -> int:
    row = await conn.fetchrow(INSERT_TRIGGER, company_id, key, name, position, definition)
    if row is None:
        raise LookupError("insert_trigger: no row")
    result: int = row[0]
    return result


UPDATE_TRIGGER = """update triggers set name = $1, position = $2, definition = $3::jsonb,
                    active = $4
 where company_id = $5 and id = $6"""


async def update_trigger(
    conn: Conn, *, name: str, position: int, definition: str, active: bool, company_id: int, id: int
) -> None:
    await conn.execute(UPDATE_TRIGGER, name, position, definition, active, company_id, id)

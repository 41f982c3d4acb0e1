"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pult.kit.db import Conn, Reader


class FieldRow(msgspec.Struct, frozen=True):
    id: int
    key: str | None
    name: str
    kind: str
    parent_field_id: int | None
    position: int
    add_tag: bool
    active: bool


class OptionRow(msgspec.Struct, frozen=True):
    id: int
    field_id: int
    parent_option_id: int | None
    value: str
    position: int
    active: bool


FIELDS_OF = """select id, key, name, kind, parent_field_id, position, add_tag, active
  from fields where company_id = $1 order by id"""


async def fields_of(conn: Reader, *, company_id: int) -> list[FieldRow]:
    """Additional fields and their options: what configures them. Their values: pult.tickets.
    All fields of a company, those that are out of use too; of a nested list each level is one."""
    return [FieldRow(*row) for row in await conn.fetch(FIELDS_OF, company_id)]


INSERT_FIELD = """insert into fields (company_id, key, name, kind, parent_field_id, position, add_tag)
values ($1, $2, $3, $4, $5,
        $6, $7)
returning id"""


async def insert_field(
    conn: Conn,
    *,
    company_id: int,
    key: str | None,
    name: str,
    kind: str,
    parent_field_id: int | None,
    position: int,
    add_tag: bool,
) -> int:
    row = await conn.fetchrow(INSERT_FIELD, company_id, key, name, kind, parent_field_id, position, add_tag)
    if row is None:
        raise LookupError("insert_field: no row")
    result: int = row[0]
    return result


UPDATE_FIELD = """update fields
   set key = $1, name = $2, position = $3, add_tag = $4,
       active = $5
 where company_id = $6 and id = $7"""


async def update_field(
    conn: Conn, *, key: str | None, name: str, position: int, add_tag: bool, active: bool, company_id: int, id: int
) -> None:
    """A field's kind and its place under another stay what they were made with."""
    await conn.execute(UPDATE_FIELD, key, name, position, add_tag, active, company_id, id)


OPTIONS_OF = """select id, field_id, parent_option_id, value, position, active
  from field_options where company_id = $1 order by id"""


async def options_of(conn: Reader, *, company_id: int) -> list[OptionRow]:
    """All options of a company's fields, those that are out of use too."""
    return [OptionRow(*row) for row in await conn.fetch(OPTIONS_OF, company_id)]


INSERT_OPTION = """insert into field_options (company_id, field_id, parent_option_id, value, position)
values ($1, $2, $3, $4, $5)
returning id"""


async def insert_option(
    conn: Conn, *, company_id: int, field_id: int, parent_option_id: int | None, value: str, position: int
) -> int:
    row = await conn.fetchrow(INSERT_OPTION, company_id, field_id, parent_option_id, value, position)
    if row is None:
        raise LookupError("insert_option: no row")
    result: int = row[0]
    return result


UPDATE_OPTION = """update field_options set position = $1, active = $2
 where company_id = $3 and id = $4"""


async def update_option(conn: Conn, *, position: int, active: bool, company_id: int, id: int) -> None:
    await conn.execute(UPDATE_OPTION, position, active, company_id, id)

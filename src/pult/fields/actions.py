"""Verbs that configure additional fields: each brings one thing to what is wished and writes only what differs.

The caller holds the unit of work, and moves the company's `config_version` when anything was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pult.fields import store

if TYPE_CHECKING:
    from pult.kit.db import Conn


async def keep_field(conn: Conn, company_id: int, was: store.FieldRow | None, wished: store.FieldRow) -> store.FieldRow:
    """The field (or level) as wished, made when it `was` not; the answer has its id. Its kind never changes."""
    values = msgspec.structs.asdict(wished)
    if was is None:
        for field in ("id", "active"):
            values.pop(field)
        return msgspec.structs.replace(wished, id=await store.insert_field(conn, company_id=company_id, **values))
    if wished != was:
        for field in ("kind", "parent_field_id"):
            values.pop(field)
        await store.update_field(conn, company_id=company_id, **values)
    return wished


async def keep_option(
    conn: Conn, company_id: int, was: store.OptionRow | None, wished: store.OptionRow
) -> store.OptionRow:
    """The option as wished, made when it `was` not; one that comes back has its old id."""
    values = msgspec.structs.asdict(wished)
    if was is None:
        for field in ("id", "active"):
            values.pop(field)
        return msgspec.structs.replace(wished, id=await store.insert_option(conn, company_id=company_id, **values))
    if wished != was:
        await store.update_option(
            conn, company_id=company_id, id=was.id, position=wished.position, active=wished.active
        )
    return wished


async def retire_field(conn: Conn, company_id: int, field: store.FieldRow) -> bool:
    """Out of use, with its values kept where they are; whether that was new."""
    retired = await keep_field(conn, company_id, field, msgspec.structs.replace(field, active=False))
    return retired != field


async def retire_option(conn: Conn, company_id: int, option: store.OptionRow) -> bool:
    """Out of use: no ticket can get it any more; whether that was new."""
    retired = await keep_option(conn, company_id, option, msgspec.structs.replace(option, active=False))
    return retired != option

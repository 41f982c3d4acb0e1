"""Bring the database to what a desk file says, inside one transaction that the caller holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pult.deskfile import apply_clients, apply_fields, apply_rules, apply_staff, store
from pult.deskfile.applied import Applied
from pult.deskfile.parse import BadDocument
from pult.deskfile.prune import prune

if TYPE_CHECKING:
    from pult.deskfile.document import Document
    from pult.kit.db import Conn


async def apply(conn: Conn, document: Document, *, address: str, pruning: bool = False) -> Applied:
    """Match every object of the document with its row by key, make what is missing, change what differs.

    `address` is the desk's own, for links. `pruning`: what the document does not have goes out of use. Nothing is written
    where nothing differs. BadDocument: the database contradicts the document; Again: somebody was first with a contact;
    either way the caller must roll back.
    """
    await store.take_turn_to_configure(conn)
    applied = Applied(conn, document)
    await _company(applied)
    await apply_staff.groups(applied)
    found = await apply_staff.channels(applied)
    await apply_staff.agents(applied, address)
    await apply_staff.channel_settings(applied, found, address)
    await apply_fields.fields(applied)
    await apply_clients.clients(applied)
    await apply_rules.rules(applied)
    if pruning:
        await prune(applied)
    if applied.mistakes:
        raise BadDocument(applied.mistakes)
    if applied.changed:
        await store.move_version(conn, id=applied.company_id)
    return applied


async def _company(applied: Applied) -> None:
    wanted = applied.document.company
    was = await store.company_by_key(applied.conn, key=wanted.key)
    made = was is None
    if was is None:
        await store.insert_company(applied.conn, key=wanted.key, name=wanted.name or wanted.key)
        was = await store.company_by_key(applied.conn, key=wanted.key)
        if was is None:
            raise AssertionError("a company just made is there")
    wished = msgspec.structs.replace(
        was,
        name=wanted.name or was.name,
        timezone=wanted.timezone or was.timezone,
        language=wanted.language or was.language,
    )
    if wished != was:
        await store.update_company(applied.conn, **msgspec.structs.asdict(wished))
    applied.company_id = was.id
    applied.note("company", wanted.key, made=made, changed=wished != was)

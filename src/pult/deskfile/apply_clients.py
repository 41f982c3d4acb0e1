"""Clients of a desk file, brought to the database. They live: contacts are added, never taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pult.deskfile import store
from pult.deskfile.matching import match
from pult.deskfile.reading import shortened
from pult.kit.work import Again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.clients.model import Contact
    from pult.deskfile.applied import Applied
    from pult.deskfile.document import Client

Owned = dict[tuple[str, str], store.ContactRow]  # by kind and value


async def clients(applied: Applied) -> None:
    wanted = applied.document.clients
    companies = await _companies(applied)
    owned = await _owned(applied)
    rows = await store.clients_known(
        applied.conn, company_id=applied.company_id, keys=_keys(wanted), **_contacts(wanted)
    )
    found = match(
        wanted, rows, lambda client, row: any(_owner(owned, contact) == row.id for contact in client.contacts)
    )
    for client in wanted:
        was = found.get(client.key)
        row = await _keep(applied, client, was, companies)
        new_contacts = [await _contact(applied, client, row.id, contact, owned) for contact in client.contacts]
        applied.clients[client.key] = row.id
        applied.note("client", client.key, made=was is None, changed=row != was or any(new_contacts))


async def _companies(applied: Applied) -> dict[str, int]:
    """The companies that the file's clients work for, by name; made where there is none of that name."""
    conn, company_id = applied.conn, applied.company_id
    names = list(dict.fromkeys(client.company for client in applied.document.clients if client.company))
    rows = await store.client_companies_named(conn, company_id=company_id, names=names)
    known = {row.name: row.id for row in rows}
    for name in names:
        made = name not in known
        applied.client_companies[name] = (
            await store.insert_client_company(conn, company_id=company_id, name=name) if made else known[name]
        )
        applied.note("client company", name, made=made, changed=False)
    return applied.client_companies


async def _owned(applied: Applied) -> Owned:
    rows = await store.contacts_known(
        applied.conn, company_id=applied.company_id, **_contacts(applied.document.clients)
    )
    return {(row.kind, row.value): row for row in rows}


async def _keep(
    applied: Applied, client: Client, was: store.ClientRow | None, companies: Mapping[str, int]
) -> store.ClientRow:
    conn, company_id = applied.conn, applied.company_id
    before = was
    if before is None:
        client_id = await store.insert_client(conn, company_id=company_id, key=client.key, name=client.name)
        before = store.ClientRow(id=client_id, key=client.key, name=client.name, client_company_id=None)
    company = companies[client.company] if client.company else before.client_company_id
    wished = msgspec.structs.replace(before, key=client.key, name=client.name, client_company_id=company)
    if wished != before:
        await store.update_client(conn, company_id=company_id, **msgspec.structs.asdict(wished))
    return wished


async def _contact(applied: Applied, client: Client, client_id: int, contact: Contact, owned: Owned) -> bool:
    """The client has the contact; whether that was new."""
    conn, company_id = applied.conn, applied.company_id
    row = owned.get((contact.kind, contact.value))
    if row is not None and row.client_id == client_id:
        if contact.phone_type in {None, row.phone_type}:
            return False
        await store.update_phone_type(conn, company_id=company_id, id=row.id, phone_type=contact.phone_type)
        return True
    if row is not None:
        key = {"email": "emails", "phone": "phones"}.get(contact.kind, "messengers")
        text = f"{key} {shortened(contact.shown)}: belongs to client {row.client_id}"
        applied.wrong("client", client.key, text, key)
        return False
    added = await store.insert_contact(
        conn,
        company_id=company_id,
        client_id=client_id,
        kind=contact.kind,
        value=contact.value,
        shown=contact.shown,
        phone_type=contact.phone_type,
    )
    if not added:
        raise Again  # somebody has just written to the desk from there: that is the client whom the file means
    return True


def _owner(owned: Owned, contact: Contact) -> int | None:
    row = owned.get((contact.kind, contact.value))
    return row.client_id if row else None


def _keys(wanted: tuple[Client, ...]) -> list[str]:
    return [client.key for client in wanted]


def _contacts(wanted: tuple[Client, ...]) -> dict[str, list[str]]:
    contacts = [contact for client in wanted for contact in client.contacts]
    return {
        "kinds": [contact.kind for contact in contacts],
        "contact_values": [contact.value for contact in contacts],
    }

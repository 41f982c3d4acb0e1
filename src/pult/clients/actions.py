"""Find a client or make one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pult.clients import store
from pult.kit.errors import NotFound
from pult.kit.work import Again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.clients.model import Address, ClientWish, Contact
    from pult.kit.db import Conn

_owners = msgspec.json.Decoder(dict[str, int])


class ClientUnknown(NotFound):
    """There is no such client here."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Whom a wish means: `client_id` None is somebody new. `current`: the caller is still who it was."""

    current: bool
    client_id: int | None
    email: str | None
    owners: Mapping[str, int]


async def meant(
    conn: Conn, wish: ClientWish, *, company_id: int, token_hash: bytes | None, config_version: int
) -> Meant:
    """Whom the wish means: the client by id, else the owner of the first contact that the company knows."""
    row = await store.find_for_ticket(
        conn,
        token_hash=token_hash,
        company_id=company_id,
        config_version=config_version,
        client_id=wish.client_id,
        kinds=[contact.kind for contact in wish.contacts],
        contact_values=[contact.value for contact in wish.contacts],
    )
    assert row is not None
    owners = _owners.decode(row.owners)
    if wish.client_id is not None and row.by_id is None and row.current:
        raise ClientUnknown(f"there is no client {wish.client_id}", parameter="client")
    owner = next((owners[key] for contact in wish.contacts if (key := _key(contact)) in owners), None)
    given = next((contact.shown for contact in wish.contacts if contact.kind == "email"), None)
    return Meant(row.current, row.by_id or owner, given or row.email, owners)


async def settle(conn: Conn, wish: ClientWish, found: Meant, *, company_id: int) -> int:
    """Make the client of the wish, or add to the known one what is new about it. The client's id."""
    new = [contact for contact in wish.contacts if _key(contact) not in found.owners]
    if found.client_id is None:
        client_id = await _make(conn, wish.name, new, company_id)
    else:
        client_id = found.client_id
        await _add_contacts(conn, client_id, new, company_id)
    if wish.company_name:
        await _attach(conn, client_id, wish.company_name, company_id)
    if wish.name and found.client_id is not None:  # after the company: whoever makes one locks it before the client
        await store.name_nameless(conn, company_id=company_id, client_id=client_id, name=wish.name)
    if wish.address:
        await _address(conn, client_id, wish.address, company_id)
    return client_id


async def _make(conn: Conn, name: str, contacts: list[Contact], company_id: int) -> int:
    row = await store.insert_client(conn, company_id=company_id, name=name, **_columns(contacts))
    assert row is not None
    if row.contacts != len(contacts):
        raise Again
    return row.id


async def _add_contacts(conn: Conn, client_id: int, contacts: list[Contact], company_id: int) -> None:
    if contacts:
        await store.add_contacts(conn, company_id=company_id, client_id=client_id, **_columns(contacts))


async def _attach(conn: Conn, client_id: int, name: str, company_id: int) -> None:
    attach = partial(store.attach_company, conn, company_id=company_id, client_id=client_id, name=name)
    if not await attach():
        await store.make_company(conn, company_id=company_id, name=name)
        await attach()


async def _address(conn: Conn, client_id: int, address: Address, company_id: int) -> None:
    parts = {"country": address.country, "city": address.city, "address": address.address}
    completed = 0
    if not address.additional:
        completed = await store.complete_first_address(conn, company_id=company_id, client_id=client_id, **parts)
    if not completed:
        await store.add_address(conn, company_id=company_id, client_id=client_id, **parts)


def _key(contact: Contact) -> str:
    return f"{contact.kind}:{contact.value}"


def _columns(contacts: list[Contact]) -> dict[str, list[str]]:
    return {
        "kinds": [contact.kind for contact in contacts],
        "contact_values": [contact.value for contact in contacts],
        "shown": [contact.shown for contact in contacts],
        "phone_types": [contact.phone_type or "" for contact in contacts],
    }

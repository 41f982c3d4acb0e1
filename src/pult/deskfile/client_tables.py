"""The table [[client]] of a desk file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pult.clients.model import PHONE_TYPES, BadContact, Contact, email, phone, username
from pult.deskfile.document import Client
from pult.deskfile.staff_tables import email_of

if TYPE_CHECKING:
    from pult.deskfile.objects import Objects
    from pult.deskfile.reading import Table

MESSENGERS = ("telegram", "viber", "whatsapp", "facebook", "instagram", "vkontakte")


def clients(objects: Objects) -> tuple[Client, ...]:
    owners: dict[tuple[str, str], str] = {}
    found = []
    for key, table in objects.of("client"):
        contacts = [*_emails(table), *_phones(table), *_messengers(table)]
        own: dict[tuple[str, str], Contact] = {}
        for path_key, at, contact in contacts:
            identity = (contact.kind, contact.value)
            owner = owners.setdefault(identity, table.label)
            if owner != table.label or identity in own:
                told = "stands there twice" if identity in own else f"{owner} has it already"
                table.wrong(path_key, told, *at, value=contact.shown)
            own[identity] = contact
        found.append(Client(key, table.text("name"), tuple(own.values()), table.optional_text("company")))
    return tuple(found)


Found = tuple[str, tuple[int, ...], Contact]  # the key and the index under which the contact stands


def _emails(table: Table) -> list[Found]:
    found: list[Found] = []
    for text in table.texts("emails"):
        at = table.values["emails"].index(text)
        if email_of(table, "emails", text, at):
            found.append(("emails", (at,), email(text)))
    return found


def _phones(table: Table) -> list[Found]:
    found: list[Found] = []
    for index, row in enumerate(table.tables("phones")):
        row.only(("phone", "type"))
        text = row.text("phone")
        kind = row.choice("type", PHONE_TYPES) if "type" in row.values else None
        try:
            if text:
                found.append(("phones", (index,), phone(text, kind)))
        except BadContact as error:
            row.wrong("phone", error.text, value=text)
    return found


def _messengers(table: Table) -> list[Found]:
    found: list[Found] = []
    for index, row in enumerate(table.tables("messengers")):
        row.only(("type", "username"))
        kind = row.choice("type", MESSENGERS)
        text = row.text("username")
        try:
            if text:
                found.append(("messengers", (index,), replace(username(text), kind=kind)))
        except BadContact as error:
            row.wrong("username", error.text, value=text)
    return found

"""Clients and what identifies them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from pult.kit.errors import BadValue

PHONE_TYPES: Final = ("home", "mobile", "stationary", "fax", "other")
EMAIL_LIMIT = 255

_email = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")
_digits = re.compile(r"\D+")


class BadContact(BadValue):
    """A contact that nobody can be reached by."""


@dataclass(frozen=True, slots=True)
class Contact:
    """`value` is what is compared, `shown` what was given. `kind`: email, phone, or the messenger of a username."""

    kind: str
    value: str
    shown: str
    phone_type: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """`additional`: another address beside those that the client has; else the first one is completed."""

    country: str = ""
    city: str = ""
    address: str = ""
    additional: bool = False

    def __bool__(self) -> bool:
        return bool(self.country or self.city or self.address)


@dataclass(frozen=True, slots=True)
class ClientWish:
    """Who a ticket is from: the client by id, or by contacts (in the order in which they decide), or somebody new."""

    client_id: int | None = None
    name: str = ""
    contacts: tuple[Contact, ...] = ()
    company_name: str = ""
    address: Address = Address()


def email(text: str) -> Contact:
    shown = text.strip()
    if len(shown) > EMAIL_LIMIT or not _email.fullmatch(shown):
        raise BadContact("this is no e-mail address", parameter="email")
    return Contact("email", shown.lower(), shown)


def phone(text: str, phone_type: str | None = None) -> Contact:
    """A phone is its digits. A Russian or Kazakh number dialled with the trunk prefix 8 is the number with 7."""
    shown = text.strip()
    value = _digits.sub("", shown)
    if shown.startswith("00"):
        value = value[2:]
    if len(value) == 11 and value.startswith("8") and not shown.startswith("+"):
        value = "7" + value[1:]
    if not 3 <= len(value) <= 20:
        raise BadContact("this is no phone number", parameter="phone")
    return Contact("phone", value, shown, phone_type)


def username(text: str, messenger: Literal["telegram"] = "telegram") -> Contact:
    """A nickname is the same with and without @."""
    value = text.strip().removeprefix("@").strip()
    if not value or any(c.isspace() for c in value):
        raise BadContact("this is no username", parameter="username")
    return Contact(messenger, value.lower(), value)

"""What a desk file says, as plain structures; every reference leads somewhere. Keys are names inside the file only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.clients.model import Contact
    from pult.deskfile.positions import Path, Positions
    from pult.sla.calendar import Schedule as BusinessHours
    from pult.sla.model import Policy
    from pult.triggers.model import Trigger as Rule

# Every key of every table that a desk file may have; docs/configuration.md explains each.
KEYS: dict[str, tuple[str, ...]] = {
    "company": ("key", "name", "timezone", "language"),
    "group": ("key", "name"),
    "agent": ("key", "name", "email", "role", "groups", "default_group", "password", "rights"),
    "channel": ("key", "type", "name", "group", "token", "email", "settings"),  # and its type's own: channels.registry
    "field": ("key", "name", "type", "options", "levels", "add_tag"),
    "client": ("key", "name", "emails", "phones", "messengers", "company"),
    "schedule": ("key", "timezone", "week", "holidays"),
    "sla": ("key", "name", "schedule", "first_reply", "next_reply", "close", "when"),
    "trigger": ("key", "name", "on", "when", "then"),
}


@dataclass(frozen=True, slots=True)
class Company:
    """None: the file does not say; an existing company keeps what it has."""

    key: str = "main"
    name: str | None = None
    timezone: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Agent:
    """`rights`: channel key -> "read" or "write"; None: write everywhere."""

    key: str
    name: str
    email: str
    role: str
    groups: tuple[str, ...]
    default_group: str | None
    password: str | None
    rights: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Channel:
    """`settings` as given, checked against the channel's type; `references`: of these, channel keys by setting."""

    key: str
    type: str
    name: str
    group: str | None
    email: str | None
    token: str | None
    wants_token: bool
    settings: Mapping[str, Any]
    references: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """`levels` are the names of a nested list's levels, the first one on top."""

    key: str
    name: str
    kind: str
    add_tag: bool
    levels: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    key: str
    name: str
    contacts: tuple[Contact, ...]
    company: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    key: str
    hours: BusinessHours


@dataclass(frozen=True, slots=True)
class Sla:
    key: str
    name: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Trigger:
    key: str
    name: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Document:
    """A whole desk file. Objects stand in the file's order; `paths` leads from one to its place: ("agent", "anna")."""

    company: Company
    groups: tuple[Group, ...]
    agents: tuple[Agent, ...]
    channels: tuple[Channel, ...]
    fields: tuple[Field, ...]
    clients: tuple[Client, ...]
    schedules: tuple[Schedule, ...]
    slas: tuple[Sla, ...]
    triggers: tuple[Trigger, ...]
    positions: Positions
    paths: Mapping[tuple[str, str], Path]

    def line(self, table: str, key: str, *inside: str | int) -> int:
        """Where the object of [[table]] with this key stands, or what is inside it."""
        return self.positions.line((*self.paths.get((table, key), ()), *inside))

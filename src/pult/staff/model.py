"""Agents, groups and channels as the rules see them. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Access = Literal["read", "write"]


class Hook(Struct, frozen=True):
    """What an API channel's receiver wants to hear: None is everything. `statuses`: SENT and READ where it asks for them."""

    events: list[str] | None = None
    watch: list[int] | None = None  # channels
    statuses: list[str] = []


class Channel(Struct, frozen=True):
    """Where tickets come from; `group_id` is where new ones go. `hook`: of an API channel with a receiver."""

    id: int
    type: str
    name: str
    group_id: int | None
    email: str | None
    hook: Hook | None = None
    default_agent: int | None = None  # whose messages are those for which a caller names nobody
    delivered_within: float = 3.0  # seconds that a caller waits for the provider's word
    claim_delivered: bool = False  # such a caller is told "delivered" as soon as the provider took it

    @property
    def is_messenger(self) -> bool:
        """Whether clients talk here by short messages: everything but e-mail and the API itself."""
        return self.type not in {"api", "email"}

    @property
    def by_phone(self) -> bool:
        """Whether somebody can be written to first by phone: in every messenger, but not by a bot."""
        return self.is_messenger and not self.type.endswith("_bot")

    @property
    def by_username(self) -> bool:
        """... and by nickname."""
        return self.by_phone and self.type.startswith("telegram")


class Group(Struct, frozen=True):
    id: int
    name: str


class Agent(Struct, frozen=True):
    """`access` by channel id is all that a restricted agent may do; others write everywhere (an observer reads)."""

    id: int
    name: str
    email: str
    role: Literal["admin", "agent", "observer"]
    default_group_id: int | None
    groups: list[int]
    restricted: bool
    access: dict[int, Access]

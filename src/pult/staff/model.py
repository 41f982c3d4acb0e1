"""Agents, groups and channels as the rules see them. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Access = Literal["read", "write"]


class Channel(Struct, frozen=True):
    """Where tickets come from; `group_id` is where new ones go."""

    id: int
    type: str
    name: str
    group_id: int | None
    email: str | None


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

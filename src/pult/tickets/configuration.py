"""What a process knows of a company by heart: channels, staff, fields, triggers. Exact by its version, never by a clock.

`companies.config_version` moves with every change of these; each statement that does work checks that the version it was
prepared with is still the current one (`Stale` otherwise), so memory is never older than the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from pult.fields.model import Field  # noqa: TC001  # msgspec reads the annotations
from pult.staff.model import Agent, Channel, Group  # noqa: TC001  # msgspec reads the annotations
from pult.tickets import store

if TYPE_CHECKING:
    from pult.kit.db import Reader


class Configuration(Struct, frozen=True):
    """One company's configuration; only what is active."""

    company_id: int
    version: int
    channels: dict[int, Channel]
    groups: dict[int, Group]
    agents: dict[int, Agent]
    fields: dict[int, Field]  # in the order in which they are shown
    field_ids: list[int]  # of inactive fields too
    triggers: list[int]

    def agent_by_email(self, email: str) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.email == email), None)


class Stale(Exception):
    """The caller's identity or the company's configuration has changed since it was read: read it and ask again."""


_decoder = msgspec.json.Decoder(Configuration, strict=False)


async def load(conn: Reader, company_id: int) -> Configuration | None:
    """The company's configuration as it is now, or None if there is no such company."""
    row = await store.configuration(conn, company_id=company_id)
    return None if row is None else _decoder.decode(row)

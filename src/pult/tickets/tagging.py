"""Tags of a ticket, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pult.tickets import store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.kit.db import Conn


async def add_tags(conn: Conn, company_id: int, ticket_id: int, tags: Mapping[str, int | None]) -> None:
    """Add tags by name (-> the field that the tag follows, None if set by hand); new names are made."""
    await store.add_tags(
        conn,
        company_id=company_id,
        ticket_id=ticket_id,
        names=list(tags),
        field_ids=[source or 0 for source in tags.values()],
    )

"""Tags of a ticket, as rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pult.tickets import store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.kit.db import Conn


async def add_tags(conn: Conn, company_id: int, ticket_id: int, tags: Mapping[str, int | None]) -> None:
    """Add tags that the ticket does not have, by name (-> the field that the tag follows, None if set by hand).

    New names are made, in a statement of their own: only the next one sees a tag that another was first to make.
    """
    names, field_ids = list(tags), [source or 0 for source in tags.values()]
    add = partial(store.add_tags, conn, company_id=company_id, ticket_id=ticket_id, names=names, field_ids=field_ids)
    if await add() < len(names):
        await store.make_tags(conn, company_id=company_id, names=names)
        await add()

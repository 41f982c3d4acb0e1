"""Indexes and keys of the big tables, taken away for the load and put back as they were.

Their definitions come from the database itself, so the migrations remain the only place where they are written. All of it
happens in the load's one transaction: whatever goes wrong, the desk keeps its indexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pult.cli.demo.steps import steps

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

BIG = ("tickets", "comments", "changes", "ticket_tags", "ticket_fields", "search_documents")


@dataclass(frozen=True, slots=True)
class Definition:
    """One index or constraint: how it is dropped and how it is made again."""

    name: str
    foreign: bool
    drop: str
    create: str


async def definitions(conn: asyncpg.Connection[asyncpg.Record]) -> list[Definition]:
    """All of the big tables, keys before the foreign keys that need them."""
    rows = await conn.fetch(steps("load.sql")["definitions"], list(BIG))
    return [Definition(*row) for row in rows]


async def drop(conn: asyncpg.Connection[asyncpg.Record], found: list[Definition]) -> None:
    for definition in reversed(found):
        await conn.execute(definition.drop)


async def create(
    conn: asyncpg.Connection[asyncpg.Record], found: list[Definition], progress: Callable[[str], None]
) -> None:
    progress("building indexes")
    for definition in found:
        if definition.name == "search_documents_by_word":
            progress("building the search index")
        await conn.execute(definition.create)

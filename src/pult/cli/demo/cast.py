"""Who and what the story is about: the company with its staff, channels, fields and tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pult.cli.demo import vocabulary
from pult.cli.demo.steps import steps

if TYPE_CHECKING:
    import asyncpg

MODELS = ["100", "300", "500", "Pro"]
PARTS = ["Frame", "Wheels", "Brakes", "Saddle", "Chain"]


@dataclass(frozen=True, slots=True)
class Cast:
    """Ids, each list in the order in which the story counts: the first is met most often."""

    company_id: int
    groups: list[int]
    agents: list[int]
    channels: list[int]
    fields: list[int]
    reasons: list[int]
    shops: list[int]
    categories: list[int]
    models: list[int]
    parts: list[int]
    tags: list[int]
    reason_tags: list[int]
    client_companies: list[int]


async def gather(conn: asyncpg.Connection[asyncpg.Record], company_id: int, *, client_companies: int) -> Cast:
    """The company's cast; makes what is missing and leaves alone what is there."""
    sql = steps("cast.sql")
    await conn.execute(sql["groups"], company_id)
    await conn.execute(sql["agents"], company_id, vocabulary.AGENTS)
    await conn.execute(sql["members"], company_id, vocabulary.AGENTS)
    for step in ("channels", "fields", "levels", "options"):
        await conn.execute(sql[step], company_id)
    await conn.execute(sql["suboptions"], company_id, "Model", "Category", MODELS)
    await conn.execute(sql["suboptions"], company_id, "Part", "Model", PARTS)
    await conn.execute(sql["tags"], company_id, vocabulary.TAGS)
    await conn.execute(sql["client companies"], company_id, client_companies)
    row = await conn.fetchrow(sql["cast"], company_id, vocabulary.AGENTS, vocabulary.TAGS)
    assert row is not None
    return Cast(company_id, **dict(row.items()))

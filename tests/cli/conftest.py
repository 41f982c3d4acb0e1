"""A desk with a channel, for commands that look at channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from pult.channels.registry import TYPES
from pult.deskfile.apply import apply
from pult.deskfile.parse import parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DESK = """
[company]
key = "main"
name = "Northwind Bikes"
[[group]]
key = "support"
name = "Support"
[[agent]]
key = "alice"
name = "Alice"
email = "alice@northwind.example"
role = "admin"
groups = ["support"]
default_group = "support"
[[channel]]
key = "api"
type = "api"
name = "Site form"
"""


@pytest.fixture
def applied(database_url: str) -> Callable[[str], Awaitable[dict[str, Any]]]:
    """`ids = await applied(channels)`: the desk with these tables added is in the database."""

    async def bring(tables: str) -> dict[str, Any]:
        conn = await asyncpg.connect(database_url)
        try:
            async with conn.transaction():
                made = await apply(conn, parse((DESK + tables).encode(), TYPES), address="https://desk.example")
        finally:
            await conn.close()
        return made.answer()

    return bring

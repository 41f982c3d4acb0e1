"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from pult.kit.db import Reader


class FindFileRow(msgspec.Struct, frozen=True):
    name: str
    type: str
    size: int
    key: str


FIND_FILE = """select f.name, f.type, f.size, f.key from files f where f.company_id = $1 and f.id = $2"""


async def find_file(conn: Reader, *, company_id: int, file_id: int) -> FindFileRow | None:
    """What a download needs to know of a file."""
    row = await conn.fetchrow(FIND_FILE, company_id, file_id)
    return None if row is None else FindFileRow(*row)


KEYS_WITH_ROWS = """select f.key from files f where f.company_id = $1 and f.key = any($2::text[])
union all
select m.key from mail_messages m where m.company_id = $1 and m.key = any($2::text[])
union all
select p.key from mail_pictures p where p.company_id = $1 and p.key = any($2::text[])"""


async def keys_with_rows(conn: Reader, *, company_id: int, keys: Collection[str]) -> list[str]:
    """Which of the file store's keys belong to a file, a raw message or a picture in one; the rest were left over by something
    that never committed."""
    return [row[0] for row in await conn.fetch(KEYS_WITH_ROWS, company_id, keys)]


SIGNING_SECRET = """select secret from installations"""


async def signing_secret(conn: Reader) -> bytes | None:
    """What signs the links of this installation's files."""
    result: bytes | None = await conn.fetchval(SIGNING_SECRET)
    return result

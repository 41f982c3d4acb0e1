"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pult.kit.db import Reader


class ConversationsWithRow(msgspec.Struct, frozen=True):
    id: int
    provider_ref: str | None


CONVERSATIONS_WITH = """select v.id, coalesce(v.provider_ref, case when v.address like 'id:%' then substr(v.address, 4) end)::text as provider_ref
  from conversations v
  join clients l on l.company_id = v.company_id and l.id = v.client_id
 where v.company_id = $1 and v.channel_id = $2
   and (v.provider_ref is not null or v.address like 'id:%')
   and (v.provider_ref = $3 or v.address = 'id:' || $3::text or l.name = $3 or exists (
       select from client_contacts o
        where o.company_id = v.company_id and o.client_id = v.client_id and o.value = $3))
 order by v.id"""


async def conversations_with(
    conn: Reader, *, company_id: int, channel_id: int, whom: str | None
) -> list[ConversationsWithRow]:
    """Those in a channel with whom the provider knows, by its own id of them, or by the client's name, phone or nickname."""
    return [ConversationsWithRow(*row) for row in await conn.fetch(CONVERSATIONS_WITH, company_id, channel_id, whom)]

"""Words -> the condition that finds their tickets, by whichever of two ways is the shorter.

A rare word is gathered: the index gives all its documents, the page is cut from their tickets. Of a common word the newest
page needs only the first few tickets in order: they are walked, asking each whether it has the word. What PostgreSQL's own
statistics say about the word decides (docs/adr/0010).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pult.tickets.listing import PAGE, Filters, keys

if TYPE_CHECKING:
    from pult.kit.db import Reader

# Keys that are known already, as the statement of a page's keys: bound as $8 by the page.
FOUND_KEYS: Final = "select id from unnest($8::integer[]) with ordinality as f (id, place) order by place"

COMMON: Final = 20_000  # documents; gathering fewer is quicker than any walk
FARTHEST_WALK: Final = 10_000  # tickets
SLACK: Final = 4  # how much unluckier than the statistics a walk may be before the words are gathered after all
COMMENTS_A_TICKET: Final = 5  # about; only weighs the two ways against each other

_last_word = re.compile(r"(?s)^(?P<head>.*?)(?P<last>\w{4,})$")


@dataclass(frozen=True, slots=True)
class Words:
    """A search as typed; the last word is also a prefix from four letters on."""

    text: str

    def condition(self, arguments: list[Any]) -> str:
        """The tsquery, its texts bound after `arguments`."""
        arguments.append(self.text)
        whole = f"websearch_to_tsquery('russian', ${len(arguments)}::text)"
        found = _last_word.match(self.text.strip())
        if found is None or '"' in self.text:
            return whole
        arguments += [found["head"], f"{found['last'].lower()}:*"]
        head, last = len(arguments) - 1, len(arguments)
        prefix = f"to_tsquery('simple', ${last}::text)"
        if found["head"].strip():
            prefix = f"websearch_to_tsquery('russian', ${head}::text) && {prefix}"
        else:
            arguments.pop(-2)
            prefix = f"to_tsquery('simple', ${last - 1}::text)"
        return f"({whole} || ({prefix}))"


async def found_keys(conn: Reader, filters: Filters, words: Words, company_id: int) -> list[int]:
    """The ids of the page's tickets, in order."""
    hits, documents = await _expected(conn, words, company_id)
    rate = 1 - (1 - min(hits / max(documents, 1), 1.0)) ** COMMENTS_A_TICKET
    needed = (filters.page + 1) * PAGE * SLACK / max(rate, 1e-9)
    if hits > COMMON and needed <= FARTHEST_WALK:
        ids = await _walk(conn, filters, words, company_id, int(needed))
        if ids is not None:
            return ids
    return await _gather(conn, filters, words, company_id)


async def _expected(conn: Reader, words: Words, company_id: int) -> tuple[float, float]:
    """How many documents PostgreSQL expects to have the words, and how many there are. Nothing is executed."""
    arguments: list[Any] = [company_id]
    query = words.condition(arguments)
    plan = await conn.fetchval(
        f"explain (format json) select from search_documents where company_id = $1 and words @@ {query}",
        *arguments,
    )
    documents = await conn.fetchval("select reltuples from pg_class where oid = 'search_documents'::regclass")
    return float(json.loads(plan)[0]["Plan"]["Plan Rows"]), float(documents)


async def _walk(conn: Reader, filters: Filters, words: Words, company_id: int, longest: int) -> list[int] | None:
    """The page, from the first `longest` tickets in order; None if they do not fill it and there may be more."""
    arguments: list[Any] = [company_id]
    candidates = keys(filters, arguments, limit=f"limit {longest}")
    query = words.condition(arguments)
    rows = await conn.fetch(
        f"""
        with t as (select c.id, row_number() over () as place from ({candidates}) c)
        select t.id, t.place from t
         where exists (select from search_documents s
                        where s.company_id = $1 and s.ticket_id = t.id and s.words @@ {query} offset 0)
         order by t.place limit {PAGE} offset {filters.page * PAGE}""",  # noqa: S608  # bound only
        *arguments,
    )
    return [row["id"] for row in rows] if len(rows) == PAGE else None


async def _gather(conn: Reader, filters: Filters, words: Words, company_id: int) -> list[int]:
    arguments: list[Any] = [company_id]
    query = words.condition(arguments)
    statement = keys(filters, arguments, extra="t.id in (select ticket_id from hits)")
    rows = await conn.fetch(
        f"""
        with hits as materialized (
            select distinct ticket_id from search_documents where company_id = $1 and words @@ {query})
        {statement}""",  # noqa: S608  # bound only
        *arguments,
    )
    return [row["id"] for row in rows]

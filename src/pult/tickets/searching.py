"""Words -> the condition that finds their tickets, by whichever of two ways is the shorter.

A rare word is gathered: the index gives all its documents, the page is cut from their tickets. Of a common word the newest
page needs only the first few tickets in order: they are walked, asking each whether it has the word. What PostgreSQL's own
statistics say about the word decides (docs/adr/0010).
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pult.tickets.listing import PAGE, Filters, keys

if TYPE_CHECKING:
    from pult.kit.db import Reader

# Keys that are known already, as the statement of a page's keys: bound as $8 by the page.
FOUND_KEYS: Final = "select id from unnest($8::integer[]) with ordinality as f (id, place) order by place"

COMMON: Final = 20_000  # documents; gathering fewer is quicker than any walk
ASKING: Final = 20e-6  # seconds for each ticket that is asked whether it has the words
GATHERING: Final = 15e-6  # seconds for each document of a common word
# A walk ends when its page is full: its bound is met only by words that the tickets in front lack.
UNLUCKY: Final = 3  # times what the statistics say, and
AT_LEAST: Final = 10_000  # tickets
COMMENTS_A_TICKET: Final = 5  # about; only weighs the two ways against each other
MOST_OF_ALL: Final = 0.2  # of all documents; a company with more is not looked up in the index of the words

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


LANES: Final = max(1, (os.cpu_count() or 1) // 2)  # searches at once, of all processes of a machine
LANE: Final = os.getpid() % LANES
TAKE_LANE: Final = "select pg_advisory_lock(hashtext('search'), $1)"
LEAVE_LANE: Final = "select pg_advisory_unlock(hashtext('search'), $1)"


async def take_lane(conn: Reader) -> None:
    """Wait until fewer than LANES others search, so that half of the processors are left to those who write.

    The lock is the session's: after a failure it goes when the pool gets the connection back, or when the connection ends.
    """
    await conn.fetchval(TAKE_LANE, LANE)


async def leave_lane(conn: Reader) -> None:
    """Let the next one search."""
    await conn.fetchval(LEAVE_LANE, LANE)


async def found_keys(conn: Reader, filters: Filters, words: Words, company_id: int) -> list[int]:
    """The ids of the page's tickets, in order."""
    hits, documents, everything = await _expected(conn, words, company_id)
    rate = 1 - (1 - min(hits / max(documents, 1), 1.0)) ** COMMENTS_A_TICKET
    expected = (filters.page + 1) * PAGE / max(rate, 1e-9)
    if hits > COMMON and expected * ASKING <= hits * GATHERING:
        ids = await _walk(conn, filters, words, company_id, round(UNLUCKY * expected) + AT_LEAST)
        if ids is not None:
            return ids
    return await _gather(conn, filters, words, company_id, alone=documents > everything * MOST_OF_ALL)


async def _expected(conn: Reader, words: Words, company_id: int) -> tuple[float, float, float]:
    """How many documents PostgreSQL expects to have the words, how many the company has, and how many there are.

    Nothing is executed: the statistics answer.
    """
    arguments: list[Any] = [company_id]
    query = words.condition(arguments)
    found = "select from search_documents where company_id = $1"
    return (
        await _rows_of(conn, f"{found} and words @@ {query}", *arguments),
        await _rows_of(conn, found, company_id),
        await _rows_of(conn, "select from search_documents"),
    )


async def _rows_of(conn: Reader, statement: str, *arguments: Any) -> float:
    plan = await conn.fetchval(f"explain (format json) {statement}", *arguments)
    return float(json.loads(plan)[0]["Plan"]["Plan Rows"])


async def _walk(conn: Reader, filters: Filters, words: Words, company_id: int, longest: int) -> list[int] | None:
    """The page, from the first `longest` tickets in order; None if they do not fill it: there may be more.

    The walk is asked for no order but that of the tickets within it, so that it ends with the page.
    """
    arguments: list[Any] = [company_id]
    query = words.condition(arguments)
    has_words = f"""exists (select from search_documents s
                            where s.company_id = $1 and s.ticket_id = t.id and s.words @@ {query} offset 0)"""
    candidates = keys(filters, arguments, column=f"t.id, {has_words} as has_words", limit=f"limit {longest}")
    page = f"limit {PAGE} offset {filters.page * PAGE}"
    rows = await conn.fetch(f"select c.id from ({candidates}) c where c.has_words {page}", *arguments)  # noqa: S608
    return [row["id"] for row in rows] if len(rows) == PAGE else None


async def _gather(conn: Reader, filters: Filters, words: Words, company_id: int, *, alone: bool) -> list[int]:
    """The page, from all documents that have the words.

    `alone`: the company has most of them. The index can look up a company and words together, but where nearly every
    document is the company's, that costs four times the words alone; the sum keeps the index from trying.
    """
    arguments: list[Any] = [company_id]
    query = words.condition(arguments)
    company = "company_id + 0 = $1" if alone else "company_id = $1"
    statement = keys(filters, arguments, extra="t.id in (select ticket_id from hits)")
    rows = await conn.fetch(
        f"""
        with hits as materialized (
            select distinct ticket_id from search_documents where {company} and words @@ {query})
        {statement}""",  # noqa: S608  # bound only
        *arguments,
    )
    return [row["id"] for row in rows]

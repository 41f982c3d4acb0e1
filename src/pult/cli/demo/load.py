"""The load itself: the story told in one session, taken in by another."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pult.cli.demo import attachments, cast, indexes, vocabulary
from pult.cli.demo.steps import steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    import asyncpg

    from pult.kit.files import FileStore

    Pieces = asyncio.Queue[bytes | Exception]

FILES = 200
CLIENTS_PER_TICKET = 5  # tickets of a client on average
IN_FLIGHT = 64  # pieces of a stream between the two sessions
GOODBYE = 5.0  # seconds that a side has to notice that the database went away

# Table -> the step that tells it; without `id` the table's own sequence numbers the rows.
STREAMS = {
    "clients": "clients",
    "client_contacts": "client_contacts",
    "tickets": "tickets out",
    "comments": "comments",
    "changes": "changes",
    "ticket_tags": "ticket_tags",
    "ticket_fields": "ticket_fields",
}


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What a demo desk holds. `words`: what to search for, with the share of comments that have it; sizes in bytes."""

    company_id: int
    tickets: int
    comments: int
    clients: int
    words: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)


class Load:
    """One load: `writer` within a transaction, `teller` outside any."""

    def __init__(
        self,
        writer: asyncpg.Connection[asyncpg.Record],
        teller: asyncpg.Connection[asyncpg.Record],
        company_id: int,
        tickets: int,
        progress: Callable[[str], None],
    ) -> None:
        self.writer = writer
        self.teller = teller
        self.company_id = company_id
        self.tickets = tickets
        self.clients = max(tickets // CLIENTS_PER_TICKET // 2, 2) * 2  # even: half of them Russian
        self.pool = vocabulary.pool_size(tickets)
        self.progress = progress
        self.story = steps("story.sql")
        self.sql = steps("load.sql")

    async def run(self, files: FileStore | None) -> DemoReport:
        comments = await self._tell()
        empty = await self.writer.fetchval(self.sql["empty"])
        found = await indexes.definitions(self.writer) if empty else []
        await indexes.drop(self.writer, found)
        if empty:
            await self.writer.execute(self.sql["clear"])
        for table in STREAMS:
            await self._stream(table, freeze=empty and table in indexes.BIG)
        await self._index_words()
        if files is not None:
            await self._attach(files, comments)
        await indexes.create(self.writer, found, self.progress)
        await self.writer.execute(self.sql["changed"], self.company_id)
        words = {vocabulary.COMMON: 0.05, vocabulary.MEDIUM: 0.001, vocabulary.RARE: 0.00002}
        return DemoReport(self.company_id, self.tickets, comments, self.clients, words)

    @cached_property
    def sentences(self) -> list[tuple[int, str]]:
        return list(enumerate(vocabulary.sentences(self.pool), start=1))

    @cached_property
    def subjects(self) -> list[tuple[int, str]]:
        return list(enumerate(vocabulary.subjects(), start=1))

    async def _tell(self) -> int:
        """The whole story in the teller's temporary tables; how many comments it has."""
        self.progress("inventing the story")
        people = await cast.gather(self.writer, self.company_id, client_companies=max(self.clients // 100, 5))
        self.first_ticket = await self._reserve("tickets", self.tickets)
        first_client = await self._reserve("clients", self.clients)
        await self.teller.execute(self.story["dice"])
        await self.teller.execute(self.story["profiles"])
        await self.teller.execute(self.story["tables"])
        await self._copy_pools(self.teller)
        await self.teller.execute(
            self.story["plot"],
            *(self.company_id, self.tickets, self.first_ticket, self.clients, first_client),
            *(people.groups, people.agents, people.channels, people.fields, people.reasons, people.shops),
            *(people.categories, people.models, people.parts, people.tags, people.reason_tags, people.client_companies),
            *(self.pool, vocabulary.SUBJECTS),
        )
        for step in ("days", "tickets", "lines"):
            told = await self.teller.execute(self.story[step])
        comments = int(told.rpartition(" ")[2])
        self.first_comment = await self._reserve("comments", comments)
        await self.teller.execute(self.story["first comment"], self.first_comment)
        return comments

    async def _reserve(self, table: str, count: int) -> int:
        first: int = await self.writer.fetchval(self.sql["reserve"], table, count)
        return first

    async def _copy_pools(self, conn: asyncpg.Connection[asyncpg.Record]) -> None:
        await conn.copy_records_to_table("pool", records=self.sentences, columns=["no", "text"], schema_name="pg_temp")
        await conn.copy_records_to_table(
            "subject_pool", records=self.subjects, columns=["no", "text"], schema_name="pg_temp"
        )

    async def _stream(self, table: str, *, freeze: bool) -> None:
        """From the teller's query into the writer's table, piece by piece, both working at once."""
        self.progress(f"loading {table}")
        told = await self.teller.prepare(self._query(table))
        pieces: Pieces = asyncio.Queue(IN_FLIGHT)
        taking = self.writer.copy_to_table(
            table,
            source=_until_empty(pieces),
            columns=[attribute.name for attribute in told.get_attributes()],
            format="binary",
            freeze=freeze or None,
        )
        await _both(self._tell_pieces(table, pieces), taking, self.teller, self.writer)

    def _query(self, table: str) -> str:
        names = {"$1": vocabulary.FIRST_NAMES, "$2": vocabulary.LAST_NAMES} if table == "clients" else {}
        query = self.story[STREAMS[table]]
        for mark, values in names.items():  # COPY takes no arguments
            query = query.replace(mark, f"'{{{','.join(values)}}}'")
        return query

    async def _tell_pieces(self, table: str, pieces: Pieces) -> None:
        try:
            await self.teller.copy_from_query(self._query(table), output=pieces.put, format="binary")
        except Exception as error:
            await pieces.put(error)  # ends the other side's COPY in an orderly way
            raise
        await pieces.put(b"")

    async def _index_words(self) -> None:
        self.progress("loading search_documents")
        for step in ("dice", "words"):
            await self.writer.execute(self.story[step])
        await self._copy_pools(self.writer)
        await self.writer.execute(self.story["count words"])
        await self.writer.execute(
            self.story["subject documents"], self.company_id, self.first_ticket, vocabulary.SUBJECTS
        )
        await self.writer.execute(
            self.story["comment documents"],
            self.company_id,
            self.first_ticket,
            self.first_comment,
            self.pool,
        )

    async def _attach(self, store: FileStore, comments: int) -> None:
        for place, comment_id in await self.writer.fetch(self.sql["with files"], self.first_comment, comments, FILES):
            made = await attachments.store(store, self.company_id, place)
            await self.writer.execute(
                self.sql["file"], self.company_id, comment_id, made.name, made.type, made.size, made.key
            )


async def _until_empty(pieces: Pieces) -> AsyncIterator[bytes]:
    while piece := await pieces.get():
        if isinstance(piece, Exception):
            raise piece
        yield piece


async def _both(
    telling: Coroutine[Any, Any, None],
    taking: Coroutine[Any, Any, str],
    *connections: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Both to their ends; the error of the side that failed first. ConnectionError when the database goes away.

    The driver does not wake a side that waits for the other when the connection is lost.
    """
    lost = asyncio.get_running_loop().create_future()

    def tell_lost(_connection: object) -> None:
        if not lost.done():
            lost.set_result(None)

    for conn in connections:
        conn.add_termination_listener(tell_lost)
    tell, take = asyncio.create_task(telling), asyncio.create_task(taking)
    take.add_done_callback(lambda _take: tell.cancel())
    both = asyncio.gather(tell, take, return_exceptions=True)
    await asyncio.wait({both, lost}, return_when=asyncio.FIRST_COMPLETED)
    if not both.done():
        await asyncio.wait({both}, timeout=GOODBYE)
    if not both.done():
        both.cancel()
        for conn in connections:
            conn.terminate()
        raise ConnectionError("the database went away; nothing was stored")
    for result in both.result():
        if isinstance(result, Exception):
            raise result

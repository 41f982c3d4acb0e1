"""The mailroom of one channel: keeps raw messages, knows which were read, and which ticket a message belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from pult.kit.files import new_key
from pult.mail import store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from pult.desk import Desk
    from pult.mail.store import WaitingRow

BATCH: Final = 20
HOUR: Final = timedelta(hours=1)

Settled = Literal["parsed", "needs_attention", "ignored"]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox, as long as its server numbers its messages the same way."""

    name: str
    uidvalidity: int


@dataclass(frozen=True, slots=True)
class RawMail:
    """A message as its server has it. `message_id` stands without brackets; `hash` is of what somebody wrote.

    `size`: of the whole, where `content` is only its beginning; `reason` then says why.
    """

    uid: int
    content: bytes
    message_id: str | None
    hash: str
    size: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages of a folder are stored, and what became of them."""

    stored: int
    waiting: int
    parsed: int
    ignored: int
    needs_attention: int


@dataclass(frozen=True, slots=True)
class Since:
    """What the channel read before: nothing at all, or until when."""

    anything: bool
    last_stored_at: datetime | None


class Mailroom:
    """One channel's. Whatever it answers is committed."""

    def __init__(self, desk: Desk, company_id: int, channel_id: int) -> None:
        self._desk, self.company_id, self.channel_id = desk, company_id, channel_id

    async def first_uid(self, folder: Folder) -> int | None:
        """From which number on all messages of the folder are ours; None where it was never read."""
        found: int | None = await self._read(store.folder, folder=folder.name, uidvalidity=folder.uidvalidity)
        return found

    async def since(self) -> Since:
        row = await self._read(store.knows_folders)
        return Since(bool(row.any), row.last_stored_at)

    async def begin(self, folder: Folder, first_uid: int) -> None:
        """Remember that the folder is read, all messages from this number on."""
        await self._write(store.begin_folder, folder=folder.name, uidvalidity=folder.uidvalidity, first_uid=first_uid)

    async def stored_uids(self, folder: Folder, since: int) -> set[int]:
        found = await self._read(store.stored_uids, folder=folder.name, uidvalidity=folder.uidvalidity, since_uid=since)
        return set(found)

    async def keep(self, folder: Folder, mail: RawMail) -> None:
        """Store a raw message, durable when this returns; nothing happens where it is here already."""
        key = await self.put(mail.content)
        kept = await self._write(
            store.keep,
            folder=folder.name,
            uidvalidity=folder.uidvalidity,
            uid=mail.uid,
            message_id=mail.message_id,
            hash=mail.hash,
            size=mail.size,
            key=key,
            reason=mail.reason,
        )
        if kept is None:
            await self._desk.files.delete(key)

    async def waiting(self) -> list[WaitingRow]:
        """Messages that nobody has read yet, oldest first, a batch of them."""
        return list(await self._read(store.waiting, most=BATCH))

    async def content(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in await self._desk.files.read(key)])

    async def earlier(self, mail: WaitingRow) -> tuple[int | None, bool]:
        """The message that this one is a copy of, and whether another one came under the same id before."""
        row = await self._read(store.earlier, id=mail.id, message_id=mail.message_id, hash=mail.hash)
        return row.copy_of, row.reused

    async def begin_reading(self, mail: WaitingRow, name: str) -> None:
        """Count the attempt. `name`: what the desk is going to take it under."""
        async with self._desk.work(None) as work:
            await store.try_again(work.conn, company_id=self.company_id, id=mail.id, name=name)

    async def settle(
        self,
        mail: WaitingRow,
        state: Settled,
        *,
        reason: str | None = None,
        sender: str | None = None,
        automatic: bool = False,
    ) -> None:
        """What became of a message."""
        async with self._desk.work(None) as work:
            await store.settle(
                work.conn,
                company_id=self.company_id,
                id=mail.id,
                state=state,
                reason=reason,
                sender=sender,
                automatic=automatic,
            )

    async def counts(self, folder: Folder) -> Counts:
        row = await self._read(store.counts, folder=folder.name, uidvalidity=folder.uidvalidity)
        return Counts(row.stored, row.waiting, row.parsed, row.ignored, row.needs_attention)

    async def automatic_from(self, sender: str) -> int:
        """Automatic messages of this address within the hour."""
        return int(await self._read(store.automatic_from, sender=sender))

    async def ticket_of(self, message_ids: Sequence[str]) -> int | None:
        """The ticket in which a message with one of these ids stands; the first id that is known counts."""
        rows = await self._read(store.tickets_of_ids, message_ids=list(message_ids)) if message_ids else []
        tickets = {row.name: row.ticket_id for row in rows}
        return next((tickets[one] for one in message_ids if one in tickets), None)

    async def ticket_exists(self, ticket_id: int) -> bool:
        async with self._desk.pools.reading() as conn:
            return bool(await store.ticket_exists(conn, company_id=self.company_id, ticket_id=ticket_id))

    async def takes_part(self, ticket_id: int, address: str) -> bool:
        """Whether the address is the ticket's client's, or got a copy of one of its comments."""
        async with self._desk.pools.reading() as conn:
            found = await store.takes_part(
                conn, company_id=self.company_id, ticket_id=ticket_id, address=address.lower()
            )
        return bool(found)

    async def is_copied(self, comment_id: int, address: str) -> bool:
        """Whether the address only got a copy of the comment."""
        async with self._desk.pools.reading() as conn:
            found = await store.is_copied(
                conn, company_id=self.company_id, comment_id=comment_id, address=address.lower()
            )
        return bool(found)

    async def taken(self, name: str) -> bool:
        """Whether the desk took a message under this name."""
        return await self._read(store.taken_as, name=name) is not None

    async def thread_of(self, ticket_id: int, before_comment_id: int) -> list[tuple[str, bool]]:
        """The ids of the ticket's messages here, oldest first, and whether each came from outside."""
        rows = await self._read(store.thread_of, ticket_id=ticket_id, before_comment_id=before_comment_id)
        return [(row.message_id, row.came) for row in rows if row.message_id]

    async def put(self, content: bytes) -> str:
        """Store bytes under a new key."""
        key = new_key(self.company_id)
        await self._desk.files.put(key, BytesIO(content))
        return key

    async def put_picture(self, digest: str, content: bytes) -> str:
        """Store a picture unless it is here already; the key under which it is."""
        async with self._desk.pools.reading() as conn:
            known = await store.picture(conn, company_id=self.company_id, hash=digest)
        if known is not None:
            return known
        key = await self.put(content)
        async with self._desk.work(None) as work:
            kept = await store.keep_picture(work.conn, company_id=self.company_id, hash=digest, key=key)
        assert kept is not None
        if kept != key:
            await self._desk.files.delete(key)
        return kept

    async def may_send(self, what: str, most: int) -> bool:
        """One more of `most` in an hour, counted for `what`: an address, a ticket."""
        key = f"automatic mail:{self.company_id}:{self.channel_id}:{what}"
        async with self._desk.work(None) as work:
            return bool(await store.take_turn(work.conn, key=key, turns=most, per=HOUR))

    async def _read(self, query: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        async with self._desk.pools.reading() as conn:
            return await query(conn, company_id=self.company_id, channel_id=self.channel_id, **arguments)

    async def _write(self, query: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        async with self._desk.work(None) as work:
            return await query(work.conn, company_id=self.company_id, channel_id=self.channel_id, **arguments)

"""Channels that are asked rather than calling us (mailboxes, polled bots): each by one process of the installation at a time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from pult.kit.connecting import LostConnection
from pult.kit.log import get_logger
from pult.messaging import store
from pult.messaging.contract import Cap, SendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.messaging.contract import Adapter, ChannelRecord, Event
    from pult.messaging.receiving import Receiving

log = get_logger()

LOOK: Final = 5.0  # seconds between two looks at which channels there are
BACK_OFF: Final = (1.0, 60.0)  # seconds, first and longest, while a channel does not answer
LOCK: Final = "pg_try_advisory_lock(hashtextextended('listen:' || $1::text, 0))"


class Listening:
    """All such channels of this process."""

    def __init__(self, receiving: Receiving, url: str) -> None:
        self._receiving, self._url = receiving, url
        self._tasks: dict[int, tuple[Adapter, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Until cancelled: begin with new channels, and anew with those whose settings changed."""
        try:
            while True:
                with contextlib.suppress(OSError, LostConnection, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await self._look()
                await asyncio.sleep(LOOK)
        finally:
            tasks = [task for _, task in self._tasks.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        found = {record.id: (record, adapter) for record, adapter in await self._receiving.outlets.all()}
        wanted = {number: pair for number, pair in found.items() if Cap.LISTEN in pair[1].caps}
        for number, (adapter, task) in list(self._tasks.items()):
            if task.done() or number not in wanted or wanted[number][1] is not adapter:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                del self._tasks[number]
        for number, (record, adapter) in wanted.items():
            if number not in self._tasks:
                task = asyncio.create_task(self._listen(record, adapter), name=f"listen {record.type}")
                self._tasks[number] = (adapter, task)

    async def _listen(self, record: ChannelRecord, adapter: Adapter) -> None:
        """Take the channel's turn, or end: the next look tries again."""
        try:
            conn = await asyncpg.connect(self._url, timeout=5, server_settings={"application_name": "pult listening"})
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return
        try:
            if await conn.fetchval(f"select {LOCK}", str(record.id)):
                await self._listen_on(record, adapter, conn)
        finally:
            conn.terminate()

    async def _listen_on(self, record: ChannelRecord, adapter: Adapter, conn: asyncpg.Connection) -> None:
        """As long as the turn is ours: a connection that breaks gives it to another process."""
        inbox = ChannelInbox(self._receiving, record)
        first, longest = BACK_OFF
        pause = first
        while not conn.is_closed():
            try:
                await adapter.listen(inbox)
                pause = first
            except SendError as error:
                await inbox.unwell(f"{error.code}: {error.text}")
            except (OSError, LostConnection, TimeoutError) as error:
                log.warning("listening.interrupted", channel_type=record.type, reason=type(error).__name__)
            except Exception as error:
                log.exception("listening.fault", channel_type=record.type)
                await inbox.unwell(type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)


class ChannelInbox:
    """Where a channel's adapter puts what it finds."""

    def __init__(self, receiving: Receiving, record: ChannelRecord) -> None:
        self.receiving, self.record = receiving, record
        self._said: tuple[str, dict[str, int]] | None = None

    @property
    def _pool(self) -> asyncpg.Pool[asyncpg.Record]:
        return self.receiving.desk.pools.main

    async def cursor(self) -> str | None:
        return await store.cursor_of(self._pool, company_id=self.record.company_id, channel_id=self.record.id)

    async def take(self, events: Sequence[Event], cursor: str | None = None) -> None:
        await self.receiving.take(self.record, events)
        if cursor is not None:
            await store.keep_cursor(
                self._pool, company_id=self.record.company_id, channel_id=self.record.id, cursor=cursor
            )

    async def well(self, text: str = "", **counters: int) -> None:
        if self._said != (text, counters):
            await self._report(text, healthy=True, **counters)
            self._said = (text, counters)

    async def unwell(self, text: str) -> None:
        """The channel does not answer; shown on its page until it does."""
        self._said = None
        with contextlib.suppress(OSError, LostConnection):
            await self._report(text, healthy=False)

    async def _report(self, text: str, *, healthy: bool, **counters: int) -> None:
        await store.report_on_channel(
            self._pool,
            company_id=self.record.company_id,
            channel_id=self.record.id,
            healthy=healthy,
            report=text[:500],
            counters=msgspec.json.encode(counters).decode(),
        )

"""Connections to PostgreSQL: the pools of one process and the two types of connection that the rest of the house sees."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg

from pult.kit.connecting import CONNECT_TIMEOUT, Connecting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class Reader(Protocol):
    """What a page may do. A `Conn` is one too; the reverse does not hold, so a page cannot write by mistake."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...


class Conn(Reader, Protocol):
    """A connection inside a unit of work."""

    async def execute(self, query: str, *args: Any) -> str: ...


# The list is asked with very uneven values (95 % of tickets are closed): a plan made for all values alike was seen to
# walk a million rows, so its pools plan each statement for the values it has.
CUSTOM_PLANS = {"plan_cache_mode": "force_custom_plan"}


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools of one process.

    `main` changes and shows single tickets; `lists` serves pages (from a replica where one is configured); `search` is
    apart, small and impatient: however many people search, tickets are still written.
    """

    main: asyncpg.Pool[asyncpg.Record]
    lists: asyncpg.Pool[asyncpg.Record]
    search: asyncpg.Pool[asyncpg.Record]

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """A connection to look something up that may have been written a moment ago."""
        async with self.main.acquire() as conn:
            yield conn

    async def close(self) -> None:
        """Wait for what is running, then close."""
        for pool in (self.search, self.lists, self.main):
            await pool.close()

    def terminate(self) -> None:
        """Close without waiting."""
        for pool in (self.search, self.lists, self.main):
            pool.terminate()


async def open_pools(
    url: str, *, lists_url: str | None = None, size: int = 8, searches: int = 1, tidy: bool = False
) -> Pools:
    """Pools for `url`: `size` connections each for changes and for pages, `searches` for searching.

    `tidy`: put a connection's session in order whenever it comes back, for work that locks or sets something in it. A call of
    the API leaves nothing behind but its transaction, which ends with its unit of work, and is spared the round trip.
    """
    primary = Connecting()
    pages = Connecting() if lists_url else primary
    main = await _pool(url, primary, size, {}, tidy=tidy)
    lists = await _pool(lists_url or url, pages, size, CUSTOM_PLANS, tidy=tidy)
    impatient = CUSTOM_PLANS | {"statement_timeout": "5s"}
    search = await _pool(
        lists_url or url, pages, searches, impatient, tidy=True
    )  # a search holds a lock of its session
    return Pools(main=main, lists=lists, search=search)


async def _pool(
    url: str, connecting: Connecting, size: int, extra: dict[str, str], *, tidy: bool
) -> asyncpg.Pool[asyncpg.Record]:
    return await asyncpg.create_pool(
        url,
        connect=connecting,
        timeout=CONNECT_TIMEOUT,
        min_size=1,
        max_size=size,
        max_inactive_connection_lifetime=300,
        max_queries=10_000_000,  # a new connection has to prepare every statement again
        command_timeout=60,
        reset=None if tidy else _as_it_is,
        server_settings={"application_name": "pult", "jit": "off", "timezone": "UTC", **extra},
    )


async def _as_it_is(_conn: Any) -> None:
    """What was open is rolled back by now; there is nothing else to put in order."""

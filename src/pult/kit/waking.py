"""Waking other processes through PostgreSQL: said after the commit, and at most every few milliseconds.

A notification inside the business transaction would make all commits of the database wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from pult.kit.connecting import LostConnection
from pult.kit.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger()

AT_MOST_EVERY: Final = 0.03  # seconds
RECONNECT: Final = 2.0
ALIVE: Final = 30.0

WAKE: Final = "select pg_notify($1, '')"


class Waker:
    """Says on `name` that there is work. `run` must be running; what is said while it is not is lost, and looked for anyway."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], name: str) -> None:
        self._pool, self._name = pool, name
        self._called = asyncio.Event()

    def wake(self) -> None:
        """Soon, together with whoever else says it meanwhile."""
        self._called.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._called.wait()
            self._called.clear()
            with contextlib.suppress(OSError, LostConnection, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._pool.fetchval(WAKE, self._name)
            await asyncio.sleep(AT_MOST_EVERY)


async def listen(url: str, name: str, woken: Callable[[], None]) -> None:
    """Call `woken` for each notification on `name`, over a connection of its own, until cancelled."""
    while True:
        try:
            await _listen(url, name, woken)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.debug("listening.interrupted", error=type(error).__name__)
        await asyncio.sleep(RECONNECT)


async def _listen(url: str, name: str, woken: Callable[[], None]) -> None:
    conn = await asyncpg.connect(url, timeout=5, server_settings={"application_name": "pult listening"})

    def told(*_: Any) -> None:
        woken()

    try:
        await conn.add_listener(name, told)
        woken()  # what was said before
        while not conn.is_closed():
            await asyncio.sleep(ALIVE)
            await conn.fetchval("select 1", timeout=10)
    finally:
        conn.terminate()

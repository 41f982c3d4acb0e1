"""Connections that outlive a restart of PostgreSQL: whoever needs one waits a moment for it instead of failing."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import asyncpg

PATIENCE: Final = 5.0  # seconds; an embedded server that was killed is back within two or three
AGAIN: Final = 0.1
CONNECT_TIMEOUT: Final = 5.0  # seconds; a server that is frozen accepts connections and says nothing

# The server says that it is going or coming; with the broken connections these are all that a restart can look like.
_RESTARTING: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


class LostConnection(Exception):
    """The database went away. `stored` is None where it cannot be known whether the commit was reached."""

    def __init__(self, *, stored: bool | None) -> None:
        super().__init__("the database connection was lost")
        self.stored = stored


class DatabaseAway(LostConnection):
    """There was no connection to be had within PATIENCE seconds: nothing was sent, and trying again at once is of no use."""

    def __init__(self) -> None:
        super().__init__(stored=False)


def lost(error: BaseException) -> bool:
    """Whether `error` is what a statement says whose connection broke or was broken before."""
    if isinstance(error, asyncpg.InterfaceError):  # also the name for our own mistakes, such as a value of a wrong type
        return "closed" in str(error) or "closing" in str(error)
    if isinstance(error, asyncpg.InternalClientError):  # between the server's last word and the end of the connection
        return "another operation" in str(error)
    return isinstance(error, (ConnectionError, LostConnection, *_RESTARTING))


class Connecting:
    """Makes connections for pools of one server, as `connect` of asyncpg.create_pool.

    A server that is away is waited for until PATIENCE seconds after it was first missed, however many wait: then each is
    told at once, with DatabaseAway, until the server is back.
    """

    def __init__(self) -> None:
        self._missed: tuple[float, float] | None = None  # first and last time

    async def __call__(self, *args: Any, **options: Any) -> asyncpg.Connection:
        while True:
            try:
                conn: asyncpg.Connection = await asyncpg.connect(*args, **options)
            except (
                OSError,
                asyncpg.TooManyConnectionsError,
                *_RESTARTING,
            ) as error:  # OSError: a missing socket, a time-out
                if self._misses() > PATIENCE:
                    raise DatabaseAway from error
                await asyncio.sleep(AGAIN)
            else:
                self._missed = None
                return conn

    def _misses(self) -> float:
        """For how many seconds the server has been missed."""
        now = time.monotonic()
        first, last = self._missed or (now, now)
        if now - last > PATIENCE:  # nobody asked for a while: this may be another time
            first = now
        self._missed = first, now
        return now - first

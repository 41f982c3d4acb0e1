"""The unit of work: one transaction, the facts recorded in it, and the reactions to them. Nothing else commits."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import asyncpg

from pult.kit.connecting import DatabaseAway, LostConnection, lost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pult.kit.db import Conn

Result = TypeVar("Result")
By = TypeVar("By")

DEPTH = 8  # of facts that follow from facts: a chain longer than this is a loop
TRIES = 5
NOTICED = 0.05  # seconds; a server that ends closes all connections of a pool: time to see the others go too


@dataclass(slots=True)
class Work(Generic[By]):
    """What a verb works with: a connection inside one transaction, who is asking, and the facts recorded so far."""

    conn: Conn
    by: By
    facts: list[tuple[int, Any]] = field(default_factory=list)
    depth: int = 0
    afterwards: list[Callable[[], None]] = field(default_factory=list)  # called once it is committed

    def record(self, fact: Any) -> None:
        """Say that something has changed; the reactions to it run before the commit."""
        self.facts.append((self.depth + 1, fact))


React = "Callable[[Work[Any], Any], Awaitable[None]]"


class TooDeep(Exception):
    """Facts went on causing facts: some rules answer each other."""


class Again(Exception):
    """The work met another that was first, and would end differently now: it is rolled back and done once more."""


@contextlib.asynccontextmanager
async def unit_of_work(
    pool: asyncpg.Pool[asyncpg.Record], by: By, react: Callable[[Work[Any], Any], Awaitable[None]] | None = None
) -> AsyncIterator[Work[By]]:
    """One transaction: leaving runs the reactions of every recorded fact, then commits; raising rolls back.

    LostConnection where the database went away, and says whether anything can have been stored.
    """
    committing = False
    try:
        async with pool.acquire() as conn:
            transaction = conn.transaction()
            await transaction.start()
            try:
                work = Work(conn, by)
                yield work
                if react is not None:
                    await _react(work, react)
            except BaseException:
                if not conn.is_closed():
                    await transaction.rollback()
                raise
            committing = True
            await transaction.commit()
        for told in work.afterwards:
            told()
    except LostConnection:
        raise
    except Exception as error:
        if lost(error) or (committing and isinstance(error, TimeoutError)):
            raise LostConnection(stored=None if committing else False) from error
        raise


async def _react(work: Work[Any], react: Callable[[Work[Any], Any], Awaitable[None]]) -> None:
    done = 0
    while done < len(work.facts):
        work.depth, fact = work.facts[done]
        if work.depth > DEPTH:
            raise TooDeep
        await react(work, fact)
        done += 1


async def until_done(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Run a whole unit of work; again, from the start, when it met another that was first or lost its connection.

    Never when the commit may have been reached. LostConnection where the database does not come back.
    """
    for tried in range(1, TRIES + 1):
        try:
            return await attempt()
        except (Again, asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError):
            if tried == TRIES:
                raise
            await asyncio.sleep(0)
        except LostConnection as error:
            if error.stored is None or isinstance(error, DatabaseAway) or tried == TRIES:
                raise
            await asyncio.sleep(NOTICED)
    raise AssertionError

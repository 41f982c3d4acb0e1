"""Work that comes round: each job is run by one process of the installation at a time, and leaves a row that says how it went.

The row in periodic_runs: `started_at` the last attempt, `finished_at` the last one that ended well, `error` what the last
one said if it failed. Times are the database's, so that clocks of several machines cannot disagree.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pult.kit.log import get_logger, masked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

    from pult.kit.db import Conn

log = get_logger()

LOOK_AGAIN = timedelta(seconds=15)  # at most: another process may have died holding the turn
BACK_OFF = 0.2, 30.0  # seconds, first and longest, while the database does not answer

# A lock of the session: PostgreSQL gives it back by itself when the process or its connection dies.
LOCK = "select pg_try_advisory_lock(hashtextextended('periodic:' || $1, 0))"
UNLOCK = "select pg_advisory_unlock(hashtextextended('periodic:' || $1, 0))"
STARTED = """
insert into periodic_runs (name, started_at) values ($1, $2)
on conflict (name) do update set started_at = excluded.started_at
"""


@dataclass(frozen=True, slots=True)
class Periodic:
    """`run` is called with the connection that holds the turn and the time; it may be cut off and run again anywhere."""

    name: str
    every: timedelta
    run: Callable[[Conn, datetime], Awaitable[None]]


async def run_periodic(pool: asyncpg.Pool[asyncpg.Record], jobs: Sequence[Periodic], stop: asyncio.Event) -> None:
    """Run `jobs` in their rhythm until `stop`; work under way is then cut off. A lost database is waited for."""
    tasks = [asyncio.create_task(_repeat(pool, job), name=f"periodic {job.name}") for job in jobs]
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(pool: asyncpg.Pool[asyncpg.Record], job: Periodic) -> None:
    first, longest = BACK_OFF
    pause = first
    while True:
        try:
            async with pool.acquire() as conn:
                wait = await run_if_due(conn, job, await conn.fetchval("select clock_timestamp()"))
            pause = first
            await asyncio.sleep(min(wait, LOOK_AGAIN).total_seconds())
        except Exception as error:  # noqa: BLE001 - mostly a lost database; whatever it is, the job must come round again
            log.warning("periodic.interrupted", name=job.name, error=f"{type(error).__name__}: {error}", pause=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)


async def run_if_due(conn: Conn, job: Periodic, now: datetime) -> timedelta:
    """Run `job` unless another process does or it ran less than `every` ago; answers when to look again."""
    if not await conn.fetchval(LOCK, job.name):
        return LOOK_AGAIN
    try:
        started: datetime | None = await conn.fetchval("select started_at from periodic_runs where name = $1", job.name)
        if started is not None and now < started + job.every:
            return started + job.every - now
        await _run(conn, job, now)
        return job.every
    finally:
        await conn.fetchval(UNLOCK, job.name)


async def _run(conn: Conn, job: Periodic, now: datetime) -> None:
    await conn.execute(STARTED, job.name, now)
    began = time.monotonic()
    try:
        await job.run(conn, now)
    except Exception as error:  # whatever it is: the row says so, and the job comes round again
        text = masked(f"{type(error).__name__}: {error}")[:1000]
        log.exception("periodic.failed", name=job.name)
        await conn.execute("update periodic_runs set error = $2 where name = $1", job.name, text)
        return
    took = timedelta(seconds=time.monotonic() - began)
    await conn.execute("update periodic_runs set finished_at = $2, error = null where name = $1", job.name, now + took)
    log.debug("periodic.done", name=job.name, seconds=round(took.total_seconds(), 3))


async def ages(conn: Conn, jobs: Sequence[Periodic], now: datetime) -> dict[str, float]:
    """Seconds since each of `jobs` last ended well; since 1970 where it never did."""
    rows = await conn.fetch("select name, finished_at from periodic_runs")
    finished = {row["name"]: row["finished_at"] for row in rows}
    never = datetime.fromtimestamp(0, UTC)
    return {job.name: max(0.0, (now - (finished.get(job.name) or never)).total_seconds()) for job in jobs}

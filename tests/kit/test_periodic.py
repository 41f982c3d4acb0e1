"""Periodic work against a real PostgreSQL: whose turn it is, what the row says, what happens when the database goes away."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from pult.kit import periodic, turns
from pult.kit.periodic import Periodic, run_if_due, run_periodic

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def pool(database_url):
    async with asyncpg.create_pool(database_url, min_size=0, max_size=6) as pool:
        yield pool


@pytest.fixture
async def conn(pool):
    async with pool.acquire() as conn:
        yield conn


async def row(conn, name):
    return await conn.fetchrow("select started_at, finished_at, error from periodic_runs where name = $1", name)


class Counted:
    def __init__(self, error=None):
        self.times = []
        self.error = error

    async def __call__(self, conn, now):
        self.times.append(now)
        if self.error:
            raise self.error


async def test_runs_when_due_and_not_before(conn):
    run = Counted()
    job = Periodic("job", HOUR, run)
    assert await run_if_due(conn, job, NOW) == HOUR
    assert await run_if_due(conn, job, NOW + timedelta(minutes=20)) == timedelta(minutes=40)
    assert await run_if_due(conn, job, NOW + HOUR) == HOUR
    assert run.times == [NOW, NOW + HOUR]
    started, finished, error = await row(conn, "job")
    assert (started, error) == (NOW + HOUR, None)
    assert NOW + HOUR <= finished < NOW + HOUR + timedelta(minutes=1)


async def test_a_failure_is_written_down_and_the_last_good_end_kept(conn):
    run = Counted()
    job = Periodic("job", HOUR, run)
    await run_if_due(conn, job, NOW)
    finished = (await row(conn, "job"))["finished_at"]
    run.error = RuntimeError("the disk is full, token=abcdef")
    await run_if_due(conn, job, NOW + HOUR)
    assert tuple(await row(conn, "job")) == (NOW + HOUR, finished, "RuntimeError: the disk is full, token=***")
    run.error = None
    await run_if_due(conn, job, NOW + 2 * HOUR)
    assert (await row(conn, "job"))["error"] is None


async def test_an_error_of_the_database_is_a_failure_like_any(conn):
    async def run(conn, now):
        await conn.execute("select 1/0")

    await run_if_due(conn, Periodic("job", HOUR, run), NOW)
    assert (await row(conn, "job"))["error"] == "DivisionByZeroError: division by zero"


async def test_one_process_at_a_time(pool, conn):
    inside, leave, other = asyncio.Event(), asyncio.Event(), Counted()

    async def hold(conn, now):
        inside.set()
        await leave.wait()

    async def first():
        async with pool.acquire() as held:
            await run_if_due(held, Periodic("job", HOUR, hold), NOW)

    task = asyncio.create_task(first())
    await inside.wait()
    assert await run_if_due(conn, Periodic("job", HOUR, other), NOW + 5 * HOUR) == periodic.LOOK_AGAIN
    assert await run_if_due(conn, Periodic("another", HOUR, other), NOW) == HOUR
    leave.set()
    await task
    assert other.times == [NOW]
    await run_if_due(conn, Periodic("job", HOUR, other), NOW + 5 * HOUR)
    assert other.times == [NOW, NOW + 5 * HOUR]


async def test_the_turn_of_a_dead_process_is_free(pool, conn, database_url):
    dying = await asyncpg.connect(database_url)
    assert await dying.fetchval(periodic.LOCK, "job")
    run = Counted()
    assert await run_if_due(conn, Periodic("job", HOUR, run), NOW) == periodic.LOOK_AGAIN
    pid = dying.get_server_pid()
    dying.terminate()  # the connection is cut as when its process is killed
    while await conn.fetchval("select count(*) from pg_stat_activity where pid = $1", pid):
        await asyncio.sleep(0)
    assert await run_if_due(conn, Periodic("job", HOUR, run), NOW) == HOUR
    assert run.times == [NOW]


async def test_runs_until_told_to_stop_and_cuts_off_what_runs(pool, conn):
    stop, inside, cut = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def long(conn, now):
        inside.set()
        try:
            await conn.fetchval("select pg_sleep(600)")
        finally:
            cut.set()

    quick = Counted()
    task = asyncio.create_task(run_periodic(pool, [Periodic("long", HOUR, long), Periodic("quick", HOUR, quick)], stop))
    async with asyncio.timeout(20):
        await inside.wait()
        stop.set()
        await task
    assert cut.is_set()
    async with asyncio.timeout(20):  # the turn was given back, and nothing is left running in the database
        while not await conn.fetchval(periodic.LOCK, "long"):
            await asyncio.sleep(0)


async def test_a_lost_database_is_waited_for(pool, conn, database_url, monkeypatch):
    monkeypatch.setattr(periodic, "BACK_OFF", (0.01, 0.02))
    stop, ran, again = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(job_conn, now):
        if ran.is_set():
            again.set()
            return
        ran.set()
        # Everything but the judge's own connection goes away in the middle of the work.
        await conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
        await job_conn.fetchval("select 1")

    task = asyncio.create_task(run_periodic(pool, [Periodic("job", timedelta(0), run)], stop))
    async with asyncio.timeout(30):
        await again.wait()
        while (await row(conn, "job"))["finished_at"] is None:
            await asyncio.sleep(0)
        stop.set()
        await task


async def test_a_database_that_is_not_there_yet(empty_database_url, monkeypatch):
    """The table is missing at first, as while another process migrates; the work starts when it is there."""
    monkeypatch.setattr(periodic, "BACK_OFF", (0.01, 0.02))
    stop, run = asyncio.Event(), Counted()
    async with asyncpg.create_pool(empty_database_url, min_size=0, max_size=3) as pool, asyncio.timeout(30):
        task = asyncio.create_task(run_periodic(pool, [Periodic("job", HOUR, run)], stop))
        while not await pool.fetchval(
            "select xact_rollback > 0 from pg_stat_database where datname = current_database()"
        ):
            await asyncio.sleep(0)
        assert run.times == []
        await pool.execute(
            "create table periodic_runs (name text primary key, started_at timestamptz, finished_at timestamptz, error text)"
        )
        while await pool.fetchval("select count(finished_at) from periodic_runs") == 0:
            await asyncio.sleep(0)
        stop.set()
        await task
    assert len(run.times) == 1


async def test_ages(conn):
    jobs = [Periodic("good", HOUR, Counted()), Periodic("never", HOUR, Counted(error=ValueError("x")))]
    for job in jobs:
        await run_if_due(conn, job, NOW)
    ages = await periodic.ages(conn, jobs, NOW + timedelta(minutes=10))
    assert 590 < ages["good"] <= 600
    assert ages["never"] == (NOW + timedelta(minutes=10)).timestamp()


async def test_old_counters_are_forgotten(conn):
    async def hit(key, *times):
        await conn.execute("insert into rate_hits values ($1, $2)", key, list(times))

    await hit("old", NOW - 3 * HOUR, NOW - 2 * HOUR)
    await hit("young", NOW - 3 * HOUR, NOW - timedelta(minutes=59))
    await hit("empty")
    assert await turns.forget_older_than(conn, NOW - HOUR) == 2
    assert [found["key"] for found in await conn.fetch("select key from rate_hits")] == ["young"]
    assert (await conn.fetchrow("select * from take_turn('young', 1, interval '1 minute')"))["allowed"]


async def test_stopping_before_the_database_answers():
    """Nothing listens there; the end does not wait for it."""
    stop = asyncio.Event()
    async with (
        asyncpg.create_pool("postgresql://nobody@127.0.0.1:9/none", min_size=0, max_size=1) as pool,
        asyncio.timeout(20),
    ):
        task = asyncio.create_task(run_periodic(pool, [Periodic("job", HOUR, Counted())], stop))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.05)
        assert not task.done()
        stop.set()
        await task

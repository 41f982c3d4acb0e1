"""The pools of one process."""

from __future__ import annotations

import asyncio

import pytest

from pult.kit import db
from pult.tickets import searching


@pytest.fixture
async def pools(database_url):
    pools = await db.open_pools(database_url, size=1, searches=2)
    yield pools
    await pools.close()


async def test_searches_are_impatient_and_changes_are_not(pools):
    assert await pools.search.fetchval("show statement_timeout") == "5s"
    assert await pools.main.fetchval("show statement_timeout") == "0"


async def test_a_connection_comes_back_without_what_was_open(pools):
    async with pools.main.acquire() as conn:
        await conn.execute("begin; insert into companies (key, name) values ('main', 'Northwind')")
    async with pools.main.acquire() as conn:
        assert not conn.is_in_transaction()
        assert await conn.fetchval("select count(*) from companies") == 0


async def test_searches_of_one_lane_take_turns(pools):
    async with pools.search.acquire() as first:
        await searching.take_lane(first)
        second = await pools.search.acquire()
        waiting = asyncio.create_task(searching.take_lane(second))
        held = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())"
        while await pools.main.fetchval(held) != 1:
            assert not waiting.done()
    await waiting
    await pools.search.release(second)
    assert await pools.main.fetchval("select count(*) from pg_locks where locktype = 'advisory'") == 0

"""One unit of work: what is recorded is reacted to before the commit, and nothing is kept of a failure."""

from __future__ import annotations

import asyncpg
import pytest

from pult.kit.work import DEPTH, Again, TooDeep, unit_of_work, until_done


@pytest.fixture
async def pool(database_url):
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=2)
    yield pool
    await pool.close()


async def add(work, key):
    await work.conn.execute("insert into companies (key, name) values ($1, $1)", key)


async def keys(pool):
    return [row["key"] for row in await pool.fetch("select key from companies order by id")]


async def test_reactions_run_in_order_within_the_transaction(pool):
    async def react(work, fact):
        await add(work, f"after {fact}")
        if fact == "one":
            work.record("follows from one")

    async with unit_of_work(pool, "alice", react) as work:
        assert work.by == "alice"
        await add(work, "verb")
        work.record("one")
        work.record("two")
    assert await keys(pool) == ["verb", "after one", "after two", "after follows from one"]


async def test_a_failing_reaction_undoes_all(pool):
    async def react(work, _fact):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        async with unit_of_work(pool, None, react) as work:
            await add(work, "verb")
            work.record("one")
    assert await keys(pool) == []


async def test_facts_that_answer_each_other_end(pool):
    seen = []

    async def react(work, fact):
        seen.append(fact)
        work.record(fact + 1)

    with pytest.raises(TooDeep):
        async with unit_of_work(pool, None, react) as work:
            work.record(0)
    assert len(seen) == DEPTH


async def test_work_that_was_overtaken_is_done_again(pool):
    tries = []

    async def attempt():
        async with unit_of_work(pool, None) as work:
            tries.append(1)
            await add(work, f"try {len(tries)}")
            if len(tries) < 3:
                raise Again
            return len(tries)

    assert await until_done(attempt) == 3
    assert await keys(pool) == ["try 3"]

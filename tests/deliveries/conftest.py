"""The ledger's tests: a database, a company in it, and dispatchers that run until the test ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from told import Company, Told

from pult.deliveries.dispatch import Dispatcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=8) as made:
        yield made


@pytest.fixture
async def company(pool: asyncpg.Pool) -> Company:
    number = await pool.fetchval("insert into companies (key, name) values ('one', 'One') returning id")
    client = await pool.fetchval("insert into clients (company_id, name) values ($1, 'Dana') returning id", number)
    channels = [
        await pool.fetchval(
            "insert into channels (company_id, type, name, application_id) values ($1, 'api', $2, 'a') returning id",
            number, f"c{n}",
        )
        for n in range(4)
    ]  # fmt: skip
    tickets = [
        await pool.fetchval(
            "insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)"
            " values ($1, 's', 1, 1, 1, $2, $3, now(), now()) returning id",
            number, client, channels[0],
        )
        for _ in range(30)
    ]  # fmt: skip
    return Company(pool, number, channels, tickets)


@pytest.fixture
async def dispatching(pool: asyncpg.Pool) -> AsyncIterator[Callable[..., Any]]:
    """`dispatching(carrier)` starts a dispatcher that runs until the end of the test, and answers it."""
    stop, tasks = asyncio.Event(), []

    def start(carrier: Told) -> Dispatcher:
        dispatcher = Dispatcher(pool, {carrier.kind: carrier, "webhook": carrier})
        tasks.append(asyncio.create_task(dispatcher.run(stop)))
        return dispatcher

    yield start
    stop.set()
    await asyncio.gather(*tasks)

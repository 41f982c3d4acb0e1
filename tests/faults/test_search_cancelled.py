"""A client that hangs up stops its search, down to PostgreSQL's statement; meanwhile tickets are still written.

Searches are made slow by a lock on a table that they read and updates do not.
"""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import urlsplit

import asyncpg
import httpx

WAITING = """
select count(*) from pg_stat_activity
 where datname = current_database() and application_name = 'pult' and wait_event_type = 'Lock' and state = 'active'
"""


async def begin_search(base: str, token: str) -> asyncio.StreamWriter:
    """A search whose client may hang up."""
    where = urlsplit(base)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    body = json.dumps({"api_token": token, "query": "wheel"}).encode()
    head = f"POST /tickets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return writer


async def count_becomes(conn: asyncpg.Connection, count: int) -> float:
    """Seconds until so many statements wait for the lock."""
    began = time.monotonic()
    async with asyncio.timeout(4):  # less than the statements' own limit of 5 s
        while await conn.fetchval(WAITING) != count:
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_hanging_up_frees_the_search_connection_at_once(serve, database_url, tmp_path):
    environ = {"PULT_DATABASE_URL": database_url, "PULT_WORKERS": "1"}
    desk = await asyncio.to_thread(serve, tmp_path / "searched", environ=environ)
    token = desk.said().partition("API token: ")[2].split()[0]
    lock, look = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    async with httpx.AsyncClient(timeout=20) as http:

        async def call(method: str, **form: object) -> httpx.Response:
            return await http.post(f"{desk.base}/{method}", json={"api_token": token, **form})

        ticket_id = (await call("create/ticket", subject="Wheel", message="bent")).json()["ticket_id"]
        transaction = lock.transaction()
        await transaction.start()
        await lock.execute("lock table ticket_slas in access exclusive mode")
        searches = [await begin_search(desk.base, token) for _ in range(3)]
        await count_becomes(look, 1)  # the pool has one connection: two more wait for it
        updated = await call("update/ticket", ticket_id=ticket_id, priority="urgent")
        assert updated.json() == {"status": "success"}, "searches do not stop changes"
        for one in searches:
            one.close()
        assert await count_becomes(look, 0) < 3
        await transaction.rollback()
        began = time.monotonic()
        found = await call("tickets", query="wheel")
        assert [row["id"] for row in found.json()] == [ticket_id], "the connection is free and whole"
        assert time.monotonic() - began < 3
    await lock.close()
    await look.close()
    assert sum(line.get("outcome") == "client gone" for line in desk.log()) == 3
    assert not [line for line in desk.log() if line["level"] == "error"]
    assert await asyncio.to_thread(desk.stop) == 0

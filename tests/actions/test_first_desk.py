"""What a fresh installation starts with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from pult.channels.registry import TYPES
from pult.deskfile.apply import apply
from pult.deskfile.first_desk import make_first_desk, readable_password
from pult.deskfile.parse import parse
from pult.kit.work import unit_of_work
from pult.settings import Settings
from pult.staff.passwords import fits

EXAMPLE = (Path(__file__).parents[2] / "docs" / "desk.toml").read_bytes()


@pytest.fixture
async def pool(database_url):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=6) as pool:
        yield pool


async def start(pool):
    async with unit_of_work(pool, None) as work:
        return await make_first_desk(work.conn, Settings())


async def test_processes_that_start_at_once_make_one(pool):
    made = [desk for desk in await asyncio.gather(*(start(pool) for _ in range(6))) if desk]
    assert len(made) == 1
    first = made[0]
    assert (first.address, first.email) == ("http://127.0.0.1:8080/desk/", "admin@pult.local")
    agent = await pool.fetchrow("select * from agents")
    assert (agent["email"], agent["role"]) == (first.email, "admin")
    assert fits(first.password, agent["password_hash"])
    channel = await pool.fetchrow("select * from channels")
    token = await pool.fetchrow("select * from api_tokens where hash = sha256($1::bytea)", first.token.encode())
    assert (token["channel_id"], channel["type"], channel["name"]) == (channel["id"], "api", "API")
    assert channel["group_id"] == agent["default_group_id"]
    assert await pool.fetchval("select key from companies") == "main"


async def test_a_desk_file_makes_its_own_objects_beside_it(pool):
    first = await start(pool)
    async with unit_of_work(pool, None) as work:
        applied = await apply(work.conn, parse(EXAMPLE, TYPES), address="http://desk.example")
    assert await pool.fetchval("select count(*) from companies") == 1
    assert await pool.fetchval("select count(*) from channels") == 8
    assert await pool.fetchval("select count(*) from agents where active") == 3
    token = await pool.fetchrow("select * from api_tokens where hash = sha256($1::bytea)", first.token.encode())
    assert token["channel_id"] not in {told["id"] for told in applied.channels.values()}
    # The group of the very same name is the one exception: nobody wants two groups called Support.
    assert await pool.fetchval("select count(*) from groups where name = 'Support'") == 1


async def test_none_is_made_where_there_is_a_company(pool):
    async with unit_of_work(pool, None) as work:
        await apply(work.conn, parse(b'[company]\nkey = "other"', TYPES), address="http://desk.example")
    assert await start(pool) is None
    assert await pool.fetchval("select count(*) from agents") == 0


def test_passwords_can_be_read_and_differ():
    passwords = {readable_password() for _ in range(50)}
    assert len(passwords) == 50
    assert all(len(password) == 27 and password.replace("-", "").isalpha() for password in passwords)

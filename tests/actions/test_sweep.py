"""The sweep of the file store, and the worker as a whole, with a real database and a real directory."""

from __future__ import annotations

import asyncio
import io
import os
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from pult import worker
from pult.assembly import CHANNEL, house_of
from pult.kit.files import Directory, new_key
from pult.settings import Settings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
COMPANY = """
with company as (insert into companies (key, name) values ($1, 'C') returning id),
     client as (insert into clients (company_id) select id from company returning company_id, id),
     channel as (insert into channels (company_id, type, name, application_id) select id, 'api', 'A', 'x' from company returning id),
     ticket as (insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)
                select c.company_id, 's', 8, 1, 2, c.id, n.id, now(), now() from client c, channel n returning company_id, id)
insert into comments (company_id, ticket_id, author, visibility, created_at, message)
select company_id, id, 'client', 'public', now(), 'm' from ticket returning company_id, id as comment_id
"""
FILE = "insert into files (company_id, comment_id, name, type, size, key) values ($1, $2, 'a', 'b', 1, $3)"

MAIL = """
insert into mail_messages (company_id, channel_id, folder, uidvalidity, uid, hash, size, key)
select company_id, id, 'INBOX', 1, 1, 'h', 1, $2 from channels where company_id = $1
"""


@pytest.fixture
async def conn(database_url):
    conn = await asyncpg.connect(database_url)
    yield conn
    await conn.close()


@pytest.fixture
def files(tmp_path):
    return Directory(tmp_path / "files")


async def stored(files, company_id, age, suffix=""):
    """A file written `age` before NOW."""
    key = new_key(company_id)
    await files.put(key, io.BytesIO(b"x"))
    path = files.root / key
    if suffix:
        path = path.rename(path.with_name(path.name + suffix))
    os.utime(path, times=((NOW - age).timestamp(),) * 2)
    return key + suffix


def kept(files):
    return {str(path.relative_to(files.root)) for path in files.root.rglob("*") if path.is_file()}


async def test_only_old_files_without_a_row_go(conn, files):
    first, second = [await conn.fetchrow(COMPANY, key) for key in ("one", "two")]
    old, young = timedelta(minutes=61), timedelta(minutes=59)
    known = [await stored(files, company["company_id"], timedelta(days=900)) for company in (first, second)]
    for company, key in zip((first, second), known, strict=True):
        await conn.execute(FILE, company["company_id"], company["comment_id"], key)
    about_to_be_committed = await stored(files, first["company_id"], young)
    gone = [
        await stored(files, first["company_id"], old),
        await stored(files, second["company_id"], old),
        await stored(files, 999, old),
        await stored(files, first["company_id"], old, ".part"),
    ]
    assert await worker.sweep_files(conn, files, NOW) == len(gone)
    assert kept(files) == {*known, about_to_be_committed}
    assert await worker.sweep_files(conn, files, NOW) == 0


async def test_the_key_of_another_company_is_no_row(conn, files):
    """A row keeps the bytes of its own company only: keys begin with it, and so does the index that is asked."""
    row = await conn.fetchrow(COMPANY, "one")
    foreign = await stored(files, row["company_id"] + 1, timedelta(hours=2))
    await conn.execute(FILE, row["company_id"], row["comment_id"], foreign)
    assert await worker.sweep_files(conn, files, NOW) == 1


async def test_raw_mail_and_its_pictures_stay(conn, files):
    row = await conn.fetchrow(COMPANY, "one")
    company, old = row["company_id"], timedelta(days=9)
    mail, picture = await stored(files, company, old), await stored(files, company, old)
    await conn.execute(MAIL, company, mail)
    await conn.execute("insert into mail_pictures (company_id, hash, key) values ($1, 'h', $2)", company, picture)
    assert await worker.sweep_files(conn, files, NOW) == 0
    assert kept(files) == {mail, picture}


async def test_many_files_go_in_batches(conn, files, monkeypatch):
    monkeypatch.setattr(worker, "BATCH", 7)
    row = await conn.fetchrow(COMPANY, "one")
    keys = [await stored(files, row["company_id"], timedelta(hours=2)) for _ in range(50)]
    for key in keys[::2]:
        await conn.execute(FILE, row["company_id"], row["comment_id"], key)
    assert await worker.sweep_files(conn, files, NOW) == 25
    assert kept(files) == set(keys[::2])


async def test_a_file_whose_row_is_committed_late_stays(conn, database_url, files):
    """The put is seconds before the commit; the sweep runs in between and sees no row."""
    row = await conn.fetchrow(COMPANY, "one")
    key = await stored(files, row["company_id"], timedelta(seconds=30))
    async with conn.transaction():
        await conn.execute(FILE, row["company_id"], row["comment_id"], key)
        other = await asyncpg.connect(database_url)
        assert await worker.sweep_files(other, files, NOW) == 0
        await other.close()
    assert kept(files) == {key}


async def test_the_worker_does_all_of_its_jobs(conn, database_url, files, tmp_path):
    left = await stored(files, 1, timedelta(days=900))
    await conn.execute("insert into rate_hits values ('old', array[now() - interval '2 days'])")
    stop = asyncio.Event()
    settings = Settings(data_dir=tmp_path, database_url=database_url, files=str(files.root))
    async with house_of(settings, tidy=True) as house:
        names = {job.name for job in worker.jobs(house.desk, house.receiving)}
        working = asyncio.create_task(worker.work(house.desk, house.dispatcher, house.receiving, stop, CHANNEL))
        async with asyncio.timeout(30):
            while await conn.fetchval("select count(finished_at) from periodic_runs") < len(names):
                await asyncio.sleep(0.01)
            stop.set()
            await working
    rows = await conn.fetch("select name, error from periodic_runs")
    assert {row["name"]: row["error"] for row in rows} == dict.fromkeys(names)
    assert left not in kept(files)
    assert await conn.fetchval("select count(*) from rate_hits") == 0

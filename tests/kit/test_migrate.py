from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from pult.kit import migrate
from pult.kit.migrate import MigrationError

FILES = {
    "0001_cast.sql": "create table cast_of_characters (name text primary key);",
    "0002_alice.sql": "insert into cast_of_characters values ('Alice');",
    "0003_bob.sql": "insert into cast_of_characters values ('Bob');",
}


@pytest.fixture
def directory(tmp_path):
    for name, sql in FILES.items():
        (tmp_path / name).write_text(sql)
    return tmp_path


@pytest.fixture
async def conn(empty_database_url):
    conn = await asyncpg.connect(empty_database_url)
    yield conn
    await conn.close()


async def tables(conn):
    rows = await conn.fetch("select tablename from pg_tables where schemaname = 'public'")
    return {row["tablename"] for row in rows}


async def test_files_are_applied_once_and_in_order(empty_database_url, conn, directory):
    assert await migrate.version(conn) == 0
    assert await migrate.migrate(empty_database_url, directory) == ["0001_cast", "0002_alice", "0003_bob"]
    assert await migrate.migrate(empty_database_url, directory) == []
    assert await migrate.version(conn) == 3
    assert await conn.fetchval("select array_agg(name order by name) from cast_of_characters") == ["Alice", "Bob"]


async def test_a_new_file_is_applied_to_an_old_database(empty_database_url, conn, directory):
    await migrate.migrate(empty_database_url, directory)
    (directory / "0004_charlie.sql").write_text("insert into cast_of_characters values ('Charlie');")
    with pytest.raises(MigrationError, match=r"the database lacks 0004_charlie: run `pult migrate`"):
        await migrate.require_current(conn, directory)
    assert await migrate.migrate(empty_database_url, directory) == ["0004_charlie"]
    await migrate.require_current(conn, directory)


async def test_a_file_that_fails_leaves_the_ones_before_it_and_nothing_of_itself(empty_database_url, conn, directory):
    (directory / "0002_alice.sql").write_text("create table half (n integer); insert into nowhere values (1);")
    with pytest.raises(
        MigrationError, match='0002_alice: relation "nowhere" does not exist; nothing of it was applied'
    ):
        await migrate.migrate(empty_database_url, directory)
    assert await migrate.version(conn) == 1
    assert await tables(conn) == {"cast_of_characters", "schema_migrations"}


async def test_a_changed_file_is_refused(empty_database_url, conn, directory):
    await migrate.migrate(empty_database_url, directory)
    (directory / "0002_alice.sql").write_text("insert into cast_of_characters values ('Alicia');")
    for attempt in (migrate.migrate, migrate.check):
        with pytest.raises(MigrationError, match=r"0002_alice.sql is not what was applied as 0002_alice"):
            await attempt(empty_database_url, directory)
    with pytest.raises(MigrationError, match=r"is not what was applied"):
        await migrate.require_current(conn, directory)


async def test_other_line_ends_are_no_change(empty_database_url, conn, directory):
    (directory / "0004_dana.sql").write_bytes(b"insert into cast_of_characters\nvalues ('Dana');\n")
    await migrate.migrate(empty_database_url, directory)
    (directory / "0004_dana.sql").write_bytes(b"insert into cast_of_characters\r\nvalues ('Dana');\r\n")
    await migrate.require_current(conn, directory)


async def test_a_newer_database_is_refused(empty_database_url, conn, directory):
    await migrate.migrate(empty_database_url, directory)
    (directory / "0003_bob.sql").unlink()
    with pytest.raises(MigrationError, match=r"the database is newer than this Pult: it has 0003_bob.*up to 0002"):
        await migrate.migrate(empty_database_url, directory)
    with pytest.raises(MigrationError, match=r"newer than this Pult"):
        await migrate.require_current(conn, directory)


async def test_a_migration_that_the_code_does_not_know_is_refused(empty_database_url, directory):
    await migrate.migrate(empty_database_url, directory)
    (directory / "0002_alice.sql").unlink()
    with pytest.raises(MigrationError, match=r"the database has 0002_alice, which this Pult does not know"):
        await migrate.migrate(empty_database_url, directory)


def test_names_and_numbers_that_cannot_be(directory):
    (directory / "0003_charlie.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match=r"0003_charlie.sql: the number is taken by 0003_bob"):
        migrate.known(directory)
    (directory / "0003_charlie.sql").rename(directory / "charlie.sql")
    with pytest.raises(MigrationError, match=r"named NNNN_name.sql"):
        migrate.known(directory)


async def test_a_rehearsal_says_what_would_happen_and_changes_nothing(empty_database_url, conn, directory):
    pending = await migrate.check(empty_database_url, directory)
    assert [one.name for one in pending] == ["0001_cast", "0002_alice", "0003_bob"]
    assert all(one.seconds > 0 for one in pending)
    assert await tables(conn) == set()
    await migrate.migrate(empty_database_url, directory)
    assert await migrate.check(empty_database_url, directory) == []


async def test_a_rehearsal_finds_what_would_fail_on_the_data_there(empty_database_url, conn, directory):
    await migrate.migrate(empty_database_url, directory)
    (directory / "0004_alice_again.sql").write_text("insert into cast_of_characters values ('Alice');")
    with pytest.raises(MigrationError, match=r"0004_alice_again: duplicate key"):
        await migrate.check(empty_database_url, directory)
    assert await migrate.version(conn) == 3


async def test_a_table_in_use_ends_the_migration_and_not_the_desk(empty_database_url, conn, directory, monkeypatch):
    await migrate.migrate(empty_database_url, directory)
    (directory / "0004_age.sql").write_text("alter table cast_of_characters add column age integer;")
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "50ms")
    async with conn.transaction():
        await conn.execute("select 1 from cast_of_characters")
        with pytest.raises(
            MigrationError, match=r"0004_age: a table stayed in use for 50ms; nothing of it was applied"
        ):
            await migrate.migrate(empty_database_url, directory)
    assert await migrate.migrate(empty_database_url, directory) == ["0004_age"]


ONE_OF_SIX = """
import asyncio, pathlib, sys
from pult.kit import migrate
sys.stdout.write("set\\n"); sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(" ".join(asyncio.run(migrate.migrate(sys.argv[1], pathlib.Path(sys.argv[2])))))
"""


async def test_of_six_processes_at_once_each_file_is_applied_by_one(empty_database_url, conn, directory):
    command = [sys.executable, "-c", ONE_OF_SIX, empty_database_url, str(directory)]
    pipe = asyncio.subprocess.PIPE
    six = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(6)]
    for process in six:
        assert await process.stdout.readline() == b"set\n"
    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in six))
    assert [(process.returncode, errors) for process, (_, errors) in zip(six, answers, strict=True)] == [(0, b"")] * 6
    applied = sorted(name for names, _ in answers for name in names.decode().split())
    assert applied == ["0001_cast", "0002_alice", "0003_bob"]
    assert await conn.fetchval("select count(*) from cast_of_characters") == 2


async def test_our_own_migrations_suit_an_empty_database(empty_database_url, conn):
    rehearsed = [one.name for one in await migrate.check(empty_database_url)]
    assert await migrate.migrate(empty_database_url) == rehearsed == [one.name for one in migrate.known()]
    await migrate.require_current(conn)

"""Migrations: numbered SQL files, each applied once, in order, in a transaction of its own, however many processes start at once."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection | PoolConnectionProxy

LOCK = 0x50554C54  # "PULT": the advisory lock of whoever migrates
LOCK_TIMEOUT = (
    "10s"  # a table that is in use is not waited for longer: everybody else would queue up behind the migration
)


class MigrationError(Exception):
    """The schema cannot be brought up to date, or is not; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file, NNNN_name.sql."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 in hexadecimal digits; line ends do not count, since checkouts differ in them."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that a rehearsal applied and took back, and how many seconds it took."""

    name: str
    seconds: float


def migrations_dir() -> Path:
    """Where the SQL files are: inside an installed package, or beside src in a checkout."""
    here = Path(__file__).resolve()
    for place in (here.parents[1] / "migrations", here.parents[3] / "migrations"):
        if any(place.glob("[0-9]*.sql")):
            return place
    raise MigrationError(f"no migrations beside {here.parents[1]}: the installation is not complete")


def known(directory: Path | None = None) -> list[Migration]:
    """The migrations that this version of the code has, in order; MigrationError for a name or number that cannot be."""
    found: dict[int, Migration] = {}
    for path in sorted((directory or migrations_dir()).glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", path.name)
        if not match:
            raise MigrationError(f"{path}: a migration is named NNNN_name.sql")
        version = int(match[1])
        if version in found:
            raise MigrationError(f"{path}: the number is taken by {found[version].name}")
        found[version] = Migration(version, path.stem, path.read_text(encoding="utf-8"))
    return list(found.values())


async def migrate(dsn: str, directory: Path | None = None) -> list[str]:
    """Applies what is missing; the names of the migrations that this call applied.

    Of several processes that start at once each file is applied by one, the others wait for it. Raises MigrationError when
    an applied file has changed since, when the database is newer than the code, and when a file fails (it is rolled back).
    """
    migrations = known(directory)
    conn = await _connect(dsn)
    try:
        applied: list[str] = []
        while name := await _apply_next(conn, migrations):
            applied.append(name)
        return applied
    finally:
        await conn.close()


async def check(dsn: str, directory: Path | None = None) -> list[Pending]:
    """Rehearses: applies all that is missing on the real data in one transaction, and rolls it back.

    Tables that the migrations change are locked while it runs.
    """
    migrations = known(directory)
    conn = await _connect(dsn)
    try:
        transaction = conn.transaction()
        await transaction.start()
        try:
            return await _rehearse(conn, migrations)
        finally:
            await transaction.rollback()
    finally:
        await conn.close()


async def version(conn: Connection) -> int:
    """The number of the last migration that the database has; 0 for an empty database."""
    if await conn.fetchval("select to_regclass('schema_migrations')") is None:
        return 0
    return int(await conn.fetchval("select coalesce(max(version), 0) from schema_migrations"))


async def require_current(conn: Connection, directory: Path | None = None) -> None:
    """MigrationError unless the database has exactly the migrations that the code knows."""
    migrations = known(directory)
    applied = await _applied(conn)
    if missing := _missing(migrations, applied):
        raise MigrationError(f"the database lacks {', '.join(one.name for one in missing)}: run `pult migrate`")


async def _connect(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, server_settings={"application_name": "pult migrate"})


async def _apply_next(conn: asyncpg.Connection, migrations: Sequence[Migration]) -> str | None:
    """Under the lock: the first migration that is missing. The lock ends with the transaction, whatever becomes of us."""
    async with conn.transaction():
        missing = await _lock_and_compare(conn, migrations)
        if not missing:
            return None
        await _apply(conn, missing[0])
        return missing[0].name


async def _rehearse(conn: asyncpg.Connection, migrations: Sequence[Migration]) -> list[Pending]:
    rehearsed = []
    for migration in await _lock_and_compare(conn, migrations):
        start = time.perf_counter()
        await _apply(conn, migration)
        rehearsed.append(Pending(migration.name, time.perf_counter() - start))
    return rehearsed


async def _lock_and_compare(conn: asyncpg.Connection, migrations: Sequence[Migration]) -> list[Migration]:
    await conn.execute("select pg_advisory_xact_lock($1)", LOCK)
    await conn.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    return _missing(migrations, await _applied(conn))


async def _applied(conn: Connection) -> dict[int, tuple[str, str]]:
    if await conn.fetchval("select to_regclass('schema_migrations')") is None:
        return {}
    rows = await conn.fetch("select version, name, checksum from schema_migrations order by version")
    return {row["version"]: (row["name"], row["checksum"]) for row in rows}


def _missing(migrations: Sequence[Migration], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    """What is left to apply; MigrationError where the database and the files tell different histories."""
    by_version = {migration.version: migration for migration in migrations}
    newest = max(by_version, default=0)
    for number, (name, checksum) in applied.items():
        if number > newest:
            raise MigrationError(
                f"the database is newer than this Pult: it has {name}, this version knows migrations up to {newest:04}. Install the newer Pult"
            )
        if number not in by_version:
            raise MigrationError(
                f"the database has {name}, which this Pult does not know: it was made by another version"
            )
        if by_version[number].checksum != checksum:
            raise MigrationError(
                f"{by_version[number].name}.sql is not what was applied as {name}: an applied migration is never changed, "
                f"put the file back and write a new one"
            )
    return [migration for migration in migrations if migration.version not in applied]


async def _apply(conn: asyncpg.Connection, migration: Migration) -> None:
    try:
        await conn.execute(TABLE)
        await conn.execute(migration.sql)
    except asyncpg.LockNotAvailableError:
        raise MigrationError(
            f"{migration.name}: a table stayed in use for {LOCK_TIMEOUT}; nothing of it was applied, try again"
        ) from None
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}: {error}; nothing of it was applied") from error
    await conn.execute(
        "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
        migration.version,
        migration.name,
        migration.checksum,
    )


TABLE = """
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""

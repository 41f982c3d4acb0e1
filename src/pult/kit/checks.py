"""What a PostgreSQL must be for the desk to run on it, each with a sentence that says what to do when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pult.kit import migrate
from pult.kit.postgres_cluster import OLDEST

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from pult.kit.migrate import Connection

CLOCK_TOLERANCE = 5  # seconds

LOCALE = "initdb --locale=C.UTF-8 (and, from version 17, --locale-provider=builtin --builtin-locale=C.UTF-8)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, and in words what was found or what to do."""

    name: str
    ok: bool
    text: str


async def server(conn: Connection, directory: Path | None = None) -> list[Finding]:
    """All checks of the database behind `conn`; it changes nothing. `directory`: of the migrations, if not the installed ones."""
    findings = [await check(conn) for check in CHECKS]
    return [*findings, await _schema(conn, directory)]


def wrong(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.ok]


async def _version(conn: Connection) -> Finding:
    number = int(await conn.fetchval("show server_version_num")) // 10000
    if number >= OLDEST:
        return Finding("version", ok=True, text=f"PostgreSQL {number}")
    return Finding("version", ok=False, text=f"PostgreSQL {number} is too old: Pult needs {OLDEST} or newer")


async def _encoding(conn: Connection) -> Finding:
    encoding = await conn.fetchval("show server_encoding")
    if encoding == "UTF8":
        return Finding("encoding", ok=True, text="UTF8")
    text = f"the database is encoded in {encoding}: make it anew with `create database … encoding 'UTF8' template template0`"
    return Finding("encoding", ok=False, text=text)


async def _letters(conn: Connection) -> Finding:
    """With LC_CTYPE C, and with some providers of version 17, letters beyond ASCII have no case and no neighbours."""
    if await conn.fetchval("select lower('Я') = 'я' and upper('ё') = 'Ё' and 'я' ~ '\\w'"):
        return Finding("letters", ok=True, text="letters of all alphabets are known")
    return Finding(
        "letters", ok=False, text=f"the database's locale knows ASCII letters only: make the database with {LOCALE}"
    )


async def _search(conn: Connection) -> Finding:
    if await conn.fetchval("select to_tsvector('russian', 'Заявки') @@ to_tsquery('russian', 'заявка')"):
        return Finding("search", ok=True, text="full-text search folds case and endings")
    text = f"full-text search does not find «Заявки» by «заявка», since LC_CTYPE is C: make the database with {LOCALE}"
    return Finding("search", ok=False, text=text)


async def _extension(conn: Connection) -> Finding:
    if await conn.fetchval("select true from pg_available_extensions where name = 'btree_gin'"):
        return Finding("extension", ok=True, text="btree_gin is at hand")
    text = "the extension btree_gin is missing: install PostgreSQL's contrib package (postgresql-contrib)"
    return Finding("extension", ok=False, text=text)


async def _primary(conn: Connection) -> Finding:
    if not await conn.fetchval("select pg_is_in_recovery()"):
        return Finding("primary", ok=True, text="takes changes")
    text = "this server is a replica and takes no changes: give the primary's address, or several with target_session_attrs=read-write"
    return Finding("primary", ok=False, text=text)


async def _clock(conn: Connection) -> Finding:
    before = datetime.now(UTC)
    there = await conn.fetchval("select clock_timestamp()")
    here = before + (datetime.now(UTC) - before) / 2  # half the way there and back
    apart = abs((there - here).total_seconds())
    if apart < CLOCK_TOLERANCE:
        return Finding("clock", ok=True, text=f"{apart:.1f} s from the database's")
    return Finding(
        "clock", ok=False, text=f"this machine's clock and the database's are {apart:.0f} s apart: run NTP on both"
    )


async def _schema(conn: Connection, directory: Path | None) -> Finding:
    try:
        await migrate.require_current(conn, directory)
    except migrate.MigrationError as error:
        return Finding("schema", ok=False, text=str(error))
    return Finding("schema", ok=True, text=f"at migration {await migrate.version(conn)}")


CHECKS: tuple[Callable[[Connection], Awaitable[Finding]], ...] = (
    _version,
    _encoding,
    _letters,
    _search,
    _extension,
    _primary,
    _clock,
)

"""`pult demo`: a bicycle shop's help desk with three years behind it, at any size, in minutes.

One session tells the story in temporary tables and streams it out; another takes it in by COPY, in one transaction that
also takes the indexes away and builds them again. So both cores work, and a crash leaves the desk as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from pult.cli.database import dsn_of
from pult.cli.demo.load import DemoReport, Load
from pult.cli.demo.steps import steps
from pult.deskfile.first_desk import make_first_desk
from pult.kit import migrate
from pult.kit.errors import DeskError
from pult.kit.files import open_store
from pult.kit.postgres import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pult.kit.files import FileStore
    from pult.settings import Settings

__all__ = ["DemoReport", "DeskNotEmpty", "fill", "run"]

# For sorting five million lines and building their indexes; given back when the two sessions end.
SESSION = {
    "application_name": "pult demo",
    "timezone": "UTC",
    "jit": "off",
    "work_mem": "256MB",
    "maintenance_work_mem": "768MB",
    "max_parallel_maintenance_workers": "2",
    "statement_timeout": "0",
    "lock_timeout": "30s",
}
# Index-only scans need the visibility map. Nothing was deleted: the indexes, the great one of the search above all, need no
# look.
VACUUM = "vacuum (freeze, analyze, index_cleanup off) {}"
VACUUMS, VISIBLE = 10, 0.95
OTHERS = ("tickets", "comments", "changes", "ticket_tags", "ticket_fields", "clients", "client_contacts")


class DeskNotEmpty(DeskError):
    """The company has tickets already; the demo never mixes with somebody's work."""


def run(settings: Settings, *, tickets: int, company: str) -> int:
    """Fill the desk of `settings`, saying what is going on; the exit code."""
    store = open_store(settings.files or settings.data_dir / "files")
    began = time.monotonic()

    def progress(what: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {what}", flush=True)

    try:
        with dsn_of(settings) as dsn:
            asyncio.run(_first_desk(dsn, settings))
            report = asyncio.run(fill(dsn, tickets=tickets, company_key=company, files=store, progress=progress))
    except (DeskError, ValueError, EmbeddedError, migrate.MigrationError, asyncpg.PostgresError, OSError) as error:
        print(f"pult: {error}", file=sys.stderr)
        return 1
    print(
        f"{report.tickets:,} tickets, {report.comments:,} comments, {report.clients:,} clients in {report.seconds:.0f} s"
    )
    print(
        f"{sum(report.sizes.values()) / 2**30:.1f} GiB: "
        + ", ".join(f"{name} {size / 2**20:,.0f} MiB" for name, size in report.sizes.items())
    )
    print(
        "words to search for: "
        + ", ".join(f"{word} (in {share:.3%} of the comments)" for word, share in report.words.items())
    )
    return 0


async def _first_desk(dsn: str, settings: Settings) -> None:
    """A login and a token, where nobody has made any: a story that nobody can open would be none."""
    conn = await asyncpg.connect(dsn)
    try:
        async with conn.transaction():  # commit: there is no desk yet to work in
            first = await make_first_desk(conn, settings)
    finally:
        await conn.close()
    if first is not None:
        print(
            f"first login: {first.email}  password: {first.password}\nAPI token: {first.token}\n(printed once)",
            flush=True,
        )


async def fill(
    dsn: str,
    *,
    tickets: int,
    company_key: str = "main",
    files: FileStore | None = None,
    progress: Callable[[str], None],
) -> DemoReport:
    """Fill the company with `tickets` tickets (10 at least) and what belongs to them; made if there is none of that key.

    `files`: where the bytes of attachments go; without it there are none. `progress` is told what is going on. Raises
    DeskNotEmpty, or ValueError for a number of tickets that is out of bounds, before anything is written.
    """
    if not 10 <= tickets <= 100_000_000:
        raise ValueError("a demo desk has from 10 to 100,000,000 tickets")
    began = time.monotonic()
    async with _session(dsn) as writer:
        try:
            loading = writer.transaction()  # commit: one of its own, of statements that no verb has
            async with _session(dsn) as teller, loading:
                company_id = await _company(writer, company_key)
                loaded = await Load(writer, teller, company_id, tickets, progress).run(files)
        except asyncpg.InterfaceError as error:
            if writer.is_closed():
                raise ConnectionError("the database went away; nothing was stored") from error
            raise
        progress("vacuuming and gathering statistics")
        await _vacuum(dsn, writer)
        sizes = await writer.fetch(steps("load.sql")["sizes"], [*OTHERS, "search_documents"])
    return replace(loaded, seconds=time.monotonic() - began, sizes=dict(map(tuple, sizes)))


async def _vacuum(dsn: str, writer: asyncpg.Connection[asyncpg.Record]) -> None:
    """Vacuum until nearly all pages are known to be visible to all: whoever looked at the database during the load, such as
    autovacuum gathering statistics, keeps the new rows from being so until it is done.
    """
    for _ in range(VACUUMS):
        async with _session(dsn) as other:
            await asyncio.gather(
                other.execute(VACUUM.format("search_documents")), writer.execute(VACUUM.format(", ".join(OTHERS)))
            )
        if await writer.fetchval(steps("load.sql")["least visible"], [*OTHERS, "search_documents"]) > VISIBLE:
            return
        await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    conn = await asyncpg.connect(dsn, server_settings=SESSION)
    try:
        yield conn
        await conn.close(timeout=30)
    finally:
        conn.terminate()  # a session that was stopped in the middle of a COPY has no words left to say goodbye with


async def _company(conn: asyncpg.Connection[asyncpg.Record], key: str) -> int:
    """The company's id; one demo at a time, and never on top of tickets."""
    sql = steps("load.sql")
    await conn.execute(sql["one at a time"])
    await conn.execute(steps("cast.sql")["company"], key)
    company_id: int = await conn.fetchval(sql["company"], key)
    if await conn.fetchval(sql["busy"], company_id):
        raise DeskNotEmpty(
            f"company {key} has tickets already: the demo only fills an empty one; --company KEY names another or a new one",
            parameter="company",
        )
    return company_id

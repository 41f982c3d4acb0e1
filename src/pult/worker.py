"""The work that nobody asked for: what runs in the background, and how often. Runs until told to stop."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from pult.attachments import store as rows
from pult.kit import metrics, periodic, turns
from pult.kit.files import company_of
from pult.kit.log import get_logger
from pult.kit.periodic import Periodic

if TYPE_CHECKING:
    import asyncio
    from datetime import datetime

    from pult.kit.db import Conn, Pools
    from pult.kit.files import FileStore

log = get_logger()

# A file is stored seconds before its row is committed: what is older and has no row will never have one.
SETTLED = timedelta(hours=1)
FORGOTTEN = timedelta(days=1)
BATCH = 500


async def work(pools: Pools, files: FileStore, stop: asyncio.Event) -> None:
    """Do everything of `jobs` in its rhythm until `stop` is set."""
    await periodic.run_periodic(pools.main, jobs(files), stop)


def jobs(files: FileStore) -> list[Periodic]:
    """What comes round, for one installation."""

    async def sweep(conn: Conn, now: datetime) -> None:
        await sweep_files(conn, files, now)

    async def forget(conn: Conn, now: datetime) -> None:
        await turns.forget_older_than(conn, now - FORGOTTEN)

    async def show(conn: Conn, now: datetime) -> None:
        for name, seconds in (await periodic.ages(conn, every, now)).items():
            metrics.show_periodic_age(name, seconds)

    every = [
        Periodic("sweep files", timedelta(minutes=30), sweep),
        Periodic("forget turns", timedelta(hours=1), forget),
        Periodic("show ages", timedelta(seconds=15), show),
    ]
    return every


async def sweep_files(conn: Conn, files: FileStore, now: datetime) -> int:
    """Delete stored files that no row knows and that are old enough never to get one; answers how many."""
    deleted = 0
    waiting: dict[int, list[str]] = defaultdict(list)
    async for key, _ in files.list_older_than(now - SETTLED):
        company_id = company_of(key)
        waiting[company_id].append(key)
        if len(waiting[company_id]) >= BATCH:
            deleted += await _delete_rowless(conn, files, company_id, waiting.pop(company_id))
    for company_id, keys in waiting.items():
        deleted += await _delete_rowless(conn, files, company_id, keys)
    if deleted:
        log.info("files.swept", deleted=deleted)
    return deleted


async def _delete_rowless(conn: Conn, files: FileStore, company_id: int, keys: list[str]) -> int:
    known = set(await rows.keys_with_rows(conn, company_id=company_id, keys=keys))
    unknown = [key for key in keys if key not in known]
    for key in unknown:
        await files.delete(key)
    return len(unknown)

"""The work that nobody asked for: what runs in the background, and how often. Runs until told to stop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from pult.attachments import store as rows
from pult.deliveries import store as ledger
from pult.kit import metrics, periodic, turns
from pult.kit.files import company_of
from pult.kit.log import get_logger
from pult.kit.periodic import Periodic
from pult.kit.waking import listen
from pult.messaging import store as messages
from pult.messaging.asking import ask_about_silent
from pult.messaging.listening import Listening
from pult.messaging.tending import fetch_files, install_all

if TYPE_CHECKING:
    from datetime import datetime

    from pult.deliveries.dispatch import Dispatcher
    from pult.desk import Desk
    from pult.kit.db import Conn
    from pult.kit.files import FileStore
    from pult.messaging.receiving import Receiving

log = get_logger()

# A file is stored seconds before its row is committed: what is older and has no row will never have one.
SETTLED = timedelta(hours=1)
FORGOTTEN = timedelta(days=1)
REMEMBERED = timedelta(days=90)  # the attempts of what ended
BATCH = 500


async def work(desk: Desk, dispatcher: Dispatcher, receiving: Receiving, stop: asyncio.Event, wakes: str) -> None:
    """Carry deliveries, listen to channels, and do everything of `jobs` in its rhythm, until `stop` is set.

    `wakes`: on what PostgreSQL says that there is something to carry.
    """
    assert desk.settings.database_url is not None
    url = desk.settings.database_url
    aside = [
        asyncio.create_task(listen(url, wakes, dispatcher.woken.set)),
        asyncio.create_task(Listening(receiving, url).run()),
        asyncio.create_task(fetch_files(receiving)),
    ]
    try:
        await asyncio.gather(dispatcher.run(stop), periodic.run_periodic(desk.pools.main, jobs(desk, receiving), stop))
    finally:
        for task in aside:
            task.cancel()
        await asyncio.gather(*aside, return_exceptions=True)


def jobs(desk: Desk, receiving: Receiving) -> list[Periodic]:
    """What comes round, for one installation."""
    files, outlets = desk.files, receiving.outlets

    async def sweep(conn: Conn, now: datetime) -> None:
        await sweep_files(conn, files, now)

    async def forget(conn: Conn, now: datetime) -> None:
        await turns.forget_older_than(conn, now - FORGOTTEN)

    async def forget_deliveries(conn: Conn, _now: datetime) -> None:
        await ledger.forget_attempts(conn, older_than=REMEMBERED)
        await messages.forget_early_reports(conn)

    async def install(_conn: Conn, _now: datetime) -> None:
        await install_all(desk, outlets)

    async def ask(_conn: Conn, _now: datetime) -> None:
        await ask_about_silent(receiving)

    async def show(conn: Conn, now: datetime) -> None:
        metrics.show_queue_age("deliveries", await ledger.waiting_age(conn) or 0.0)
        for name, seconds in (await periodic.ages(conn, every, now)).items():
            metrics.show_periodic_age(name, seconds)

    every = [
        Periodic("sweep files", timedelta(minutes=30), sweep),
        Periodic("forget turns", timedelta(hours=1), forget),
        Periodic("forget old attempts", timedelta(hours=6), forget_deliveries),
        Periodic("ask about messages", timedelta(seconds=30), ask),
        Periodic("install channels", timedelta(seconds=30), install),
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

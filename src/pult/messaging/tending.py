"""What the background does for channels: tell providers where to call, and fetch clients' files from them."""

from __future__ import annotations

import asyncio
import hashlib
import html as markup
import tempfile
from typing import IO, TYPE_CHECKING, Final

import msgspec

from pult.kit.files import new_key
from pult.kit.http_out import HttpOutError
from pult.kit.log import get_logger
from pult.messaging import store
from pult.messaging.contract import FileIn, SendError
from pult.messaging.outlets import BadChannelSettings, ChannelGone
from pult.tickets.change import hold
from pult.tickets.comment import comment
from pult.tickets.open import NewComment

if TYPE_CHECKING:
    from pult.desk import Desk
    from pult.kit.work import Work
    from pult.messaging.contract import Adapter, ChannelRecord, Content
    from pult.messaging.outlets import Outlets
    from pult.messaging.receiving import Receiving
    from pult.messaging.store import ClaimFileRow
    from pult.tickets.caller import Caller

log = get_logger()

INSTALL_WITHIN: Final = 20.0  # seconds
FETCH_WITHIN: Final = 110.0  # seconds; the row is another's after two minutes
FETCHED_AT_MOST: Final = 100 * 1024 * 1024  # bytes
FETCH_PAUSES: Final = (5.0, 30.0, 120.0, 600.0, 3600.0)
LOOK: Final = 1.0


async def install_all(desk: Desk, outlets: Outlets) -> None:
    """Ask each provider whose channel is new or changed to call us; what it says is kept, and asked again when it failed."""
    for record, adapter in await outlets.all():
        if adapter.installs:
            try:
                await _install(desk, record, adapter)
            except Exception:  # a fault of ours with one channel is no reason to leave out the others
                log.exception("channel.not_installed", channel_type=record.type)


async def _install(desk: Desk, record: ChannelRecord, adapter: Adapter) -> None:
    address = f"{desk.settings.address}/inbound/{record.id}/{record.inbound_secret}"
    wanted = hashlib.sha256(address.encode() + msgspec.json.encode(record.settings)).hexdigest()
    pool = desk.pools.main
    ids = {"company_id": record.company_id, "channel_id": record.id}
    if await store.installed_of(pool, **ids) == wanted:
        return
    try:
        async with asyncio.timeout(INSTALL_WITHIN):
            await adapter.install(address)
    except (SendError, TimeoutError) as error:
        text = f"{error.code}: {error.text}" if isinstance(error, SendError) else "no answer in time"
        log.info("channel.not_installed", channel_type=record.type)
        await store.keep_installed(
            pool, installed=None, report=f"the provider was not told: {text}"[:500], healthy=False, **ids
        )
        return
    await store.keep_installed(pool, installed=wanted, report="the provider knows our address", healthy=True, **ids)


async def fetch_files(receiving: Receiving) -> None:
    """Fetch what clients sent and providers still have, one after the other, until cancelled."""
    while True:
        try:
            row = await store.claim_file(receiving.desk.pools.main)
            if row is not None:
                await _fetch(receiving, row)
                continue
        except Exception as error:  # noqa: BLE001  # mostly a lost database; the row is due again in two minutes
            log.warning("files.interrupted", reason=type(error).__name__)
        await asyncio.sleep(LOOK)


async def _fetch(receiving: Receiving, row: ClaimFileRow) -> None:
    desk = receiving.desk
    key = new_key(row.company_id)
    try:
        with tempfile.TemporaryFile() as scratch:
            async with asyncio.timeout(FETCH_WITHIN):
                _, adapter = await receiving.outlets.of(row.channel_id)
                content = await adapter.open_file(FileIn(row.ref, row.name, row.mime))
                size = await _spool(content, scratch)
                await desk.files.put(key, scratch)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told, and the file tried again
        await desk.files.delete(key)
        await _not_fetched(receiving, row, error)
        return
    await store.file_came(
        desk.pools.main,
        company_id=row.company_id,
        id=row.id,
        name=(content.name or row.name)[:255],
        type=(content.mime or row.mime)[:255],
        size=size,
        key=key,
    )


async def _spool(content: Content, scratch: IO[bytes]) -> int:
    """The bytes into `scratch`, which is rewound; how many."""
    size = 0
    async for chunk in content.chunks:
        size += len(chunk)
        if size > FETCHED_AT_MOST:
            raise SendError("too_large", f"the file is larger than {FETCHED_AT_MOST} bytes")
        scratch.write(chunk)
    scratch.seek(0)
    return size


async def _not_fetched(receiving: Receiving, row: ClaimFileRow, error: Exception) -> None:
    """Later again; a file that is given up is told in the ticket, so that nobody waits for it."""
    final = isinstance(error, ChannelGone | BadChannelSettings) or (isinstance(error, SendError) and not error.retry)
    final = final or row.attempts > len(FETCH_PAUSES)
    text = _words(error)[:500]
    if final:
        by = await receiving.companies.desk_of(row.company_id, row.channel_id)
        await receiving.desk.done(by, lambda work: _give_up(work, row, text))
        return
    await store.file_failed(
        receiving.desk.pools.main,
        company_id=row.company_id,
        id=row.id,
        pause=FETCH_PAUSES[min(row.attempts, len(FETCH_PAUSES)) - 1],
        final=False,
        text=text,
    )


def _words(error: Exception) -> str:
    if isinstance(error, SendError):
        return error.text
    return str(error) if isinstance(error, HttpOutError) else type(error).__name__


async def _give_up(work: Work[Caller], row: ClaimFileRow, text: str) -> None:
    company_id = work.by.company_id
    await store.file_failed(work.conn, company_id=company_id, id=row.id, pause=0.0, final=True, text=text)
    ticket_id = await store.ticket_of_comment(work.conn, company_id=company_id, comment_id=row.comment_id)
    assert ticket_id is not None
    said = f"The file {row.name} could not be fetched from the provider: {text}"
    note = NewComment(message=markup.escape(said), text=said, author="trigger", visibility="private")
    await comment(work, await hold(work, ticket_id), note)

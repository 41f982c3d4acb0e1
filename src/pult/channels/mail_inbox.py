"""A mailbox that is read for as long as the desk runs: first everything is stored, then marked at the server, then read."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg

from pult.channels import mail_in
from pult.channels.mail_imap import Mailbox, MailboxError
from pult.kit import metrics
from pult.kit.connecting import lost
from pult.kit.files import FileGone
from pult.kit.http_out import NotSent
from pult.kit.log import get_logger
from pult.mail.actions import Folder, RawMail
from pult.messaging.contract import Event, Incoming, SendError
from pult.tickets.configuration import Stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from pult.channels.mail_reading import MailReader
    from pult.channels.mail_settings import MailboxServer
    from pult.kit.http_out import PrivateNetworks
    from pult.mail.actions import Mailroom, Settled
    from pult.mail.store import WaitingRow
    from pult.messaging.contract import Inbox, StatusReport

log = get_logger()
Result = TypeVar("Result")

LARGEST: Final = 64 * 1024 * 1024  # bytes of a message that is fetched whole
COMPARED_EVERY: Final = 600.0  # seconds between two looks at the whole folder
OVERLAP: Final = timedelta(days=2)  # how far back to look in a folder that was numbered anew
MOST_ATTEMPTS: Final = 4  # to read a message that ends the process that reads it


class MailInbox:
    """One channel's. `run` ends by an error or by being cancelled, and may be run again."""

    def __init__(
        self, server: MailboxServer, networks: PrivateNetworks, room: Mailroom, reader: MailReader, inbox: Inbox
    ) -> None:
        self._server, self._networks, self._room, self._reader = server, networks, room, reader
        self._inbox = inbox
        self._highest = self._on_server = self._missing = 0

    async def run(self) -> None:
        """Read what was stored, then the mailbox. SendError where that cannot be had."""
        await self.read_waiting()
        thread = ThreadPoolExecutor(1, thread_name_prefix="mailbox")
        box: Mailbox | None = None
        try:
            address = await self._networks.resolve(self._server.host, self._server.port)
            box = await _in(thread, Mailbox, self._server, address)
            await self._watch(box, thread)
        except NotSent as error:
            raise SendError("unreachable", str(error)) from error
        except MailboxError as error:
            raise SendError("mailbox", str(error)) from error
        finally:
            if box is not None:
                box.hang_up()
            thread.shutdown(wait=False, cancel_futures=True)

    async def _watch(self, box: Mailbox, thread: ThreadPoolExecutor) -> None:
        folder = Folder(self._server.folder, box.opened.uidvalidity)
        first = await self._first_uid(folder, box, thread)
        compared_at = float("-inf")
        while True:
            now = asyncio.get_running_loop().time()
            compare = now - compared_at > COMPARED_EVERY
            if compare:
                compared_at = now
                await self._compare(folder, first, box, thread)
            else:
                await self._look(folder, first, box, thread)
            if await self.read_waiting() or compare:
                await self._report(folder)
            if box.idles:
                await _in(thread, box.idle, self._server.poll)
            else:
                await asyncio.sleep(self._server.poll)

    async def _first_uid(self, folder: Folder, box: Mailbox, thread: ThreadPoolExecutor) -> int:
        """From which number on the folder is ours. What was there and read before the channel was is nobody's."""
        known = await self._room.first_uid(folder)
        if known is not None:
            return known
        since = await self._room.since()
        older = await _in(thread, box.unread_uids)
        if since.anything and since.last_stored_at is not None:  # the server numbers its messages anew
            log.warning("mail.numbered_anew", channel=self._room.channel_id)
            older = sorted({*older, *await _in(thread, box.uids_since, (since.last_stored_at - OVERLAP).date())})
        await self._store(folder, older, box, thread)
        await self._room.begin(folder, box.opened.next_uid)
        return box.opened.next_uid

    async def _compare(self, folder: Folder, first: int, box: Mailbox, thread: ThreadPoolExecutor) -> None:
        """Every number on the server against every stored one; what of ours is missing is fetched, whyever it is."""
        found = await _in(thread, box.uids_from, 1)
        stored = await self._room.stored_uids(folder, 1)
        await _in(thread, box.mark_seen, await _unseen_of(stored.intersection(found), box, thread))
        await self._store(folder, [uid for uid in found if uid >= first and uid not in stored], box, thread)
        known = await self._room.stored_uids(folder, 1)
        ours = [uid for uid in found if uid >= first or uid in known]
        self._on_server, self._missing = len(ours), len(set(ours) - known)
        self._highest = max([*found, first - 1])

    async def _look(self, folder: Folder, first: int, box: Mailbox, thread: ThreadPoolExecutor) -> None:
        """Store what has come since."""
        found = await _in(thread, box.uids_from, max(first, self._highest + 1))
        await self._store(folder, found, box, thread)
        self._on_server += len(found)
        self._highest = max([*found, self._highest])

    async def _store(self, folder: Folder, uids: list[int], box: Mailbox, thread: ThreadPoolExecutor) -> None:
        """Each message is committed before the server hears that it was seen."""
        for uid in uids:
            mail = await _in(thread, _fetched, box, uid)
            if mail is not None:
                await self._room.keep(folder, mail)
                await _in(thread, box.mark_seen, [uid])

    async def read_waiting(self) -> int:
        """Read every stored message that nobody has read, and say how many; one that cannot be read stops none of the others."""
        read = 0
        while rows := await self._room.waiting():
            for row in rows:
                await self._read(row)
            read += len(rows)
        return read

    async def _read(self, row: WaitingRow) -> None:
        copy_of, reused = await self._room.earlier(row)
        if copy_of is not None:
            await self._room.settle(row, "ignored", reason=f"a copy of message {copy_of}")
            return
        name = _name(row, reused=reused)
        await self._room.begin_reading(row, name)
        raw = b""
        try:
            if row.reason is not None or row.attempts >= MOST_ATTEMPTS:
                await self._attention(row, raw, name, row.reason or "reading it failed again and again")
                return
            raw = await self._room.content(row.key)
            verdict = await self._reader.verdict(row, raw, name)
            await self._take(verdict.what, name)
        except FileGone:
            await self._attention(row, raw, name, "its file is gone")
        except Exception as error:  # whatever it is: nobody's mail is lost, and nobody else's waits
            if _is_away(error):
                raise
            log.warning("mail.unreadable", channel=self._room.channel_id, error=_where(error))
            await self._attention(row, raw, name, type(error).__name__)
        else:
            state: Settled = "parsed" if verdict.what is not None else "ignored"
            await self._room.settle(
                row, state, reason=verdict.reason, sender=verdict.sender, automatic=verdict.automatic
            )

    async def _take(self, what: Incoming | StatusReport | None, name: str) -> None:
        if what is not None:
            await self._inbox.take([Event(what)])
        if isinstance(what, Incoming) and not await self._room.taken(name):
            raise ChannelClosed

    async def _attention(self, row: WaitingRow, raw: bytes, name: str, why: str) -> None:
        """A ticket that shows the message as it came. Where even that fails the row says so, and the figures do."""
        reason = why
        try:
            raw = raw or await self._room.content(row.key)
            await self._take(await self._reader.unreadable(row, raw, name, why), name)
        except FileGone:
            reason = "its file is gone"
        except Exception as error:
            if _is_away(error):
                raise
            log.warning("mail.no_ticket", channel=self._room.channel_id, error=_where(error))
            reason = f"{why}; no ticket: {type(error).__name__}"
        await self._room.settle(row, "needs_attention", reason=reason)

    async def _report(self, folder: Folder) -> None:
        counts = await self._room.counts(folder)
        figures = {
            "on_server": self._on_server,
            "missing": self._missing,
            "stored": counts.stored,
            "parsed": counts.parsed,
            "ignored": counts.ignored,
            "needs_attention": counts.needs_attention,
        }
        for state, number in figures.items():
            metrics.show_mail(self._room.channel_id, state, number)
        await self._inbox.well(f"reading {folder.name}", **figures)


def _is_away(error: Exception) -> bool:
    """Whether the desk is unwell and not the message: then it is read when the desk is well again."""
    return lost(error) or isinstance(error, OSError | Stale | ChannelClosed | asyncpg.TransactionRollbackError)


def _where(error: Exception) -> str:
    """An error's name and place: its words may be those of somebody's message."""
    frames = extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


class ChannelClosed(Exception):
    """The desk takes nothing for this channel any more; its mail waits until it is opened again."""


async def _in(thread: ThreadPoolExecutor, what: Callable[..., Result], *arguments: Any) -> Result:
    return await asyncio.get_running_loop().run_in_executor(thread, what, *arguments)


async def _unseen_of(uids: set[int], box: Mailbox, thread: ThreadPoolExecutor) -> list[int]:
    """Of messages that are stored those that the server was not told of: we ended in between."""
    unread = await _in(thread, box.unread_uids) if uids else []
    return [uid for uid in unread if uid in uids]


def _fetched(box: Mailbox, uid: int) -> RawMail | None:
    """A message from the server; of one that is too long only its head."""
    size = box.size(uid)
    if size is None:
        return None
    reason = None if size <= LARGEST else f"it is {size / 1e6:.0f} MB long"
    content = box.whole(uid) if reason is None else box.head(uid)
    if content is None:
        return None
    return RawMail(uid, content, mail_in.message_id_of(content), mail_in.hash_of(content), size, reason)


def _name(row: WaitingRow, *, reused: bool) -> str:
    """What the desk knows a message by: its id, and what it says where it has none or another has it too."""
    if row.message_id is None:
        return f"hash:{row.hash}"
    return f"{row.message_id}#{row.hash[:16]}" if reused else row.message_id

"""One stored message becomes what it is: a client's, a report on one of ours, or nothing that anybody needs to see."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Final

from pult.channels import mail_in
from pult.channels.mail_automatic import Nature, nature, reads_nothing
from pult.channels.mail_bounces import report
from pult.channels.mail_out import INSTANCE_HEADER
from pult.channels.mail_quotes import fold
from pult.channels.mail_quotes_html import fold_html
from pult.channels.mail_text import text_of_html
from pult.channels.mail_tokens import TAG
from pult.messaging.contract import FileIn, Incoming, State, StatusReport

if TYPE_CHECKING:
    from pult.channels.mail_bounces import Report
    from pult.channels.mail_in import Person, ReadMail
    from pult.channels.mail_parts import MailFile
    from pult.channels.mail_tokens import Tokens
    from pult.mail.actions import Mailroom
    from pult.mail.store import WaitingRow

CID: Final = re.compile(r"(?i)(\bsrc\s*=\s*[\"']?)cid:([^\"'\s>]+)")
NOBODY: Final = (
    "unknown-sender@invalid"  # of a message without any sender; the domain can never be written to (RFC 2606)
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message is. `what`: what the desk is told, None where nothing; `reason`: why it is ignored."""

    what: Incoming | StatusReport | None
    reason: str | None = None
    sender: str | None = None
    automatic: bool = False


class MailReader:
    """Reads the messages of one channel. `most_automatic`: of one address in an hour."""

    def __init__(self, room: Mailroom, tokens: Tokens, most_automatic: int) -> None:
        self._room, self._tokens, self._most_automatic = room, tokens, most_automatic

    async def verdict(self, row: WaitingRow, raw: bytes, name: str) -> Verdict:
        """What the message is; `name`: what the desk is to know it by. Raises whatever its strangeness brings about."""
        mail = await asyncio.to_thread(mail_in.read, raw)
        sender = mail.sender.address if mail.sender else None
        if self._is_own(mail):
            return Verdict(None, "our own message", sender)
        told = await asyncio.to_thread(report, mail, self._tokens)
        if told is not None:
            return replace(await self._reported(told, mail, row), sender=sender, automatic=True)
        kind = nature(mail, own=sender is not None and self._tokens.is_ours(sender))
        automatic = kind is not Nature.PERSON
        ticket_id = await self._ticket(mail)
        if (reason := await self._unwanted(mail, kind, ticket_id)) is not None:
            return Verdict(None, reason, sender, automatic)
        message = await self._message(mail, row, name)
        return Verdict(replace(message, ticket_id=ticket_id, automatic=automatic), None, sender, automatic)

    async def unreadable(self, row: WaitingRow, raw: bytes, name: str, why: str) -> Incoming:
        """A message that could not be read, for a person to look at: the file as it came."""
        sender = mail_in.guessed_sender(raw) or NOBODY
        text = f"A message came that could not be read ({why}). It is attached as it came."
        file = FileIn("", "message.eml", "message/rfc822", len(raw), row.key)
        return Incoming(
            name,
            row.stored_at,
            text=text,
            email=sender,
            files=[file],
            subject="Needs attention: a message that could not be read",
            automatic=True,
        )

    def _is_own(self, mail: ReadMail) -> bool:
        """Whether we wrote it: by its id, or by our header where a server gave it another id on the way."""
        if mail.message_id and self._tokens.of_message_id(mail.message_id):
            return True
        ours = mail.first(INSTANCE_HEADER.lower()) == self._tokens.instance
        return ours and mail.sender is not None and mail.sender.address == self._tokens.address.lower()

    async def _reported(self, told: Report, mail: ReadMail, row: WaitingRow) -> Verdict:
        if told.state is None:
            return Verdict(None, f"{told.code}: {told.text}"[:300])
        tokens = [token for one in told.message_ids if (token := self._tokens.of_message_id(one))]
        failed = told.address if told.state is State.FAILED else None
        if tokens and failed and await self._room.is_copied(tokens[0].comment_id, failed):
            return Verdict(None, f"the copy to {failed} was not delivered: {told.code} {told.text}"[:300])
        own = next((one for one in told.message_ids if self._tokens.of_message_id(one)), None)
        message_id = own or next(iter(told.message_ids), None)
        signed = told.own_id is not None or own is not None
        if not signed and (message_id is None or await self._room.ticket_of([message_id]) is None):
            return Verdict(None, "a report on no message of ours")
        at = min(mail.at, row.stored_at) if mail.at else row.stored_at
        words = f"{told.address}: {told.text}" if told.address else told.text
        return Verdict(
            StatusReport(told.state, at, message_id=message_id, own_id=told.own_id, code=told.code, text=words[:500])
        )

    async def _unwanted(self, mail: ReadMail, kind: Nature, ticket_id: int | None) -> str | None:
        """Why nobody needs to see a message that no person wrote."""
        if kind is Nature.PERSON or (kind is Nature.NOTICE and ticket_id is None):
            return None  # a notice that answers nothing of ours is no loop, however often it comes
        if ticket_id is None:
            return "an automatic answer to nothing of ours"
        answered = next((token for one in mail.answers if (token := self._tokens.of_message_id(one))), None)
        if answered is not None and answered.automatic:
            return "an automatic answer to an automatic message"
        sender = mail.sender.address if mail.sender else NOBODY
        if await self._room.automatic_from(sender) >= self._most_automatic:
            return f"more than {self._most_automatic} automatic messages within an hour"
        return None

    async def _ticket(self, mail: ReadMail) -> int | None:
        """The ticket that the message answers: by our own signature, by an id that we know, by a tag and who wrote it."""
        signed = [ticket for one in mail.recipients if (ticket := self._tokens.ticket_of(one))]
        signed += [token.ticket_id for one in mail.answers if (token := self._tokens.of_message_id(one))]
        for ticket_id in signed:
            if await self._room.ticket_exists(ticket_id):
                return ticket_id
        known = await self._room.ticket_of(mail.answers)
        if known is not None:
            return known
        for number in TAG.findall(mail.subject):
            writer = _writer(mail, self._tokens)
            if writer and int(number) < 2**31 and await self._room.takes_part(int(number), writer.address):
                return int(number)
        return None

    async def _message(self, mail: ReadMail, row: WaitingRow, name: str) -> Incoming:
        writer = _writer(mail, self._tokens)
        files, pictures = await self._files(mail)
        html = mail.parts.html
        if html is not None:
            html = CID.sub(lambda found: _picture_link(found, pictures), html)
        text, shown, whole = await asyncio.to_thread(_folded, mail.parts.text, html)
        at = min(mail.at, row.stored_at) if mail.at else row.stored_at
        own = {self._tokens.address.lower(), writer.address if writer else ""}
        copies = [one.address for one in (*mail.to, *mail.cc) if one.address not in own]
        return Incoming(
            name,
            at,
            text=text,
            html=shown,
            email=writer.address if writer else NOBODY,
            name=writer.name if writer else "",
            files=files,
            subject=mail.subject,
            cc=[one for one in dict.fromkeys(copies) if not self._tokens.is_ours(one)],
            original=whole,
        )

    async def _files(self, mail: ReadMail) -> tuple[list[FileIn], dict[str, str]]:
        """The message's files, stored; and what its pictures are called now, by their ids in it."""
        files, pictures = [], {}
        for one in mail.parts.files:
            if one.content_id is not None and one.mime.startswith("image/") and mail.parts.html is not None:
                digest = sha256(one.content).hexdigest()
                pictures[one.content_id] = digest
                files.append(_file(one, await self._room.put_picture(digest, one.content)))
            else:
                files.append(_file(one, await self._room.put(one.content)))
        return files, pictures


def _file(file: MailFile, key: str) -> FileIn:
    return FileIn("", file.name, file.mime, len(file.content), key)


def _picture_link(found: re.Match[str], pictures: dict[str, str]) -> str:
    """The same picture has the same name in every message."""
    digest = pictures.get(found[2]) or pictures.get(found[2].replace("%40", "@"))
    return f"{found[1]}cid:{digest}" if digest else found[0]


def _folded(text: str, html: str | None) -> tuple[str, str | None, str | None]:
    """Text and HTML without what they quote, and the whole as HTML where that is more."""
    new, quoted = fold(text)
    if html is None:
        whole = escape(text, quote=False).replace("\n", "<br>") if quoted else None
        return new, None, whole
    shown = fold_html(html)
    if shown is None:
        return (new if quoted else text), html, None
    return (new if quoted else text_of_html(shown)), shown, html


def _writer(mail: ReadMail, tokens: Tokens) -> Person | None:
    """Who is to be answered. A form on a web site writes from our own address, or from nobody's, for whom it names."""
    sender, reply_to = mail.sender, mail.reply_to
    if reply_to is None or (sender and reply_to.address == sender.address) or tokens.is_ours(reply_to.address):
        return sender
    if sender is None or tokens.is_ours(sender.address) or reads_nothing(sender.address):
        return reply_to
    return sender

"""Outgoing mail: its envelope, its header and its body, which is made piece by piece while it is sent."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pult.channels import mail_headers as header
from pult.messaging.contract import SendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pult.channels.mail_tokens import Tokens
    from pult.messaging.contract import FileOut, Outgoing

SEVEN_BIT: Final = SMTP.clone(cte_type="7bit")  # every server takes it
BASE64_LINE: Final = 57  # bytes that make a line of 76 characters
INSTANCE_HEADER: Final = "X-Pult-Instance"
ANSWERED: Final = re.compile(r"\s*(re|отв|ответ)\s*(\[\d+\])?\s*:", re.IGNORECASE)
MIME: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}\Z")


@dataclass(frozen=True, slots=True)
class Habits:
    """What a channel's messages look like. `plus`: replies and bounces come back to addresses of their own."""

    sender_name: str
    plus: bool = True
    subject_tag: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A message ready to go. `sender`: where bounces go, "" nowhere; `plain_sender`: the same where that is refused.

    `recipients`: first whom it is for, then copies. `left_out`: copies for what is no address. `size`: of the whole, in
    bytes, about.
    """

    message_id: str
    sender: str
    plain_sender: str
    recipients: Sequence[str]
    left_out: Sequence[str]
    head: bytes
    body: bytes
    files: Sequence[FileOut]
    boundary: str

    @property
    def size(self) -> int:
        return len(self.head) + len(self.body) + sum(file.size * 78 // 57 + 500 for file in self.files)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The message as it goes over the line, dots doubled, up to the line end before the final dot."""
        yield self.head
        if not self.files:
            yield _dotted(self.body)
            return
        yield f"--{self.boundary}\r\n".encode() + _dotted(self.body)
        for file in self.files:
            yield f"\r\n--{self.boundary}\r\n".encode() + _file_head(file)
            async for piece in _base64(file):
                yield piece
        yield f"\r\n--{self.boundary}--\r\n".encode()


def draft(message: Outgoing, tokens: Tokens, habits: Habits, thread: Sequence[tuple[str, bool]]) -> Draft:
    """The message to send. `thread`: the ids of the ticket's messages so far, oldest first, and whether each came in.

    SendError where it cannot be written to whom it is for.
    """
    mail = message.mail
    if mail is None or message.to.email is None:
        raise SendError("no_address", "the client has no e-mail address")
    to, left_out = header.address(message.to.email), list[str]()
    cc, bcc = _copies(mail.cc, left_out), _copies(mail.bcc, left_out)
    special = "" if mail.automatic else (tokens.bounce_address(message.own_id) if habits.plus else None)
    message_id = tokens.message_id(mail.ticket_id, mail.comment_id, message.own_id, automatic=mail.automatic)
    body, boundary = _body(message), "=_" + sha256(f"{tokens.domain}:{message.own_id}".encode()).hexdigest()[:32]
    head = _addresses(message, tokens, habits, to, cc) + _threading(message, habits, message_id, thread)
    head += header.word(INSTANCE_HEADER, tokens.instance) + "MIME-Version: 1.0\r\n"
    if message.files:
        head += f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n\r\n'
    return Draft(
        message_id=message_id,
        sender=tokens.address if special is None else special,
        plain_sender=tokens.address,
        recipients=list(dict.fromkeys([to, *cc, *bcc])),
        left_out=left_out,
        head=head.encode("ascii"),
        body=body,
        files=message.files,
        boundary=boundary,
    )


def _copies(given: Sequence[str], left_out: list[str]) -> list[str]:
    """The addresses among those that were given; a slip in one of them does not keep the message from the client."""
    found = []
    for one in given:
        try:
            found.append(header.address(one))
        except SendError:
            left_out.append(one)
    return found


def _addresses(message: Outgoing, tokens: Tokens, habits: Habits, to: str, cc: Sequence[str]) -> str:
    assert message.mail is not None
    sender = message.mail.sender_name or habits.sender_name
    lines = header.mailboxes("From", [(sender, tokens.address)]) + header.mailboxes("To", [(message.to.name, to)])
    if cc:
        lines += header.mailboxes("Cc", [("", one) for one in cc])
    if habits.plus and (reply := tokens.reply_address(message.mail.ticket_id)):
        lines += header.mailboxes("Reply-To", [(sender, reply)])
    return lines


def _threading(message: Outgoing, habits: Habits, message_id: str, thread: Sequence[tuple[str, bool]]) -> str:
    mail = message.mail
    assert mail is not None
    came = [one for one, from_outside in thread if from_outside]
    answered = mail.in_reply_to or (came[-1] if came else thread[-1][0] if thread else None)
    known = header.references([*(mail.references or [one for one, _ in thread]), *([answered] if answered else [])])
    subject = mail.subject if not (came or mail.in_reply_to) or ANSWERED.match(mail.subject) else f"Re: {mail.subject}"
    if habits.subject_tag and f"[#{mail.ticket_id}]" not in subject:
        subject = f"{subject} [#{mail.ticket_id}]"
    now = datetime.now(UTC)  # clock: a message says when it left
    lines = header.text("Subject", subject) + header.word("Date", format_datetime(now))
    lines += header.ids("Message-ID", [message_id]) + header.ids("In-Reply-To", [answered] if answered else [])
    lines += header.ids("References", known)
    if mail.automatic:
        kind = "auto-replied" if answered else "auto-generated"
        lines += header.word("Auto-Submitted", kind) + header.word("X-Auto-Response-Suppress", "All")
    return lines


def _body(message: Outgoing) -> bytes:
    """Header and content of the text: plain, or plain and HTML."""
    part = EmailMessage(policy=SEVEN_BIT)
    part.set_content(_sound(message.text), cte=None if message.text.isascii() else "base64")
    if message.html is not None and "<" in message.html:  # without markup it is the text, whose lines HTML would join
        part.add_alternative(
            f"<!DOCTYPE html>\n<html><body>{_sound(message.html)}</body></html>\n", subtype="html", cte="base64"
        )
    del part["MIME-Version"]
    if part.is_multipart():
        part.set_boundary("=_a" + sha256(message.own_id.encode()).hexdigest()[:32])
    return part.as_bytes()


def _sound(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _file_head(file: FileOut) -> bytes:
    mime = file.mime if MIME.match(file.mime) and not file.mime.startswith("multipart/") else "application/octet-stream"
    if mime.startswith("message/"):  # these may not be encoded in base64 (RFC 2046)
        mime = "application/octet-stream"
    head = EmailMessage(policy=SEVEN_BIT)
    head["Content-Type"] = mime
    head["Content-Transfer-Encoding"] = "base64"
    name = header.CONTROLS.sub(" ", _sound(file.name)).strip() or "file"
    head.add_header("Content-Disposition", "attachment", filename=name)
    return head.as_bytes()


async def _base64(file: FileOut) -> AsyncIterator[bytes]:
    """The file in lines of base64. SendError where it is no longer what it was: half a file is worse than none."""
    rest, size = b"", 0
    async for chunk in await file.read():
        size += len(chunk)
        rest += chunk
        whole = len(rest) - len(rest) % BASE64_LINE
        yield _lines(rest[:whole])
        rest = rest[whole:]
    yield _lines(rest)
    if size != file.size:
        raise SendError("file_changed", "a file is not as long as it was said to be", retry=True)


def _lines(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _dotted(content: bytes) -> bytes:
    """A dot that begins a line is doubled, so that it does not end the message."""
    return re.sub(rb"(?m)^\.", b"..", content)

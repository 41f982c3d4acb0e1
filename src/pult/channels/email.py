"""E-mail: SMTP out, IMAP in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from pult.channels.adapting import AdapterOf
from pult.channels.mail_headers import address
from pult.channels.mail_imap import Mailbox, MailboxError
from pult.channels.mail_inbox import MailInbox
from pult.channels.mail_out import Habits, draft
from pult.channels.mail_reading import MailReader
from pult.channels.mail_smtp import Smtp
from pult.channels.mail_tokens import Tokens
from pult.kit.http_out import NotSent
from pult.mail.actions import Mailroom
from pult.messaging.contract import Cap, Finding, Receipt, SendError, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.channels.mail_out import Draft
    from pult.channels.mail_settings import EmailSettings
    from pult.messaging.contract import ChannelRecord, Inbox, Outgoing, Outside, Sending


REFUSES_PLUS: Final = (
    "the server refuses mail for support+anything@…: switch it on there, or set `plus_addressing = false` here"
)


class EmailAdapter(AdapterOf):
    """One mailbox, or the half of one that its settings name."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.TEXT, Cap.FILE, Cap.STATUS})
    verified: ClassVar[bool] = True

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        settings: EmailSettings = channel.settings
        self._settings = settings
        own = _own(channel.email)
        self._tokens = Tokens(outside.secret, channel.company_id, channel.id, own)
        self._smtp = Smtp(settings.smtp, outside.http.networks, self._tokens.domain) if settings.smtp else None
        self._room = Mailroom(outside.desk, channel.company_id, channel.id) if outside.desk else None
        self._habits = Habits(
            settings.sender_name or channel.name, plus=settings.plus_addressing, subject_tag=settings.subject_tag
        )
        if settings.imap is not None and self._room is not None:
            self.caps = self.caps | {Cap.LISTEN}  # type: ignore[misc]  # what this channel can do, the class's being every one's

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        """One message to the client and to all copies."""
        if "text" in sending.done:
            return Receipt(State.SENT, message_ids=[sending.done["text"]])
        if self._smtp is None or not self._tokens.domain:
            raise SendError("cannot_send", "the channel has no address or no SMTP server")
        if message.mail is None:
            raise SendError("no_address", "the client has no e-mail address")
        thread = await self._room.thread_of(message.mail.ticket_id, message.mail.comment_id) if self._room else []
        ready = draft(message, self._tokens, self._habits, thread)
        if message.mail.automatic:
            await self._brake(ready, message.mail.ticket_id)
        refused = await self._smtp.send(ready, sending)
        told = [*refused, *(f"no copy went to {one!r}: that is no address" for one in ready.left_out)]
        return Receipt(State.SENT, message_ids=[ready.message_id], note="; ".join(told))

    async def listen(self, inbox: Inbox) -> None:
        """Read the mailbox until cancelled. SendError where it cannot be read."""
        if self._settings.imap is None or self._room is None:
            return
        reader = MailReader(self._room, self._tokens, self._settings.automatic_per_hour)
        await MailInbox(self._settings.imap, self.outside.http.networks, self._room, reader, inbox).run()

    async def check(self) -> Sequence[Finding]:
        """Whether both servers let us in, and whether mail to support+anything@… would arrive."""
        return [*await self._check_smtp(), *await self._check_imap()]

    async def _brake(self, ready: Draft, ticket_id: int) -> None:
        """Two programs that answer each other stop here, whatever the other one forgets to say of itself."""
        if self._room is None:
            return
        for what in (f"to {ready.recipients[0].lower()}", f"ticket {ticket_id}"):
            if not await self._room.may_send(what, self._settings.automatic_per_hour):
                raise SendError("loop", f"more than {self._settings.automatic_per_hour} automatic messages in an hour")

    async def _check_smtp(self) -> list[Finding]:
        if self._smtp is None:
            return [Finding(ok=True, text="no SMTP server: the channel does not send")]
        try:
            async with self._smtp.connected() as smtp:
                found = [Finding(ok=True, text="the SMTP server lets us in")]
                if self._settings.plus_addressing and (extended := self._tokens.bounce_address("check")):
                    taken = await self._smtp.accepts(smtp, self._tokens.address, extended)
                    text = "the server takes mail for support+anything@…" if taken else REFUSES_PLUS
                    found.append(Finding(ok=taken, text=text))
        except SendError as error:
            return [Finding(ok=False, text=f"SMTP: {error.text}")]
        return found

    async def _check_imap(self) -> list[Finding]:
        server = self._settings.imap
        if server is None:
            return [Finding(ok=True, text="no IMAP server: the channel does not receive")]
        try:
            dialled = await self.outside.http.networks.resolve(server.host, server.port)
            box = await asyncio.to_thread(Mailbox, server, dialled)
        except (MailboxError, NotSent) as error:
            return [Finding(ok=False, text=f"IMAP: {error}")]
        idles, opened = box.idles, box.opened
        await asyncio.to_thread(box.close)
        how = "announces new mail" if idles else f"is asked every {server.poll:.0f} seconds"
        return [Finding(ok=True, text=f"the IMAP server {how}", facts={"messages": opened.messages})]


def _own(given: str | None) -> str:
    """The channel's address with its domain in ASCII; "" where it has none that can be written."""
    try:
        return address(given or "")
    except SendError:
        return ""

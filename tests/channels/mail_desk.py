"""A desk with a channel of e-mail between a real SMTP server and a real IMAP server, as the tests of both halves want it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pult.assembly import House, house_of
from pult.channels import registry
from pult.clients.model import ClientWish, email
from pult.deskfile.apply import apply
from pult.deskfile.parse import parse
from pult.messaging.listening import ChannelInbox
from pult.settings import Settings
from pult.tickets.change import hold
from pult.tickets.comment import comment
from pult.tickets.model import Wish
from pult.tickets.open import NewComment, NewTicket, open_ticket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    import asyncpg
    from fakes.dovecot import Dovecot
    from fakes.smtp_server import Mailed, StrictSmtp

DESK = """
[company]
key = "{key}"
name = "Northwind Bikes"
[[group]]
key = "support"
name = "Support"
[[agent]]
key = "alice"
name = "Alice"
email = "alice@{key}.example"
role = "admin"
groups = ["support"]
default_group = "support"
[[channel]]
key = "mail"
type = "email"
name = "Support"
email = "{address}"
group = "support"
smtp = {{ host = "127.0.0.1", port = {smtp} }}
imap = {{ host = "127.0.0.1", port = {imap}, user = "{account}", password = "secret", tls = false, poll = 1 }}
automatic_per_hour = {automatic}
"""


@dataclass
class MailDesk:
    """One company with one mailbox. `account` is its name at the mail server."""

    house: House
    conn: asyncpg.Connection = field(repr=False)
    dovecot: Dovecot
    company: int
    channel: int
    agent: int
    account: str
    address: str

    async def adapter(self) -> Any:
        return (await self.house.outlets.of(self.channel))[1]

    async def listen_once(self) -> None:
        """Until it is cancelled or cannot go on."""
        record, adapter = await self.house.outlets.of(self.channel)
        await adapter.listen(ChannelInbox(self.house.receiving, record))

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.listen_once())
        try:
            yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def deliver(self, raw: bytes, **options: Any) -> None:
        """Into the channel's mailbox, as its mail server does it."""
        self.dovecot.deliver(self.account, raw, **options)

    async def settled(self, count: int, within: float = 40) -> list[dict[str, Any]]:
        """All raw messages, as soon as so many of them were read."""
        return await until(lambda: self._settled(count), within)

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.conn.fetch(query, self.company, *arguments)]

    async def comments(self) -> list[dict[str, Any]]:
        return await self.rows("select * from comments where company_id = $1 order by id")

    async def tickets(self) -> list[dict[str, Any]]:
        return await self.rows("select * from tickets where company_id = $1 order by id")

    async def write(self, to: str, subject: str, text: str, **changes: Any) -> tuple[int, str]:
        """A new ticket whose first comment goes to its client; its number and what became of the message."""
        new = NewComment(message=text, text=text, **({"author": "user", "agent_id": self.agent} | changes))
        by = await self.house.receiving.companies.desk_of(self.company, self.channel)
        wish = NewTicket(Wish(subject=subject), by.channel, new, ClientWish(contacts=(email(to),)))
        opened = await self.house.desk.done(by, lambda work: open_ticket(work, wish))
        return opened.ticket_id, await self._said(opened.comment_id)

    async def answer(self, ticket_id: int, text: str, **changes: Any) -> str:
        """A further comment that goes to the client; what became of the message."""
        new = NewComment(message=text, text=text, **({"author": "user", "agent_id": self.agent} | changes))
        by = await self.house.receiving.companies.desk_of(self.company, self.channel)

        async def verb(work):
            return await comment(work, await hold(work, ticket_id), new)

        return await self._said((await self.house.desk.done(by, verb)).comment_id)

    async def states(self) -> list[tuple[str, str | None]]:
        """State and error of every message that left, in order."""
        query = "select state, error_text from deliveries where company_id = $1 and kind = 'message' order by id"
        return [(row["state"], row["error_text"]) for row in await self.rows(query)]

    async def _said(self, comment_id: int) -> str:
        """The word of the mail server; there is none on delivery to be waited for."""
        await self.house.messages.say(self.company, comment_id, 0)
        query = "select state from deliveries where company_id = $1 and comment_id = $2 and state <> 'queued'"
        [row] = await until(lambda: self.rows(query, comment_id))
        return row["state"]

    async def _settled(self, count: int) -> list[dict[str, Any]]:
        found = await self.rows("select * from mail_messages where company_id = $1 order by id")
        return found if sum(row["state"] != "stored" for row in found) >= count else []


async def until(look: Callable[[], Awaitable[Any]], within: float = 40) -> Any:
    """What `look` answers as soon as that is something."""
    async with asyncio.timeout(within):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


@contextlib.asynccontextmanager
async def opened_house(url: str, folder: Path) -> AsyncIterator[House]:
    settings = Settings(data_dir=folder, database_url=url, allow_private="127.0.0.0/8")
    async with house_of(settings, pool_size=4) as house:
        yield house


async def mail_desk(
    house: House, conn: asyncpg.Connection, dovecot: Dovecot, smtp: StrictSmtp, automatic: int = 10
) -> MailDesk:
    """A company of its own, with a mailbox of its own."""
    key = f"desk{uuid.uuid4().hex[:10]}"
    address = f"{key}@desk.example"
    text = DESK.format(key=key, address=address, account=key, smtp=smtp.port, imap=dovecot.port, automatic=automatic)
    async with conn.transaction():
        applied = await apply(conn, parse(text.encode(), registry.TYPES), address="http://desk.example")
    ids = applied.answer()
    numbers = ids["company"]["id"], ids["channels"]["mail"]["id"], ids["agents"]["alice"]["id"]
    return MailDesk(house, conn, dovecot, *numbers, account=key, address=address)


def delivering(dovecot: Dovecot, accounts: Callable[[str], str | None]) -> Callable[[Mailed], None]:
    """What a mail server does with what it took: into the mailbox of each address, whatever stands behind its plus."""

    def deliver(mail: Mailed) -> None:
        for recipient in mail.recipients:
            account = accounts(recipient.partition("@")[0].partition("+")[0].lower())
            if account is not None:
                dovecot.deliver(account, mail.raw, sender=mail.sender, recipient=recipient)

    return deliver

"""A client's message becomes a ticket or a further comment of one; whatever a provider repeats is known."""

from __future__ import annotations

import html as markup
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pult.clients import model as clients
from pult.kit import html
from pult.messaging import store
from pult.tickets.change import TicketUnknown, change, hold
from pult.tickets.comment import comment
from pult.tickets.model import Status, Wish
from pult.tickets.open import NewComment, NewTicket, StoredFile, open_ticket

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.messaging.contract import Incoming
    from pult.tickets.caller import Caller
    from pult.tickets.facts import Opened
    from pult.tickets.model import Ticket

# A conversation goes on in its last ticket unless that is over for good; then a new one begins.
OVER: Final = frozenset({Status.CLOSED, Status.DELETED, Status.SPAM, Status.MAILING, Status.MERGED})
REOPENED: Final = frozenset({Status.DONE, Status.PENDING})
SUBJECT: Final = 80  # characters
SEARCHED: Final = 100_000  # characters of a message; PostgreSQL's search documents hold no more than 1 MB


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message became."""

    ticket_id: int
    comment_id: int
    opened: bool


async def take(work: Work[Caller], incoming: Incoming) -> Taken | None:
    """The message as a comment, in the conversation's ticket or a new one; None where it was taken before."""
    ids = {"company_id": work.by.company_id, "channel_id": work.by.channel.id}
    if incoming.written_by_us and await store.is_ours(work.conn, message_id=incoming.message_id, **ids):
        return None
    if incoming.message_id and not await store.take_message(work.conn, message_id=incoming.message_id, **ids):
        return None
    known = await store.find_conversation(
        work.conn, provider_ref=incoming.conversation, addresses=_addresses(incoming), **ids
    )
    by_itself = incoming.conversation or not incoming.email  # a mail says what it answers, or answers nothing
    goes_on_in = known.ticket_id if known and by_itself else None
    ticket = await _continued(work, incoming.ticket_id or goes_on_in)
    new = _comment(work.by, incoming)
    if ticket is None:
        opened = await _open(work, incoming, new, known.client_id if known else None)
        taken, client_id = Taken(opened.ticket_id, opened.comment_id, opened=True), opened.client_id
    else:
        written = await comment(work, ticket, new)
        if ticket.status in REOPENED and not incoming.written_by_us:
            await change(work, ticket.id, Wish(status=int(Status.OPEN)), agent_id=None)
        taken, client_id = Taken(ticket.id, written.comment_id, opened=False), ticket.client_id
    await _remember(work, incoming, known.id if known else None, taken, client_id)
    return taken


async def _continued(work: Work[Caller], ticket_id: int | None) -> Ticket | None:
    """The ticket, held, if the conversation goes on in it."""
    if ticket_id is None:
        return None
    try:
        ticket = await hold(work, ticket_id)
    except TicketUnknown:
        return None
    return None if ticket.status in OVER else ticket


def _comment(by: Caller, incoming: Incoming) -> NewComment:
    shown = incoming.html if incoming.html is not None else _as_html(incoming.text)
    original = incoming.original if incoming.original is not None else shown
    message = html.clean(shown)
    stored = [file for file in incoming.files if file.stored_key]
    return NewComment(
        message=message,
        text=html.text_of(message)[:SEARCHED],
        original=original if original != message else None,
        author="user" if incoming.written_by_us else "client",
        agent_id=_agent(by) if incoming.written_by_us else None,
        files=[StoredFile(file.name, file.mime, file.size or 0, file.stored_key or "") for file in stored],
        cc=list(incoming.cc),
        written_elsewhere=incoming.written_by_us,
    )


def _as_html(text: str) -> str:
    return markup.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>")


def _agent(by: Caller) -> int | None:
    """Whose a message is that one of ours wrote in the messenger itself: nobody can say who it was."""
    agents = by.configuration.agents
    if by.channel.default_agent in agents:
        return by.channel.default_agent
    return next((agent.id for agent in agents.values() if agent.role == "admin"), None)


async def _open(work: Work[Caller], incoming: Incoming, new: NewComment, client_id: int | None) -> Opened:
    wish = clients.ClientWish(client_id=client_id, name=incoming.name[:255], contacts=tuple(_contacts(incoming)))
    subject = incoming.subject or _subject(new.text) or incoming.name or "(no text)"
    return await open_ticket(
        work, NewTicket(wish=Wish(subject=subject[:255]), channel=work.by.channel, comment=new, client=wish)
    )


def _subject(text: str) -> str:
    """The message's first words."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= SUBJECT else f"{line[: SUBJECT - 1].rsplit(' ', 1)[0]}…"


def _contacts(incoming: Incoming) -> list[clients.Contact]:
    """What identifies the client; what is no phone, no address and no nickname after all identifies nobody."""
    found = []
    for text, kind in (
        (incoming.email, clients.email),
        (incoming.phone, clients.phone),
        (incoming.username, clients.username),
    ):
        if text:
            try:
                found.append(kind(text))
            except clients.BadContact:
                continue
    return found


def _addresses(incoming: Incoming) -> list[str]:
    """All names under which the conversation may be known, the one for a new conversation first."""
    contacts = {contact.kind: contact.value for contact in _contacts(incoming)}
    found = [f"phone:{contacts['phone']}"] if "phone" in contacts else []
    if incoming.conversation:
        found.append(f"id:{incoming.conversation}")
    if "telegram" in contacts:
        found.append(f"telegram:{contacts['telegram']}")
    return found or ([f"email:{contacts['email']}"] if "email" in contacts else [])


async def _remember(
    work: Work[Caller], incoming: Incoming, conversation_id: int | None, taken: Taken, client_id: int
) -> None:
    company_id, channel_id = work.by.company_id, work.by.channel.id
    if conversation_id is None and (addresses := _addresses(incoming)):
        made = await store.keep_conversation(
            work.conn,
            company_id=company_id,
            channel_id=channel_id,
            client_id=client_id,
            address=addresses[0],
            ticket_id=taken.ticket_id,
            provider_ref=None,
        )
        assert made is not None
        conversation_id = made.id
    if conversation_id is not None:
        await store.heard_from(
            work.conn,
            company_id=company_id,
            id=conversation_id,
            ticket_id=taken.ticket_id,
            at=incoming.at,
            provider_ref=incoming.conversation,
        )
    if incoming.message_id:
        await store.message_became(
            work.conn,
            company_id=company_id,
            channel_id=channel_id,
            message_id=incoming.message_id,
            comment_id=taken.comment_id,
        )
    await _await_files(work, incoming, taken)


async def _await_files(work: Work[Caller], incoming: Incoming, taken: Taken) -> None:
    """What is still at the provider is fetched later."""
    for file in incoming.files:
        if not file.stored_key:
            await store.await_file(
                work.conn,
                company_id=work.by.company_id,
                channel_id=work.by.channel.id,
                comment_id=taken.comment_id,
                ref=file.ref,
                name=file.name[:255] or "file",
                mime=file.mime[:255],
            )

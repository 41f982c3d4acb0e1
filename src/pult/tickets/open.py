"""Open a ticket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pult.clients import actions as clients
from pult.clients.model import ClientWish
from pult.fields.model import filled
from pult.tickets import model, store
from pult.tickets.configuration import Stale
from pult.tickets.facts import ANYHOW, Opened, Reach
from pult.tickets.tagging import add_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pult.kit.work import Work
    from pult.staff.model import Channel
    from pult.tickets.caller import Caller
    from pult.tickets.model import Wish


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file whose bytes the store has already; `key` is where."""

    name: str
    type: str
    size: int
    key: str


@dataclass(frozen=True, slots=True)
class NewComment:
    """What somebody writes. `agent_id` or `trigger_id` where it is not the client's; `text` is what search finds."""

    message: str
    text: str
    original: str | None = None
    author: Literal["client", "user", "trigger"] = "client"
    visibility: Literal["public", "private"] = "public"
    agent_id: int | None = None
    trigger_id: int | None = None
    mentions: Sequence[int] = ()
    files: Sequence[StoredFile] = ()
    cc: Sequence[str] = ()
    reach: Reach = ANYHOW
    written_elsewhere: bool = False  # by one of us, in the messenger's own application: the client has it


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a caller asks for when it opens a ticket."""

    wish: Wish
    channel: Channel
    comment: NewComment
    client: ClientWish = field(default_factory=ClientWish)
    additional_id: str | None = None


async def open_ticket(work: Work[Caller], new: NewTicket) -> Opened:
    """A ticket with client, first comment, files, tags, fields and its creation row, whole or not at all.

    Raises a named error of the desk's where a wish cannot be had, `Stale` where the caller must be looked up again.
    """
    company_id, by = work.by.company_id, work.by
    ticket = model.opened(new.wish, new.channel, by.staff, by.configuration.fields)
    found = await clients.meant(
        work.conn, new.client, company_id=company_id, token_hash=by.token_hash, config_version=by.version
    )
    if not found.current:
        raise Stale
    client_id = await clients.settle(work.conn, new.client, found, company_id=company_id)
    email = found.email if new.channel.type == "email" else None
    opened = await _insert(work, ticket, new, client_id, email)
    if ticket.tags:
        await add_tags(work.conn, company_id, opened.ticket_id, ticket.tags)
    await _fields(work, opened.ticket_id, ticket.fields)
    await add_parts(work, opened.comment_id, new.comment)
    work.record(opened)
    return opened


async def _insert(
    work: Work[Caller], ticket: model.Ticket, new: NewTicket, client_id: int, email: str | None
) -> Opened:
    comment = new.comment
    row = await store.insert_ticket(
        work.conn,
        company_id=work.by.company_id,
        subject=ticket.subject,
        status=ticket.status,
        type=ticket.type,
        priority=ticket.priority,
        client_id=client_id,
        channel_id=ticket.channel_id,
        group_id=ticket.group_id,
        assignee_id=ticket.assignee_id,
        email=email,
        additional_id=new.additional_id,
        filled=filled(work.by.configuration.fields, ticket.fields),
        author=comment.author,
        visibility=comment.visibility,
        agent_id=comment.agent_id,
        comment_client_id=client_id if comment.author == "client" else None,
        trigger_id=comment.trigger_id,
        cc=list(comment.cc),
        message=comment.message,
        original=comment.original,
        message_text=comment.text,
    )
    assert row is not None
    return Opened(row.ticket_id, row.comment_id, ticket.channel_id, client_id, **spoken(comment))


async def _fields(work: Work[Caller], ticket_id: int, values: Mapping[int, str]) -> None:
    if values:
        await store.set_fields(
            work.conn,
            company_id=work.by.company_id,
            ticket_id=ticket_id,
            field_ids=list(values),
            given_values=list(values.values()),
        )


def spoken(comment: NewComment) -> dict[str, Any]:
    """What its fact says of a comment."""
    public = comment.visibility == "public"
    ours = comment.author != "client" and not comment.written_elsewhere
    return {"author": comment.author, "public": public, "outgoing": public and ours, "reach": comment.reach}


async def add_parts(work: Work[Caller], comment_id: int, comment: NewComment) -> None:
    """Mentions and files of a comment."""
    if comment.mentions:
        await store.add_mentions(
            work.conn, company_id=work.by.company_id, comment_id=comment_id, agent_ids=list(comment.mentions)
        )
    if comment.files:
        await store.add_files(
            work.conn,
            company_id=work.by.company_id,
            comment_id=comment_id,
            names=[f.name for f in comment.files],
            types=[f.type for f in comment.files],
            sizes=[f.size for f in comment.files],
            keys=[f.key for f in comment.files],
        )

"""Write a further comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pult.tickets import store
from pult.tickets.facts import Commented
from pult.tickets.open import add_parts, spoken

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller
    from pult.tickets.model import Ticket
    from pult.tickets.open import NewComment


async def comment(work: Work[Caller], ticket: Ticket, new: NewComment) -> Commented:
    """The comment, with its files and mentions. The unit of work holds the ticket (`pult.tickets.change.hold`)."""
    comment_id = await store.insert_comment(
        work.conn,
        company_id=work.by.company_id,
        ticket_id=ticket.id,
        author=new.author,
        visibility=new.visibility,
        agent_id=new.agent_id,
        client_id=ticket.client_id if new.author == "client" else None,
        trigger_id=new.trigger_id,
        cc=list(new.cc),
        message=new.message,
        original=new.original,
        message_text=new.text,
    )
    assert comment_id is not None
    await add_parts(work, comment_id, new)
    fact = Commented(ticket.id, comment_id, ticket.channel_id, ticket.client_id, **spoken(new))
    work.record(fact)
    return fact

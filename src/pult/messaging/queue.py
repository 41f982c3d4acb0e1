"""A comment for a client becomes a row of the ledger, in the transaction that wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pult.messaging import store
from pult.messaging.contract import BadRecipient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.kit.db import Conn
    from pult.kit.work import Work
    from pult.staff.model import Channel
    from pult.tickets.caller import Caller
    from pult.tickets.facts import Commented, Reach

EMAIL = "email"
API = "api"


async def queue(work: Work[Caller], fact: Commented) -> None:
    """What the comment sends, if its channel sends anything. BadRecipient where a messenger cannot know to whom.

    What the desk writes by itself stays where it can go nowhere: its message is seen as failed.
    """
    channel = work.by.configuration.channels.get(fact.channel_id)
    if not fact.outgoing or channel is None or channel.type == API:
        return
    ids = {"company_id": work.by.company_id, "ticket_id": fact.ticket_id, "comment_id": fact.comment_id}
    conversation_id = None
    if channel.type != EMAIL:
        try:
            conversation_id = await _conversation(work.conn, fact, channel, work.by.company_id)
        except BadRecipient as error:
            if work.by.token_hash is not None:  # a caller is told, and nothing is stored
                raise
            await store.refuse_message(work.conn, channel_id=channel.id, code="nobody", text=error.text, **ids)
            return
    details = msgspec.json.encode(_details(fact.reach)).decode()
    await store.queue_message(work.conn, channel_id=channel.id, conversation_id=conversation_id, details=details, **ids)


def _details(reach: Reach) -> dict[str, Any]:
    if reach.template is None:
        return {}
    return {
        "template": reach.template,
        "language": reach.template_language,
        "variables": list(reach.template_variables),
    }


async def _conversation(conn: Conn, fact: Commented, channel: Channel, company_id: int) -> int:
    """The conversation in which the message goes: as the caller said, else the ticket's, else the client's first number."""
    channel_id, client_id = fact.channel_id, fact.client_id
    address = _asked(fact.reach, channel)
    if address is None:
        of_ticket = await store.conversation_of_ticket(
            conn, company_id=company_id, channel_id=channel_id, ticket_id=fact.ticket_id
        )
        if of_ticket is not None:
            return of_ticket.id
        known = await store.reachable_at(conn, company_id=company_id, client_id=client_id, channel_id=channel_id)
        assert known is not None
        address = _known(known, channel)
    if address is None:
        raise _nobody(fact.reach, channel)
    row = await store.keep_conversation(
        conn,
        company_id=company_id,
        channel_id=channel_id,
        client_id=client_id,
        address=address,
        ticket_id=fact.ticket_id,
        provider_ref=None,
    )
    assert row is not None
    return row.id


def _asked(reach: Reach, channel: Channel) -> str | None:
    """A nickname goes before a phone where both are given and the channel writes to nicknames."""
    if reach.username and channel.by_username:
        return f"telegram:{reach.username}"
    return f"phone:{reach.phone}" if reach.phone and channel.by_phone else None


def _known(known: Any, channel: Channel) -> str | None:
    """The client's first phone or nickname; else where the client has written from, which is all that a bot knows."""
    if known.phone and channel.by_phone:
        return f"phone:{known.phone}"
    if known.username and channel.by_username:
        return f"telegram:{known.username}"
    address: str | None = known.address
    return address


def _nobody(reach: Reach, channel: Channel) -> BadRecipient:
    if channel.by_phone:
        return BadRecipient("the client has no phone to send to", parameter="phone")
    given = "phone" if reach.phone else "username" if reach.username else "client"
    return BadRecipient("the client has not written to the bot yet, and a bot cannot write first", parameter=given)


def template_text(key: str, variables: Sequence[str]) -> str:
    """What is shown of a template whose text the provider does not tell."""
    return f"[{key}] {' · '.join(variables)}".strip()

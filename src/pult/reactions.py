"""What follows from what: each fact with its reactions, in order. The slices that react never know of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pult.messaging import queue as messages
from pult.messaging.reports import MessageReported
from pult.tickets.facts import Commented, Opened, Rated, TicketChanged
from pult.webhooks import actions as webhooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pult.kit.work import Work
    from pult.tickets.caller import Caller

    Reaction = Callable[[Work[Caller], Any], Awaitable[None]]

# What receivers read of a message's way; the words of the vendor's webhook.
WORDS: Final = {"sent": "SENT", "delivered": "DELIVERED", "read": "READ", "failed": "NOT DELIVERED"}


async def tell_of_ticket(work: Work[Caller], fact: Opened) -> None:
    await webhooks.notice(work, "ticket", fact.ticket_id, channel_id=fact.channel_id, comment_id=fact.comment_id)


async def tell_of_comment(work: Work[Caller], fact: Commented) -> None:
    await webhooks.notice(work, "comment", fact.ticket_id, channel_id=fact.channel_id, comment_id=fact.comment_id)


async def tell_of_chat(work: Work[Caller], fact: Commented) -> None:
    """A public message in a messenger; one that a rule wrote is a change and no chat."""
    channel = work.by.configuration.channels.get(fact.channel_id)
    if channel is None or not channel.is_messenger or not fact.public or fact.author == "trigger":
        return
    state = "new" if isinstance(fact, Opened) else None
    await webhooks.notice(
        work, "chat", fact.ticket_id, channel_id=fact.channel_id, comment_id=fact.comment_id, word=state
    )


async def tell_of_change(work: Work[Caller], fact: TicketChanged) -> None:
    ticket = fact.changed.ticket
    await webhooks.notice(work, "change", ticket.id, channel_id=ticket.channel_id, change_id=fact.change_id)


async def tell_of_message(work: Work[Caller], fact: MessageReported) -> None:
    for state in fact.states:
        await webhooks.notice(
            work,
            "delivery",
            fact.ticket_id,
            channel_id=fact.channel_id,
            comment_id=fact.comment_id,
            cause_id=fact.delivery_id,
            word=WORDS[state],
        )


async def tell_of_rating(work: Work[Caller], fact: Rated) -> None:
    await webhooks.notice(work, "rating", fact.ticket_id, channel_id=fact.channel_id, cause_id=fact.rating_id)


REACTIONS: Final[Mapping[type, Sequence[Reaction]]] = {
    Opened: (messages.queue, tell_of_ticket, tell_of_chat),
    Commented: (messages.queue, tell_of_comment, tell_of_chat),
    TicketChanged: (tell_of_change,),
    MessageReported: (tell_of_message,),
    Rated: (tell_of_rating,),
}


def reacting(wake: Callable[[], None]) -> Callable[[Work[Any], Any], Awaitable[None]]:
    """What a unit of work calls with each fact; `wake` is called once it is committed."""

    async def react(work: Work[Any], fact: Any) -> None:
        for reaction in REACTIONS[type(fact)]:
            await reaction(work, fact)
        if not work.afterwards:
            work.afterwards.append(wake)

    return react

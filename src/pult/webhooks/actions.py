"""Tell receivers what happened: rows of the ledger, made in the transaction of their cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pult.webhooks import model, store

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller


async def notice(
    work: Work[Caller],
    event: str,
    ticket_id: int,
    *,
    channel_id: int,
    comment_id: int | None = None,
    change_id: int | None = None,
    cause_id: int | None = None,
    word: str | None = None,
) -> None:
    """One row for each API channel that listens to this event of a ticket of `channel_id`; no statement where none does.

    `event`: ticket, comment, change, rating, chat or delivery. `cause_id`: the rating, or the message's delivery. `word`:
    of "delivery" what became of the message, as receivers read it; of "chat" the state (new, reopened, closed). The
    caller holds the ticket, so that its events are numbered in their order.
    """
    listening = model.listeners(work.by.configuration.channels, event, channel_id, word)
    if not listening:
        return
    await store.queue(
        work.conn,
        company_id=work.by.company_id,
        event=event,
        ticket_id=ticket_id,
        comment_id=comment_id,
        change_id=change_id,
        cause_id=cause_id,
        details="{}" if word is None else msgspec.json.encode({"word": word}).decode(),
        channel_ids=listening,
    )

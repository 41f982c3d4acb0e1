"""Change a ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from pult.clients.actions import ClientUnknown
from pult.fields.model import filled
from pult.kit.errors import NotFound
from pult.tickets import model, store
from pult.tickets.configuration import Stale
from pult.tickets.facts import TicketChanged
from pult.tickets.tagging import add_tags

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller
    from pult.tickets.model import Changed, Ticket, Wish

_tags = msgspec.json.Decoder(dict[str, int | None])
_fields = msgspec.json.Decoder(dict[int, str], strict=False)


class TicketUnknown(NotFound):
    """There is no such ticket here."""


async def change(work: Work[Caller], ticket_id: int, wish: Wish, *, agent_id: int | None) -> Changed:
    """What the wish changes of the ticket, with its history row; a wish that changes nothing writes nothing.

    `agent_id`: on whose behalf; the history's author. Raises a named error of the desk's, or `Stale`.
    """
    ticket = await hold(work, ticket_id, new_client_id=wish.client_id)
    if wish.touches_tags():
        ticket = await _with_tags_and_fields(work, ticket)
    changed = model.apply(ticket, wish, work.by.staff, work.by.configuration.fields)
    if changed.data:
        work.record(TicketChanged(changed, await _save(work, ticket, changed, agent_id)))
    return changed


async def hold(work: Work[Caller], ticket_id: int, *, new_client_id: int | None = None) -> Ticket:
    """The ticket, without tags and fields, held until the end of the unit of work. TicketUnknown, ClientUnknown, Stale."""
    by = work.by
    row = await store.lock_ticket(
        work.conn,
        company_id=by.company_id,
        ticket_id=ticket_id,
        token_hash=by.token_hash,
        config_version=by.version,
        new_client_id=new_client_id,
    )
    if row is None:
        current = await store.still_current(
            work.conn, token_hash=by.token_hash, company_id=by.company_id, config_version=by.version
        )
        raise TicketUnknown(f"there is no ticket {ticket_id}", parameter="ticket") if current else Stale
    if not row.current:
        raise Stale
    if new_client_id is not None and not row.client_known:
        raise ClientUnknown(f"there is no client {new_client_id}", parameter="client")
    return model.Ticket(
        row.id,
        row.subject,
        row.status,
        row.type,
        row.priority,
        row.client_id,
        row.channel_id,
        row.group_id,
        row.assignee_id,
    )


async def _with_tags_and_fields(work: Work[Caller], ticket: Ticket) -> Ticket:
    row = await store.tags_and_fields(work.conn, company_id=work.by.company_id, ticket_id=ticket.id)
    assert row is not None
    return replace(ticket, tags=_tags.decode(row.tags), fields=_fields.decode(row.fields))


async def _save(work: Work[Caller], before: Ticket, changed: Changed, agent_id: int | None) -> int:
    ticket, company_id = changed.ticket, work.by.company_id
    change_id = await store.save_ticket(
        work.conn,
        company_id=company_id,
        ticket_id=ticket.id,
        subject=ticket.subject,
        status=ticket.status,
        type=ticket.type,
        priority=ticket.priority,
        client_id=ticket.client_id,
        group_id=ticket.group_id,
        assignee_id=ticket.assignee_id,
        filled=filled(work.by.configuration.fields, ticket.fields) if changed.fields else None,
        subject_changed=ticket.subject != before.subject,
        agent_id=agent_id,
        trigger_id=None,
        data=msgspec.json.encode(changed.data).decode(),
        old_status=changed.old_status,
        new_status=changed.new_status,
    )
    if changed.untagged:
        await store.remove_tags(work.conn, company_id=company_id, ticket_id=ticket.id, names=list(changed.untagged))
    if changed.tags:
        await add_tags(work.conn, company_id, ticket.id, changed.tags)
    await _save_fields(work, ticket.id, changed)
    assert change_id is not None
    return change_id


async def _save_fields(work: Work[Caller], ticket_id: int, changed: Changed) -> None:
    company_id = work.by.company_id
    if cleared := [field_id for field_id, value in changed.fields.items() if value is None]:
        await store.clear_fields(work.conn, company_id=company_id, ticket_id=ticket_id, field_ids=cleared)
    if given := {field_id: value for field_id, value in changed.fields.items() if value is not None}:
        await store.set_fields(
            work.conn,
            company_id=company_id,
            ticket_id=ticket_id,
            field_ids=list(given),
            given_values=list(given.values()),
        )

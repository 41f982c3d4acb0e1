"""What providers tell: each event into the desk, in a unit of work of its own, for the channel that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from pult.kit.errors import NotFound
from pult.kit.log import get_logger
from pult.messaging import incoming, reports, store
from pult.messaging.carrier import own_delivery
from pult.messaging.contract import ChannelReport, Incoming, Rating
from pult.tickets.configuration import Stale
from pult.tickets.facts import Rated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.desk import Desk
    from pult.kit.work import Work
    from pult.messaging.contract import ChannelRecord, Event, StatusReport
    from pult.messaging.incoming import Taken
    from pult.messaging.outlets import Outlets
    from pult.tickets.caller import Caller
    from pult.tickets.companies import Companies

log = get_logger()

LOOKS: Final = 4  # at a configuration that keeps changing under the work


class Receiving:
    """One process's way in."""

    def __init__(self, desk: Desk, outlets: Outlets, companies: Companies) -> None:
        self.desk, self.outlets, self.companies = desk, outlets, companies

    async def take(self, record: ChannelRecord, events: Sequence[Event]) -> int:
        """Take every event in, in order; how many were new. Durable when it returns."""
        new = 0
        for event in events:
            channel_id = await self._channel(record, event)
            if channel_id is not None:
                new += await self._take(record.company_id, channel_id, event)
        return new

    async def take_message(self, record: ChannelRecord, message: Incoming) -> Taken | None:
        """One message; what it became, None where it is known already."""
        for _ in range(LOOKS):
            by = await self.companies.desk_of(record.company_id, record.id)
            try:
                return await self.desk.done(by, lambda work: incoming.take(work, message))
            except Stale:
                continue
        raise Stale

    async def _channel(self, record: ChannelRecord, event: Event) -> int | None:
        """Of several channels that share an account, the one that is meant; None for a stranger's."""
        if event.channel_ref is None:
            return record.id
        for other, adapter in await self.outlets.siblings(record.company_id):
            if (
                other.type.partition("_")[2] == record.type.partition("_")[2]
                and adapter.channel_ref == event.channel_ref
            ):
                return other.id
        log.info("inbound.other_channel", channel_type=record.type)
        return None

    async def _take(self, company_id: int, channel_id: int, event: Event) -> bool:
        what = event.what
        for _ in range(LOOKS):
            try:
                by = await self.companies.desk_of(company_id, channel_id)
            except NotFound:
                return False
            try:
                if isinstance(what, Incoming):
                    return await self.desk.done(by, lambda work: incoming.take(work, what)) is not None
                if isinstance(what, ChannelReport):
                    return await self.desk.done(by, lambda work: _report_channel(work, what))
                if isinstance(what, Rating):
                    return await self.desk.done(by, lambda work: _rate(work, what))
                return await self.desk.done(by, lambda work: _report(work, what))
            except Stale:
                continue
        raise Stale


async def _report(work: Work[Caller], told: StatusReport) -> bool:
    own = own_delivery(told.own_id, work.by.company_id) if told.own_id else None
    return await (reports.report_own(work, own, told) if own is not None else reports.report(work, told))


async def _report_channel(work: Work[Caller], told: ChannelReport) -> bool:
    await store.report_on_channel(
        work.conn,
        company_id=work.by.company_id,
        channel_id=work.by.channel.id,
        healthy=told.healthy,
        report=told.text[:500],
        counters=msgspec.json.encode({}).decode(),
    )
    return True


async def _rate(work: Work[Caller], told: Rating) -> bool:
    ids = {"company_id": work.by.company_id, "channel_id": work.by.channel.id}
    if not await store.take_message(work.conn, message_id=f"rating:{told.rating_id}", **ids):
        return False
    ticket = await store.rated_ticket(work.conn, company_id=work.by.company_id, ticket_id=told.ticket_id)
    if ticket is None:
        return False
    rating_id = await store.insert_rating(
        work.conn,
        company_id=work.by.company_id,
        ticket_id=told.ticket_id,
        comment_id=ticket.comment_id,
        rating=told.rating,
        comment=told.comment[:2000],
    )
    assert rating_id is not None
    work.record(Rated(rating_id, told.ticket_id, ticket.channel_id))
    return True

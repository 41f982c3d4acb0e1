"""The client for programs on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from pult_client import answers, request
from pult_client.answers import Delivery, DeliveryRow, NewTicket, Ticket, TicketRow
from pult_client.exchange import LOST, Outcome, exchange
from pult_client.parameters import (
    DeliveryFilters,
    NewTicketParameters,
    ReplayedTime,
    TicketChanges,
    TicketFilters,
    TicketPage,
    TicketView,
)
from pult_client.request import File, Request


class AsyncClient:
    """Client's twin: the same arguments, methods, answers and errors, awaited. Close it, or use it as a context manager."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 30, retries: int = 3) -> None:
        self._token, self._timeout, self._retries = token, timeout, retries
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout)

    async def create_ticket(self, *, files: Sequence[File] = (), **given: Unpack[NewTicketParameters]) -> NewTicket:
        """Makes a ticket. Tried again only where nothing can have been stored."""
        return answers.new_ticket(await self._call(request.create_ticket(files, given)))

    async def update_ticket(self, ticket_id: int, **changes: Unpack[TicketChanges]) -> None:
        """Changes what is given; CLEAR empties. Tried again only where nothing can have been stored."""
        await self._call(request.update_ticket(ticket_id, changes))

    async def ticket(self, ticket_id: int, **view: Unpack[TicketView]) -> Ticket:
        """The ticket with its comments, history, tags and fields."""
        return answers.ticket(await self._call(request.ticket(ticket_id, view)))

    async def tickets(self, **page: Unpack[TicketPage]) -> list[TicketRow]:
        """One page: up to 100 tickets, newest first unless sorted otherwise."""
        return answers.tickets(await self._call(request.tickets(page)))

    async def iter_tickets(self, **filters: Unpack[TicketFilters]) -> AsyncIterator[TicketRow]:
        """All tickets that match: see Client.iter_tickets."""
        last = page = 0
        while rows := answers.tickets(await self._call(request.page_by_id(filters, page))):
            for row in rows:
                if row.id > last:
                    yield row
                    last = row.id
            page += 1

    async def deliveries(self, **filters: Unpack[DeliveryFilters]) -> list[DeliveryRow]:
        """One page of the log of messages and webhooks: up to 100, newest first."""
        return answers.deliveries(await self._call(request.deliveries(filters)))

    async def delivery(self, delivery_id: int) -> Delivery:
        """The delivery with what was sent and its attempts."""
        return answers.delivery(await self._call(request.delivery(delivery_id)))

    async def delivery_resend(self, delivery_id: int) -> int:
        """Sends it once more; the new delivery's id. Tried again only where nothing can have been stored."""
        return answers.number(await self._call(request.delivery_resend(delivery_id)), "delivery_id")

    async def delivery_cancel(self, delivery_id: int) -> None:
        """Takes back what still waits."""
        await self._call(request.delivery_cancel(delivery_id))

    async def deliveries_replay(self, channel_id: int, **span: Unpack[ReplayedTime]) -> int:
        """Tells the receiver of an API channel once more what it was to be told in this time; how many events."""
        return answers.number(await self._call(request.deliveries_replay(channel_id, span)), "count")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _call(self, asked: Request) -> Any:
        course = exchange(asked, retries=self._retries, timeout=self._timeout)
        pause = next(course)
        while True:
            await asyncio.sleep(pause)
            try:
                pause = course.send(await self._tried(asked))
            except StopIteration as end:
                return end.value

    async def _tried(self, asked: Request) -> Outcome:
        try:
            return await self._http.post(asked.method, **asked.body(self._token))
        except LOST as error:
            return error

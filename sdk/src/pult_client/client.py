"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
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


class Client:
    """A desk's ticket API. May be used from several threads; close it, or use it as a context manager.

    `base_url`: the address that the methods' names are added to (`http://127.0.0.1:8080`, `https://desk.example/uapi`).
    `timeout`: seconds, of connecting, of each wait for the other side, and the longest pause that the desk may ask for.
    `retries`: how often a call is tried again, where that is safe. Every method raises PultError.
    """

    def __init__(self, base_url: str, token: str, *, timeout: float = 30, retries: int = 3) -> None:
        self._token, self._timeout, self._retries = token, timeout, retries
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout)

    def create_ticket(self, *, files: Sequence[File] = (), **given: Unpack[NewTicketParameters]) -> NewTicket:
        """Makes a ticket. Tried again only where nothing can have been stored."""
        return answers.new_ticket(self._call(request.create_ticket(files, given)))

    def update_ticket(self, ticket_id: int, **changes: Unpack[TicketChanges]) -> None:
        """Changes what is given; CLEAR empties. Tried again only where nothing can have been stored."""
        self._call(request.update_ticket(ticket_id, changes))

    def ticket(self, ticket_id: int, **view: Unpack[TicketView]) -> Ticket:
        """The ticket with its comments, history, tags and fields."""
        return answers.ticket(self._call(request.ticket(ticket_id, view)))

    def tickets(self, **page: Unpack[TicketPage]) -> list[TicketRow]:
        """One page: up to 100 tickets, newest first unless sorted otherwise."""
        return answers.tickets(self._call(request.tickets(page)))

    def iter_tickets(self, **filters: Unpack[TicketFilters]) -> Iterator[TicketRow]:
        """All tickets that match, by id upwards, each once, page after page; one that is made meanwhile comes last.

        Do not change meanwhile what the filters ask for: tickets that leave the list move those behind them up, past the
        next page. Collect their ids first. With `query` each page is one of the ten searches of a minute.
        """
        last = page = 0
        while rows := answers.tickets(self._call(request.page_by_id(filters, page))):
            for row in rows:
                if row.id > last:
                    yield row
                    last = row.id
            page += 1

    def deliveries(self, **filters: Unpack[DeliveryFilters]) -> list[DeliveryRow]:
        """One page of the log of messages and webhooks: up to 100, newest first."""
        return answers.deliveries(self._call(request.deliveries(filters)))

    def delivery(self, delivery_id: int) -> Delivery:
        """The delivery with what was sent and its attempts."""
        return answers.delivery(self._call(request.delivery(delivery_id)))

    def delivery_resend(self, delivery_id: int) -> int:
        """Sends it once more; the new delivery's id. Tried again only where nothing can have been stored."""
        return answers.number(self._call(request.delivery_resend(delivery_id)), "delivery_id")

    def delivery_cancel(self, delivery_id: int) -> None:
        """Takes back what still waits."""
        self._call(request.delivery_cancel(delivery_id))

    def deliveries_replay(self, channel_id: int, **span: Unpack[ReplayedTime]) -> int:
        """Tells the receiver of an API channel once more what it was to be told in this time; how many events."""
        return answers.number(self._call(request.deliveries_replay(channel_id, span)), "count")

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _call(self, asked: Request) -> Any:
        course = exchange(asked, retries=self._retries, timeout=self._timeout)
        pause = next(course)
        while True:
            time.sleep(pause)
            try:
                pause = course.send(self._tried(asked))
            except StopIteration as end:
                return end.value

    def _tried(self, asked: Request) -> Outcome:
        try:
            return self._http.post(asked.method, **asked.body(self._token))
        except LOST as error:
            return error

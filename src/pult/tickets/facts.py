"""What happened to a ticket: recorded in a unit of work, reacted to from one table (`pult.reactions`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pult.tickets.model import Changed


@dataclass(frozen=True, slots=True)
class Opened:
    """A ticket was created with its first comment."""

    ticket_id: int
    comment_id: int


@dataclass(frozen=True, slots=True)
class TicketChanged:
    """A ticket was changed; never recorded when nothing changed."""

    changed: Changed
